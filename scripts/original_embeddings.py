"""Embed clips with the unmodified original package `frechet-audio-distance`, without the network.

The script runs in the environment of `envs/reference.txt`, by its own interpreter and with `-I`, and does not
import `fad_core`:

    python -I scripts/original_embeddings.py --model clap-630k --ckpt-dir CKPT --clips CLIPS --output OUT.npz

All computation is that of the original: `load_audio_task`, `FrechetAudioDistance.get_embeddings` and the
packages that these call. This script replaces downloads: the folder that `torch.hub` would have downloaded,
and, for the CLAP package, empty tokenizers and a text network of zeros, which are loaded but not used for
audio.

CKPT holds the checkpoint files, with the names and in the folder `checkpoints` that the original expects. The
original unpickles them without protection: they must come from a trusted source.

CLIPS is a folder of WAV files `{case}.wav` and `clips.json`, which has for every case

- `seed`: seed of NumPy's global generator for the clip (CLAP crops at random),
- `loading`: "file" or "faulty": loaded by `load_audio_task`; "resampled": resampled before, each channel
  separately, because `load_audio_task` would resample stereo along the channels,
- `group`: "reference" or "evaluation", the sets for a distance, or "".

`matrices.npz`, if it exists, holds two sets of vectors, `reference` and `evaluation`, for a distance.

Entries of OUT.npz:

- `embeddings/{case}` float32 `[N, D]`
- `features/{case}/{i}`: input of the original's network: VGGish `[N, 1, 96, 64]`; PANN `[1, samples]`;
  EnCodec `[1, C, samples]`; CLAP `[1, 480000]`, or for fusion `[1, 4, 1001, 64]` and a bool `[1]`
- `before_quantisation/{case}` float32 `[N, 128]`: the output of VGGish's PCA, if there is one
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
import contextlib
import io
import json
import platform
import tempfile
import time
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

VGGISH = {"model_name": "vggish"}
PANN = {"model_name": "pann"}
ENCODEC = {"model_name": "encodec"}
CLAP = {"model_name": "clap", "sample_rate": 48000}

# id → arguments of FrechetAudioDistance
MODELS: dict[str, dict[str, Any]] = {
    "vggish": VGGISH,
    "vggish-activation": VGGISH | {"use_activation": True},
    "vggish-pca": VGGISH | {"use_pca": True},
    "vggish-pca-activation": VGGISH | {"use_pca": True, "use_activation": True},
    "pann-8k": PANN | {"sample_rate": 8000},
    "pann-16k": PANN | {"sample_rate": 16000},
    "pann-32k": PANN | {"sample_rate": 32000},
    "encodec-24k": ENCODEC | {"sample_rate": 24000},
    "encodec-48k": ENCODEC | {"sample_rate": 48000, "channels": 2},
    "clap-630k-audioset": CLAP | {"submodel_name": "630k-audioset"},
    "clap-630k-audioset-fusion": CLAP | {"submodel_name": "630k-audioset", "enable_fusion": True},
    "clap-630k": CLAP | {"submodel_name": "630k"},
    "clap-630k-fusion": CLAP | {"submodel_name": "630k", "enable_fusion": True},
    "clap-music-audioset": CLAP | {"submodel_name": "music_audioset"},
    "clap-music-speech": CLAP | {"submodel_name": "music_speech"},
    "clap-music-speech-audioset": CLAP | {"submodel_name": "music_speech_audioset"},
}

PACKAGES = (
    *("frechet-audio-distance", "torchvggish", "laion-clap", "encodec", "torchlibrosa", "transformers"),
    *("torch", "torchvision", "torchaudio", "numpy", "scipy", "resampy", "soundfile", "librosa"),
)

# torchvggish 0.2 takes log-mel patches, the newer class of the repository the waveform: the frontend, which
# is the same file in both, is called before the network here.
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


def write_hub(folder: Path, ckpt_dir: Path) -> None:
    """Create a `torch.hub` folder with links to the checkpoints; `ckpt_dir` itself is not changed."""
    repository = folder / "harritaylor_torchvggish_master"
    repository.mkdir(parents=True)
    (repository / "hubconf.py").write_text(HUBCONF)
    for path in [*ckpt_dir.glob("*.*"), *ckpt_dir.glob("checkpoints/*.*")]:
        link = folder / path.relative_to(ckpt_dir)
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(path)


def write_pca(folder: Path) -> None:
    """Write a file for VGGish's PCA if there is none: it is always read, but used only with `use_pca`."""
    import torch

    path = folder / "checkpoints" / "vggish_pca_params-970ea276.pth"
    if not path.exists():
        torch.save({"pca_eigen_vectors": np.zeros((128, 128)), "pca_means": np.zeros(128)}, path)


def write_tokenizers(folder: Path) -> None:
    """Write the tokenizers that `laion_clap` loads on import, with a minimal vocabulary."""
    bert = folder / "bert-base-uncased"
    bert.mkdir(parents=True)
    (bert / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n")
    marks = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 4}
    for name in ("roberta-base", "facebook/bart-base"):
        (folder / name).mkdir(parents=True)
        (folder / name / "vocab.json").write_text(json.dumps(marks))
        (folder / name / "merges.txt").write_text("#version: 0.2\n")


def write_text_network(folder: Path) -> None:
    """Write a RoBERTa-base of zeros: CLAP's checkpoint replaces the values."""
    import torch
    from transformers import RobertaConfig, RobertaModel  # type: ignore[import-not-found]

    config = RobertaConfig(
        vocab_size=50265, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5
    )
    config.save_pretrained(folder / "roberta-base")
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in RobertaModel(config).state_dict().items()}
    # One zero stands for a whole tensor.
    zeros = {name: torch.zeros(()).expand(shape) for name, shape in shapes.items()}
    torch.save(zeros, folder / "roberta-base" / "pytorch_model.bin")


def make_scorer(name: str, ckpt_dir: Path) -> Any:
    """Return the original's object for a model id, without the lines that it prints."""
    from frechet_audio_distance import FrechetAudioDistance  # type: ignore[import-not-found]

    arguments = MODELS[name]
    if arguments["model_name"] == "clap":
        write_text_network(Path.cwd())
    if arguments["model_name"] == "vggish" and "use_pca" not in arguments:
        write_pca(ckpt_dir)
    with contextlib.redirect_stdout(io.StringIO()):
        return FrechetAudioDistance(ckpt_dir=str(ckpt_dir), **arguments)


class Capture:
    """Record the input of the original's network: the arrays of `features/{case}`."""

    def __init__(self, scorer: Any) -> None:
        self.arrays: list[np.ndarray] = []
        self.name = scorer.model_name
        self.fusion = scorer.enable_fusion
        network = {
            "vggish": lambda: scorer.model.features,
            "pann": lambda: scorer.model,
            "encodec": lambda: scorer.model.encoder,
            "clap": lambda: scorer.model.model.audio_branch,
        }[self.name]()
        network.register_forward_pre_hook(self._keep)

    def _keep(self, _module: Any, arguments: tuple[Any, ...]) -> None:
        given = arguments[0]
        if self.name == "clap":
            tensors = [given["mel_fusion"], given["longer"][:, 0]] if self.fusion else [given["waveform"]]
        else:
            tensors = [given]
        # Copies, because the networks modify their input.
        self.arrays = [tensor.detach().cpu().numpy().copy() for tensor in tensors]


def load(path: Path, scorer: Any, loading: str) -> np.ndarray:
    """Load a clip for the original's `get_embeddings`: `[samples]`, or `[samples, channels]`."""
    import resampy
    import soundfile
    from frechet_audio_distance.utils import load_audio_task  # type: ignore[import-not-found]

    if loading != "resampled":
        loaded: np.ndarray = load_audio_task(str(path), scorer.sample_rate, scorer.channels)
        return loaded
    samples, rate = soundfile.read(path, dtype="float32")
    return np.stack([resampy.resample(one, rate, scorer.sample_rate) for one in samples.T], axis=1)


def embed(scorer: Any, audio: np.ndarray, case: str) -> np.ndarray:
    """Return the original's embeddings of one clip.

    Raises:
        RuntimeError: it returns none; the message holds its printed reason.
    """
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            embeddings: np.ndarray = scorer.get_embeddings([audio], scorer.sample_rate)
    except ValueError as error:  # it has nothing to concatenate
        raise RuntimeError(f"the original gives no embedding of {case}: {printed.getvalue()}") from error
    if embeddings.size == 0 or not np.isfinite(embeddings).all():
        raise RuntimeError(f"the original's embedding of {case} is empty or not finite")
    return embeddings


def before_quantisation(scorer: Any, audio: np.ndarray, quantised: np.ndarray) -> np.ndarray:
    """Return the output of VGGish's PCA `[N, 128]`, by the matrices and formula of the postprocessor.

    Raises:
        RuntimeError: clipping and rounding it does not give the original's embeddings.
    """
    import torch

    model = scorer.model
    model.postprocess = False
    raw = model.forward(audio, scorer.sample_rate).detach()
    model.postprocess = True
    step = model.pproc
    projected = torch.mm(step._pca_matrix, (raw.t() - step._pca_means)).t()
    if not np.array_equal(torch.round((projected.clamp(-2.0, 2.0) + 2.0) * (255.0 / 4.0)), quantised):
        raise RuntimeError("the PCA's output does not round to the embeddings: has torchvggish changed?")
    return np.ascontiguousarray(projected.numpy())


@contextlib.contextmanager
def older_sqrtm() -> Iterator[None]:
    """Make `sqrtm(disp=False)` return an error estimate for a 1 × 1 matrix too, as before SciPy 1.17."""
    linalg: Any = import_module("scipy.linalg")
    newer = linalg.sqrtm

    def sqrtm(matrix: np.ndarray, disp: bool) -> Any:
        result = newer(matrix, disp=disp)
        return result if isinstance(result, tuple) else (result, 0.0)

    linalg.sqrtm = sqrtm
    try:
        yield
    finally:
        linalg.sqrtm = newer


def fad(scorer: Any, groups: list[list[np.ndarray]]) -> float:
    """Return the original's Fréchet distance of two sets of embeddings.

    They are concatenated as the original does it: PANN's vectors `[2048]` become one flat row. Its
    quantised VGGish returns `[128]` for one window and `[N, 128]` for several, which the original could not
    concatenate.
    """
    sets = []
    for group in groups:
        one_axis = all(embeddings.ndim == 1 for embeddings in group)
        sets.append(np.concatenate(group if one_axis else [np.atleast_2d(each) for each in group]))
    statistics = [scorer.calculate_embd_statistics(vectors) for vectors in sets]
    with contextlib.redirect_stdout(io.StringIO()):
        value = float(scorer.calculate_frechet_distance(*statistics[0], *statistics[1]))
    if not np.isfinite(value):
        raise ValueError(f"the distance is {value}")
    return value


def distance(scorer: Any, groups: list[list[np.ndarray]]) -> tuple[float | None, str]:
    """Return the original's distance and ""; if it fails, that with an older SciPy, and its error."""
    failure = ""
    for attempt in (contextlib.nullcontext, older_sqrtm):
        try:
            with attempt():
                return fad(scorer, groups), failure
        except Exception as error:  # where `score` would return -1  # noqa: BLE001
            failure = failure or f"{type(error).__name__}: {error}"
    return None, failure


def run(name: str, ckpt_dir: Path, clips: Path) -> dict[str, Any]:
    """Embed all clips and return the entries of the output file."""
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    scorer = make_scorer(name, ckpt_dir)
    capture = Capture(scorer)
    meta: dict[str, Any] = {"model": name, "arguments": MODELS[name], "flat": [], "seconds": {}}
    entries: dict[str, Any] = {}
    groups: dict[str, list[np.ndarray]] = {"reference": [], "evaluation": []}
    for case, facts in json.loads((clips / "clips.json").read_text()).items():
        start = time.perf_counter()
        audio = load(clips / f"{case}.wav", scorer, facts["loading"])
        np.random.seed(facts["seed"])  # noqa: NPY002 - the generator that the original draws from
        found = embed(scorer, audio, case)
        meta["seconds"][case] = round(time.perf_counter() - start, 3)
        if found.ndim == 1:
            meta["flat"].append(case)
        for index, array in enumerate(capture.arrays):
            entries[f"features/{case}/{index}"] = array
        entries[f"embeddings/{case}"] = np.atleast_2d(found)
        if getattr(scorer.model, "postprocess", False):
            entries[f"before_quantisation/{case}"] = before_quantisation(scorer, audio, np.atleast_2d(found))
        groups.get(facts["group"], []).append(found)
        print(f"{name}: {case} {found.shape} {meta['seconds'][case]} s", flush=True)
    meta["distance"], meta["failure"] = distance(scorer, list(groups.values()))
    meta["distance_of_matrices"] = None
    if (clips / "matrices.npz").is_file():
        matrices = np.load(clips / "matrices.npz")
        sets = [[matrices["reference"]], [matrices["evaluation"]]]
        meta["distance_of_matrices"] = fad(scorer, sets)
    meta["versions"] = {"python": platform.python_version(), **{item: version(item) for item in PACKAGES}}
    return entries | {"meta": np.array(json.dumps(meta))}


def main() -> None:
    """Embed all clips with the original, and write the output file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, choices=MODELS, help="id of the model")
    parser.add_argument("--ckpt-dir", type=Path, required=True, help="folder of the checkpoints")
    parser.add_argument("--clips", type=Path, required=True, help="folder of WAV files and clips.json")
    parser.add_argument("--output", type=Path, required=True, help=".npz file to write")
    options = parser.parse_args()
    # Absolute paths, because the current folder changes below.
    ckpt_dir, clips, output = (path.resolve() for path in (options.ckpt_dir, options.clips, options.output))
    with tempfile.TemporaryDirectory() as temporary:
        write_tokenizers(Path(temporary))
        write_hub(Path(temporary) / "hub", ckpt_dir)
        os.chdir(temporary)  # the tokenizers are read from the current folder
        try:
            entries = run(options.model, Path(temporary) / "hub", clips)
        finally:
            os.chdir(output.parent)
    # Whole or not at all.
    part = output.with_name(f".{output.name}.part.npz")
    np.savez(part, **entries)
    part.replace(output)


if __name__ == "__main__":
    main()
