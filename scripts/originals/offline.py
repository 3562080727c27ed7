"""The package `frechet-audio-distance` without the network: what the adapters of its families share.

Downloads are replaced by files: the folder that `torch.hub` would have downloaded, and for CLAP empty
tokenizers and a text network of zeros, which are loaded but not used for audio. These functions run in the
environment of `envs/reference.txt`, which has no `fad_core`.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = (
    *("frechet-audio-distance", "torchvggish", "laion-clap", "encodec", "torchlibrosa", "transformers"),
    *("torch", "torchvision", "torchaudio", "numpy", "scipy", "resampy", "soundfile", "librosa"),
)

Network = Callable[[Any], Any]
Features = Callable[[Any], list[Any]]


class Original:
    """The original's object for one model, and the input of its network.

    Attributes:
        arguments: of the original's class.
        scorer: the original's object.
        features: arrays that its network took in the last call of `embed`.
        others: arrays `[N, D]` that the model's other outputs gave in that call, by their names here.
    """

    def __init__(
        self, arguments: dict[str, Any], ckpt_dir: Path, network: Network, features: Features
    ) -> None:
        """Make the object, without the lines that it prints.

        Args:
            arguments: of the original's class.
            ckpt_dir: folder of the checkpoints.
            network: returns the module whose input is recorded, given the object.
            features: returns the tensors of that input, given its first argument.
        """
        write_tokenizers(Path.cwd())  # read from the current folder when the package is imported
        write_hub(Path("hub"), ckpt_dir)
        from frechet_audio_distance import FrechetAudioDistance  # type: ignore[import-not-found]

        self.arguments = arguments
        self.features: list[np.ndarray] = []
        self.others: dict[str, np.ndarray] = {}
        with contextlib.redirect_stdout(io.StringIO()):
            self.scorer: Any = FrechetAudioDistance(ckpt_dir=str(Path("hub").resolve()), **arguments)

        def record(_module: Any, given: tuple[Any, ...]) -> None:
            # Copies, because the networks modify their input.
            self.features = [tensor.detach().cpu().numpy().copy() for tensor in features(given[0])]

        network(self.scorer).register_forward_pre_hook(record)

    def load(self, path: Path, loading: str) -> np.ndarray:
        """Load a clip for the original's `get_embeddings`: `[samples]`, or `[samples, channels]`."""
        import resampy
        import soundfile
        from frechet_audio_distance.utils import load_audio_task  # type: ignore[import-not-found]

        if loading != "resampled":
            loaded: np.ndarray = load_audio_task(str(path), self.scorer.sample_rate, self.scorer.channels)
            return loaded
        samples, rate = soundfile.read(path, dtype="float32")
        resampled = [resampy.resample(one, rate, self.scorer.sample_rate) for one in samples.T]
        return np.stack(resampled, axis=1)

    def embed(self, audio: np.ndarray) -> np.ndarray:
        """Return the original's embeddings of one clip.

        Raises:
            RuntimeError: it returns none; the message holds its printed reason.
        """
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                embeddings: np.ndarray = self.scorer.get_embeddings([audio], self.scorer.sample_rate)
        except ValueError as error:  # it has nothing to concatenate
            raise RuntimeError(f"the original gives no embedding: {printed.getvalue()}") from error
        return embeddings

    def unrounded(self, audio: np.ndarray, embeddings: np.ndarray) -> np.ndarray | None:  # noqa: ARG002
        """Return embeddings before they were rounded, `[N, D]`; None if the model does not round."""
        return None

    def distance(self, groups: list[list[np.ndarray]]) -> tuple[float | None, str]:
        """Return the original's distance and ""; if it fails, that with an older SciPy, and its error."""
        failure = ""
        for attempt in (contextlib.nullcontext, older_sqrtm):
            try:
                with attempt():
                    return self._distance(groups), failure
            except Exception as error:  # where `score` would return -1  # noqa: BLE001
                failure = failure or f"{type(error).__name__}: {error}"
        return None, failure

    def _distance(self, groups: list[list[np.ndarray]]) -> float:
        """Return the original's Fréchet distance of two sets of embeddings.

        They are concatenated as the original does it: PANN's vectors `[2048]` become one flat row. Its
        quantised VGGish returns `[128]` for one window and `[N, 128]` for several, which the original could
        not concatenate.
        """
        sets = []
        for group in groups:
            one_axis = all(embeddings.ndim == 1 for embeddings in group)
            sets.append(np.concatenate(group if one_axis else [np.atleast_2d(each) for each in group]))
        statistics = [self.scorer.calculate_embd_statistics(vectors) for vectors in sets]
        with contextlib.redirect_stdout(io.StringIO()):
            value = float(self.scorer.calculate_frechet_distance(*statistics[0], *statistics[1]))
        if not np.isfinite(value):
            raise ValueError(f"the distance is {value}")
        return value


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


def write_pca(folder: Path, ckpt_dir: Path) -> None:
    """Write a file for VGGish's PCA if there is none: it is always read, but used only with `use_pca`."""
    import torch

    name = "checkpoints/vggish_pca_params-970ea276.pth"
    if not (ckpt_dir / name).exists():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        torch.save({"pca_eigen_vectors": np.zeros((128, 128)), "pca_means": np.zeros(128)}, folder / name)


def write_tokenizers(folder: Path) -> None:
    """Write the tokenizers that `laion_clap` loads on import, with a minimal vocabulary."""
    bert = folder / "bert-base-uncased"
    bert.mkdir(parents=True)
    (bert / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n")
    marks = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 4}
    for name in ("roberta-base", "facebook/bart-base"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "vocab.json").write_text(json.dumps(marks))
        (folder / name / "merges.txt").write_text("#version: 0.2\n")


def write_text_network(folder: Path) -> None:
    """Write a RoBERTa-base of zeros: CLAP's checkpoint replaces the values."""
    from transformers import RobertaConfig, RobertaModel  # type: ignore[import-not-found]

    config = RobertaConfig(
        vocab_size=50265, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5
    )
    _write_zeros(RobertaModel, config, folder / "roberta-base")


def write_gpt2(folder: Path, layers: int = 0) -> None:
    """Write GPT-2 as MS-CLAP loads it: a tokenizer with a minimal vocabulary, and a network of zeros.

    For sound alone, it has none of the twelve layers: what MS-CLAP's checkpoint has of them is then left out.
    """
    from transformers import GPT2Config, GPT2Model

    _write_zeros(GPT2Model, GPT2Config(n_layer=layers), folder / "gpt2")
    (folder / "gpt2/vocab.json").write_text(json.dumps({"<|endoftext|>": 0, "!": 1}))
    (folder / "gpt2/merges.txt").write_text("#version: 0.2\n")


def _write_zeros(network: Any, config: Any, folder: Path) -> None:
    import torch

    config.save_pretrained(folder)
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in network(config).state_dict().items()}
    # One zero stands for a whole tensor.
    zeros = {name: torch.zeros(()).expand(shape) for name, shape in shapes.items()}
    torch.save(zeros, folder / "pytorch_model.bin")
