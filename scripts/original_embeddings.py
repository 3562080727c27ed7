r"""Embed clips with an unmodified original package, without the network.

The script runs in the environment of the original, such as that of `envs/reference.txt`, by its own
interpreter and with `-I`, and does not import `fad_core`:

    python -I scripts/original_embeddings.py --adapter scripts/originals/clap.py --model clap-630k \
        --ckpt-dir CKPT --clips CLIPS --output OUT.npz

All computation is that of the original. Its adapter, one Python file for each family of models, has

- `PACKAGES`: names of the distributions whose versions are recorded,
- `MODELS`: the ids of its models, as the keys of a mapping or a sequence,
- `Original(model_id, ckpt_dir)`: the original's model. It is made in an empty current folder, which it may
  write to. It has
  - `arguments`: a dict of values that JSON can hold, which is recorded in the output,
  - `features`: list of arrays, the inputs of the network in the last call of `embed`, in the form of
    `EmbeddingModel.frontend`,
  - `others`: the model's other outputs in the last call of `embed`, `[N, D]` by their names here; it need not
    exist if there are none,
  - `load(path, loading)`: the sound of a WAV file, mixed and resampled as `embed` takes it,
  - `embed(audio)`: its embeddings, `[N, D]` or `[D]`; a RuntimeError if there are none,
  - `unrounded(audio, embeddings)`: the embeddings `[N, D]` before they are rounded; None if the model does
    not round,
  - `distance(groups)`: the original's Fréchet distance of two lists of embeddings, and its error ("" if it
    has none); (None, "") if the original computes no distance.

`originals.offline.Original` documents and implements these for the package frechet-audio-distance; adapters
of other packages do not derive from it.

CKPT holds the checkpoint files, with the names and in the folder `checkpoints` that the original expects. The
original may unpickle them without protection: they must come from a trusted source.

CLIPS is a folder of WAV files `{case}.wav` and `clips.json`, which has for every case

- `seed`: seed of NumPy's global generator for the clip (CLAP crops at random),
- `loading`: "file" or "faulty": loaded as the original does; "resampled": resampled before, each channel
  separately, because the original would resample stereo along the channels,
- `group`: "reference" or "evaluation", the sets for a distance, or "".

`matrices.npz`, if it exists, holds two sets of vectors, `reference` and `evaluation`, for a distance.

Entries of OUT.npz:

- `embeddings/{case}` float32 `[N, D]`
- `features/{case}/{i}`: input of the original's network
- `others/{case}/{output}` float32 `[N, D]`: what the model's other outputs gave
- `before_quantisation/{case}` float32 `[N, D]`: unrounded embeddings, if the model rounds them
- `meta`: JSON with `distance` (of the two groups by the original; null if it has none), `failure` (its error
  with this SciPy, if it has one: `distance` is then that of an older SciPy), `distance_of_matrices`, `flat`
  (cases whose one vector it returned as `[D]`), `versions`, and `seconds` by case
"""

from __future__ import annotations

import os

# By default one thread, on the CPU, without the network; set before numerical packages are imported. PANN's
# files also contain NumPy arrays, which PyTorch since 2.6 reads only with this variable.
os.environ.update({f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS")} | os.environ)
os.environ.update({"CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"})
os.environ["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"

import argparse
import importlib.util
import json
import platform
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np


def load_adapter(path: Path) -> Any:
    """Import an adapter, which may import `originals`, from its file."""
    # At the end, so that no script can take the place of a package.
    sys.path.append(str(Path(__file__).resolve().parent))
    spec = importlib.util.spec_from_file_location(f"adapter_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    adapter = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(adapter)
    return adapter


def run(adapter: Any, name: str, ckpt_dir: Path, clips: Path) -> dict[str, Any]:
    """Embed all clips and return the entries of the output file.

    Raises:
        RuntimeError: the original gives no embedding of a clip, or one that is empty or not finite.
    """
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    original = adapter.Original(name, ckpt_dir)
    meta: dict[str, Any] = {"model": name, "arguments": original.arguments, "flat": [], "seconds": {}}
    entries: dict[str, Any] = {}
    groups: dict[str, list[np.ndarray]] = {"reference": [], "evaluation": []}
    for case, facts in json.loads((clips / "clips.json").read_text()).items():
        start = time.perf_counter()
        audio = original.load(clips / f"{case}.wav", facts["loading"])
        np.random.seed(facts["seed"])  # noqa: NPY002 - the generator that the original draws from
        try:
            found = original.embed(audio)
        except RuntimeError as error:
            raise RuntimeError(f"{case}: {error}") from error
        if found.size == 0 or not np.isfinite(found).all():
            raise RuntimeError(f"the original's embedding of {case} is empty or not finite")
        meta["seconds"][case] = round(time.perf_counter() - start, 3)
        if found.ndim == 1:
            meta["flat"].append(case)
        for index, array in enumerate(original.features):
            entries[f"features/{case}/{index}"] = array
        for output, array in getattr(original, "others", {}).items():
            entries[f"others/{case}/{output}"] = array
        entries[f"embeddings/{case}"] = np.atleast_2d(found)
        unrounded = original.unrounded(audio, np.atleast_2d(found))
        if unrounded is not None:
            entries[f"before_quantisation/{case}"] = unrounded
        groups.get(facts["group"], []).append(found)
        print(f"{name}: {case} {found.shape} {meta['seconds'][case]} s", flush=True)
    meta["distance"], meta["failure"] = original.distance(list(groups.values()))
    meta["distance_of_matrices"] = None
    if (clips / "matrices.npz").is_file():
        matrices = np.load(clips / "matrices.npz")
        sets = [[matrices["reference"]], [matrices["evaluation"]]]
        meta["distance_of_matrices"], failure = original.distance(sets)
        if failure:
            raise RuntimeError(f"the distance of the matrices: {failure}")
    versions = {name: version(name) for name in adapter.PACKAGES}
    meta["versions"] = {"python": platform.python_version(), **versions}
    return entries | {"meta": np.array(json.dumps(meta))}


def main() -> None:
    """Embed all clips with the original, and write the output file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--adapter", type=Path, required=True, help="adapter of the original (.py)")
    parser.add_argument("--model", required=True, help="id of the model")
    parser.add_argument("--ckpt-dir", type=Path, required=True, help="folder of the checkpoints")
    parser.add_argument("--clips", type=Path, required=True, help="folder of WAV files and clips.json")
    parser.add_argument("--output", type=Path, required=True, help=".npz file to write")
    options = parser.parse_args()
    adapter = load_adapter(options.adapter)
    if options.model not in adapter.MODELS:
        parser.error(f"{options.adapter} has the models {', '.join(adapter.MODELS)}, not {options.model}")
    # Absolute paths, because the current folder changes below.
    ckpt_dir, clips, output = (path.resolve() for path in (options.ckpt_dir, options.clips, options.output))
    with tempfile.TemporaryDirectory() as temporary:
        os.chdir(temporary)
        try:
            entries = run(adapter, options.model, ckpt_dir, clips)
        finally:
            os.chdir(output.parent)
    # Whole or not at all.
    part = output.with_name(f".{output.name}.part.npz")
    np.savez(part, **entries)
    part.replace(output)


if __name__ == "__main__":
    main()
