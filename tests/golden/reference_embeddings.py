"""Embed clips with the original `frechet-audio-distance` package, as it is, without the network.

This runs in the environment of `envs/reference.txt`, by its own interpreter and with `-I`; it knows
nothing of `fad_core`:

    python -I reference_embeddings.py --clips CLIPS --ckpt-dir CKPT --output OUTPUT.npz \
        --reference-group long sine --evaluation-group noise square

CLIPS is a folder of WAV files, CKPT/checkpoints holds `vggish-10086976.pth` and
`vggish_pca_params-970ea276.pth`. All that computes is the original's: `load_audio_task`, the classes
`FrechetAudioDistance` and `torchvggish`'s network, mel frontend and postprocessor. Ours is what
stands in for the network: the folder that `torch.hub` would have downloaded, and empty tokenizers
for the CLAP package, which wants them at import although VGGish has no use for them.

Entries of OUTPUT.npz (ids as in `fad_core`, cases are the clips' names):

- `embeddings/<id>/<case>` float32 `[N, 128]`
- `before_quantisation/<id>/<case>` float32 `[N, 128]`: the PCA's output, for the ids with PCA
- `features/<case>` float32 `[1, 96, 64]`: the first window's log-mel patch
- `meta`: JSON with `distances` of the two groups by id, `distance_of_matrices`, `flat` (which
  embeddings the original gave as `[128]` instead of `[1, 128]`) and `versions`
"""

from __future__ import annotations

import os

# One thread, on the CPU, nothing from the network: before anything numerical is imported.
os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})
os.environ.update({"CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"})

import argparse
import json
import platform
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

# id: (use_pca, use_activation)
OPTIONS = {
    "vggish": (False, False),
    "vggish-activation": (False, True),
    "vggish-pca": (True, False),
    "vggish-pca-activation": (True, True),
}

PACKAGES = ("frechet-audio-distance", "torchvggish", "torch", "numpy", "scipy", "resampy", "soundfile")

# torchvggish 0.2 takes log-mel patches, the repository's newer class the waveform: the frontend is
# the same file in both, and is put in front of the network here.
HUBCONF = """\
import torchvggish
from torchvggish.vggish_input import waveform_to_examples

dependencies = ["torch", "torchvggish"]


def vggish():
    model = torchvggish.vggish()
    network = model.forward
    model.forward = lambda samples, rate: network(waveform_to_examples(samples, rate))
    return model
"""


def write_tokenizers(folder: Path) -> None:
    """Write what `laion_clap` loads when imported: tokenizers that know no word."""
    bert = folder / "bert-base-uncased"
    bert.mkdir(parents=True)
    (bert / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n")
    marks = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 4}
    for name in ("roberta-base", "facebook/bart-base"):
        (folder / name).mkdir(parents=True)
        (folder / name / "vocab.json").write_text(json.dumps(marks))
        (folder / name / "merges.txt").write_text("#version: 0.2\n")


def write_hub(folder: Path, ckpt_dir: Path) -> None:
    """Make a `torch.hub` folder around the checkpoints; `ckpt_dir` itself stays untouched."""
    repository = folder / "harritaylor_torchvggish_master"
    repository.mkdir(parents=True)
    (repository / "hubconf.py").write_text(HUBCONF)
    (folder / "checkpoints").symlink_to(ckpt_dir / "checkpoints")


def first_patch(audio: np.ndarray) -> np.ndarray:
    """The log-mel patch `[1, 96, 64]` of the first window."""
    from torchvggish.vggish_input import waveform_to_examples

    return waveform_to_examples(audio, 16000).detach().numpy()[:1, 0]


def before_quantisation(model: Any, audio: np.ndarray, quantised: np.ndarray) -> np.ndarray:
    """The output of the PCA `[N, 128]`, by the postprocessor's own matrices and formula.

    Raises:
        RuntimeError: clipping and rounding it does not give what the original gave.
    """
    import torch

    model.postprocess = False
    raw = model.forward(audio, 16000).detach()
    model.postprocess = True
    step = model.pproc
    projected = torch.mm(step._pca_matrix, (raw.t() - step._pca_means)).t()
    if not np.array_equal(torch.round((projected.clamp(-2.0, 2.0) + 2.0) * (255.0 / 4.0)), quantised):
        raise RuntimeError("the PCA's output does not round to the embeddings: has torchvggish changed?")
    return np.ascontiguousarray(projected.numpy())


def distance(scorer: Any, reference: np.ndarray, evaluation: np.ndarray) -> float:
    """The original's Fréchet distance of two sets of vectors `[N, D]`."""
    statistics = [scorer.calculate_embd_statistics(vectors) for vectors in (reference, evaluation)]
    return float(scorer.calculate_frechet_distance(*statistics[0], *statistics[1]))


def main() -> None:
    """Run the original on every clip with every set of options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=Path, required=True, help="folder of WAV files")
    parser.add_argument("--ckpt-dir", type=Path, required=True, help="folder with checkpoints/")
    parser.add_argument("--output", type=Path, required=True, help=".npz file to write")
    parser.add_argument("--reference-group", nargs="+", required=True, help="names of clips")
    parser.add_argument("--evaluation-group", nargs="+", required=True, help="names of clips")
    parser.add_argument("--matrices", type=Path, required=True, help=".npz with `reference` and `evaluation`")
    given = parser.parse_args()
    # Absolute, because the current folder changes below.
    paths = sorted(given.clips.resolve().glob("*.wav"))
    ckpt_dir, output = given.ckpt_dir.resolve(), given.output.resolve()
    matrices = np.load(given.matrices)

    entries: dict[str, np.ndarray] = {}
    meta: dict[str, Any] = {"distances": {}, "flat": []}
    with tempfile.TemporaryDirectory() as temporary:
        write_tokenizers(Path(temporary))
        write_hub(Path(temporary) / "hub", ckpt_dir)
        os.chdir(temporary)  # the tokenizers are looked for in the current folder
        import torch
        from frechet_audio_distance import FrechetAudioDistance
        from frechet_audio_distance.utils import load_audio_task

        torch.set_num_threads(1)
        audio = {path.stem: load_audio_task(str(path), 16000, 1) for path in paths}
        for case, samples in audio.items():
            entries[f"features/{case}"] = first_patch(samples)
        for name, (use_pca, use_activation) in OPTIONS.items():
            scorer = FrechetAudioDistance(
                ckpt_dir=str(Path(temporary) / "hub"),
                model_name="vggish",
                use_pca=use_pca,
                use_activation=use_activation,
            )
            found = {}
            for case, samples in audio.items():
                embeddings = scorer.get_embeddings([samples], 16000)
                if embeddings.ndim == 1:  # its postprocessor squeezes a single window
                    meta["flat"].append(f"{name}/{case}")
                found[case] = embeddings.reshape(-1, 128)
                entries[f"embeddings/{name}/{case}"] = found[case]
                if use_pca:
                    raw = before_quantisation(scorer.model, samples, found[case])
                    entries[f"before_quantisation/{name}/{case}"] = raw
            sets = [
                np.concatenate([found[case] for case in group])
                for group in (given.reference_group, given.evaluation_group)
            ]
            meta["distances"][name] = distance(scorer, *sets)
        meta["distance_of_matrices"] = distance(scorer, matrices["reference"], matrices["evaluation"])
        os.chdir(output.parent)
    meta["versions"] = {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
    np.savez(output, meta=np.array(json.dumps(meta)), **entries)


if __name__ == "__main__":
    main()
