"""Exported models: a network with its weights and its identity in one `.pt2` file.

The file is what `torch.export.save` writes and loads with a plain `torch.export.load`. Beside the
program it holds `identity.json`, which says what the network is, so that a result can name it.
"""

from __future__ import annotations

import copy
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fad_core import __version__
from fad_core.ahead import map_ahead
from fad_core.atomic import atomic_path
from fad_core.batches import Batches
from fad_core.code_digest import code_digest
from fad_core.errors import ModelError
from fad_core.models import get_model
from fad_core.models.base import Arrays, EmbeddingModel, WindowedModel
from fad_core.settings import Settings
from fad_core.weights import Weights, load_state

IDENTITY_FILE = "identity.json"


@dataclass(frozen=True)
class Identity:
    """What an exported model is.

    Attributes:
        model: the id, e.g. "vggish-pca".
        family: the module that knows its frontend.
        options: of the variant.
        weights: "official", "seeded" or the name of the user's file.
        weights_sha256: of the first checkpoint file.
        checkpoints: sha256 of every checkpoint file, by its official name.
        licence: of the official weights.
        tolerance: allowed difference from the original, a share of the embeddings' RMS.
        code: digest of the code that exported it (`fad_core.code_digest`).
        torch_version: that exported it.
        fad_core_version: likewise.
    """

    model: str
    family: str
    options: Mapping[str, Any]
    weights: str
    weights_sha256: str
    checkpoints: Mapping[str, str]
    licence: str
    tolerance: float
    code: str
    torch_version: str
    fad_core_version: str

    @classmethod
    def of(cls, model: EmbeddingModel, weights: Weights) -> Identity:
        """The identity that a model exported now with these (fetched) weights has."""
        return cls(
            model=model.name,
            family=model.family,
            options=dict(model.options),
            weights=weights.label,
            weights_sha256=weights.sha256,
            checkpoints={file.checkpoint.filename: file.sha256 for file in weights.files},
            licence=model.checkpoints[0].licence if weights.kind == "official" else "not stated",
            tolerance=model.tolerance,
            code=code_digest(Path(__file__), model.family),
            torch_version=str(torch.__version__),
            fad_core_version=__version__,
        )


def export_model(model: EmbeddingModel, weights: Weights, path: Path | str) -> Identity:
    """Export a model with `torch.export` and write it, whole or not at all.

    Args:
        model: which network.
        weights: fetched ones (see `fad_core.weights.fetch_weights`).
        path: the `.pt2` to write.

    Raises:
        WeightsError: the checkpoint does not fit the model.
        OutputError: the file cannot be written.
    """
    network = model.build(load_state(weights))
    with model.exporting():
        program = torch.export.export(
            network,
            model.example_input(*model.export_case),
            dynamic_shapes=model.dynamic_shapes(),
            strict=False,
            # What a length must satisfy is checked when the program runs, not fixed by the example's.
            prefer_deferred_runtime_asserts_over_guards=True,
        )
    identity = Identity.of(model, weights)
    # Through memory: given a path, torch.save names the archive after it, and a temporary name would
    # make the bytes differ from run to run.
    buffer = io.BytesIO()
    extra = {IDENTITY_FILE: json.dumps(asdict(identity), indent=1, sort_keys=True)}
    torch.export.save(program, buffer, extra_files=extra)
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())
    return identity


class ExportedModel:
    """A loaded `.pt2`: waveforms in, embeddings out.

    Attributes:
        identity: what it is.
        model: its description, with the frontend.
        device: where the network runs.
        note: what a reader of its results should know of it; empty if nothing.
    """

    def __init__(
        self,
        path: Path | str,
        device: str = "cpu",
        settings: Settings | None = None,
        batch_size: int | None = None,
    ) -> None:
        """Load the file.

        Args:
            path: the `.pt2`.
            device: where the network is to run (`resolve_device`).
            settings: how the model is used; None: the defaults.
            batch_size: windows at once, where the model embeds windows; None: the model's own. Another size
                may move the last bits.

        Raises:
            ModelError: the file is missing, damaged, is no exported program, holds no identity, or is of
                a model that this version does not know; or there is no such device.
        """
        program, identity = _load(Path(path))
        self._hold(program, identity, device, settings, batch_size)

    @classmethod
    def of_program(
        cls,
        program: torch.export.ExportedProgram,
        identity: Identity,
        device: str = "cpu",
        settings: Settings | None = None,
        batch_size: int | None = None,
        note: str = "",
    ) -> ExportedModel:
        """Make one of a program that is loaded already; see `__init__`."""
        made = cls.__new__(cls)
        made._hold(program, identity, device, settings, batch_size)
        made.note = note
        return made

    def _hold(
        self,
        program: torch.export.ExportedProgram,
        identity: Identity,
        device: str,
        settings: Settings | None,
        batch_size: int | None,
    ) -> None:
        self.device = resolve_device(device)
        model = get_model(identity.model, self._on_device(settings or Settings()))
        if batch_size is not None and batch_size < 1:
            raise ModelError(f"batch_size must be at least 1, not {batch_size}")
        self.identity = identity
        self.model = model if batch_size is None else replace(model, batch_size=batch_size)
        self.note = ""
        if self.device != "cpu":
            from torch.export.passes import move_to_device_pass

            program = move_to_device_pass(program, self.device)
        self._network = program.module()

    def with_settings(self, settings: Settings) -> ExportedModel:
        """The same network, used in another way."""
        made = copy.copy(self)
        made.model = replace(self.model, settings=self._on_device(settings))
        return made

    def _on_device(self, settings: Settings) -> Settings:
        """Settings that name the kind of device where the network runs."""
        return replace(settings, device="cpu" if self.device == "cpu" else "cuda")

    def network(self, *given: torch.Tensor) -> NDArray[np.float32]:
        """Run the network once on its arguments, the state included; returns its output."""
        with torch.inference_mode():
            output, _ = call_network(self._network, *(argument.to(self.device) for argument in given))
        return output.cpu().numpy()

    def embed(self, waveform: NDArray[np.float32], key: str = "") -> NDArray[np.float32]:
        """Embed one waveform.

        Args:
            waveform: float32 `[channels, samples]` with the model's channels and sample rate.
            key: tells the file from others (its sha256), for what is drawn at random.

        Returns:
            float32 `[N, D]`.

        Raises:
            ValueError: the waveform is shorter than the model's minimum.
        """
        return self.embed_features(self.model.frontend(waveform, key))

    def embed_features(self, features: Arrays) -> NDArray[np.float32]:
        """Embed one file's features, as `EmbeddingModel.frontend` gives them; returns float32 `[N, D]`."""
        (embeddings,) = self.embed_many([features])
        return embeddings

    @property
    def lanes(self) -> int:
        """For `embed_many`: a thread for each numeric thread, on a CPU.

        Networks of one thread beside each other do more than one network of as many threads.
        """
        threads = torch.get_num_threads()
        return threads if self.device == "cpu" and threads > 1 else 0

    def embed_many(self, files: Iterable[Arrays], lanes: int = 0) -> Iterator[NDArray[np.float32]]:
        """Embed the features of files, one after the other or several at a time.

        Windows go through the network in whole batches, whosever they are, and other features in blocks of
        their own file. A file's embeddings do not depend, to the last bit, on which others are embedded
        beside it.

        Args:
            files: of each file, what `EmbeddingModel.frontend` gives.
            lanes: threads in which the network runs, each with one numeric thread; 0: none, and PyTorch's
                number of numeric threads.

        Yields:
            The embeddings of each file, float32 `[N, D]`, in order.
        """
        if isinstance(self.model, WindowedModel):
            batches = Batches(self.model.batch_size)
            sized = ((batch, 0) for batch in batches.batches(files))
            outputs = self._in_lanes(self._embed_block, sized, lanes)
            yield from batches.files(outputs)
        else:
            memory = self.model.memory_bytes
            sized = ((features, memory(features[0].shape[-1])) for features in files)
            yield from self._in_lanes(self._embed_file, sized, lanes)

    def _embed_block(self, block: Arrays) -> NDArray[np.float32]:
        return self.network(*map(torch.from_numpy, map(np.ascontiguousarray, block)))

    def _embed_file(self, features: Arrays) -> NDArray[np.float32]:
        return self.model.pool(run_blocks(self._network, self.model, features, self.device))

    def _in_lanes(
        self, embed: Callable[[Arrays], NDArray[np.float32]], sized: Iterable[tuple[Arrays, int]], lanes: int
    ) -> Iterator[NDArray[np.float32]]:
        """Call `embed` for arrays of so many bytes, in threads, as far as the settings' memory goes."""
        memory = int(self.model.settings.memory_gb * 1e9)
        # New threads take the number that any thread has set last.
        threads = torch.get_num_threads()
        one = partial(torch.set_num_threads, 1)
        try:
            yield from map_ahead(embed, sized, lanes, budget=memory, ahead=4, start=one)
        finally:
            if lanes > 0:
                torch.set_num_threads(threads)


def resolve_device(device: str) -> str:
    """Say which device a choice stands for, and have it compute in whole float32.

    Args:
        device: "cpu", "cuda" (or "cuda:0", …), or "auto": cuda if there is one, else cpu.

    Raises:
        ModelError: it is none of these, or is not there.
    """
    chosen = device
    if device == "auto":
        chosen = "cuda" if torch.cuda.is_available() else "cpu"
    if re.fullmatch(r"cpu|cuda(:\d+)?", chosen) is None:
        raise ModelError(f"device {device!r} is none of cpu, cuda, cuda:0 (and so on) and auto")
    if chosen != "cpu":
        if not torch.cuda.is_available():
            raise ModelError(f"device {device!r}: torch finds no CUDA device here; cpu and auto work")
        # By default convolutions round their arguments to ten bits.
        torch.backends.cudnn.allow_tf32 = False
        torch.set_float32_matmul_precision("highest")
    return chosen


def run_blocks(
    network: Callable[..., Any], model: EmbeddingModel, features: Arrays, device: str = "cpu"
) -> list[NDArray[np.float32]]:
    """Run a network, exported or not, over the blocks of one file's features; returns its outputs."""
    start = model.initial_state()
    state: tuple[torch.Tensor, ...] = () if start is None else (torch.from_numpy(start).to(device),)
    outputs = []
    with torch.inference_mode():
        for block in model.blocks(features):
            given = (torch.from_numpy(array).to(device) for array in block)
            output, state = call_network(network, *given, *state)
            outputs.append(output.cpu().numpy())
    return outputs


def call_network(
    network: Callable[..., Any], *given: torch.Tensor
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """Run a network once; returns its output, and the state if it carries one."""
    result = network(*given)
    if isinstance(result, torch.Tensor):
        return result, ()
    output, state = result
    return output, (state,)


def read_identity(path: Path | str) -> Identity:
    """The identity of an exported model, without its weights being read.

    Raises:
        ModelError: as for `ExportedModel`.
    """
    with _archive(Path(path)) as archive:
        return _identity(archive, Path(path))


def _load(path: Path) -> tuple[torch.export.ExportedProgram, Identity]:
    identity = read_identity(path)
    return load_program(path), identity


def holds_identity(path: Path | str) -> bool:
    """Whether a `.pt2` was exported by fad_core.

    Raises:
        ModelError: it is missing, or not a whole archive.
    """
    with _archive(Path(path)) as archive:
        return bool(_identity_members(archive))


def load_program(path: Path) -> torch.export.ExportedProgram:
    """Read an exported program, whoever exported it.

    Raises:
        ModelError: the file is missing, damaged, or is no exported program.
    """
    with _archive(path) as archive:
        # torch loads a flipped bit without a word; 0.1 s for the 290 MB of VGGish.
        damaged = archive.testzip()
    if damaged is not None:
        raise ModelError(f"{path} is damaged at {damaged}: delete it and export it again")
    try:
        program = torch.export.load(path)
    except Exception as error:  # torch raises anything from KeyError to RuntimeError
        raise ModelError(f"{path} is not a model that torch.export.load can read: {error}") from error
    return program


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    if not path.is_file():
        raise ModelError(f"there is no exported model at {path}; make one with scripts/export_model.py")
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path} is no exported model, or not a whole one: {error}") from error


def _identity_members(archive: zipfile.ZipFile) -> list[str]:
    # Below a folder whose name is torch's affair.
    return [name for name in archive.namelist() if name.endswith(f"/extra/{IDENTITY_FILE}")]


def _identity(archive: zipfile.ZipFile, path: Path) -> Identity:
    members = _identity_members(archive)
    if not members:
        raise ModelError(f"{path} does not say which model it is: it was not exported by fad_core")
    try:
        return Identity(**json.loads(archive.read(members[0])))
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"{path} was exported by another version of fad_core: export it again ({error})"
        ) from error
