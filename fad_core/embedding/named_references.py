"""Reference statistics that other packages publish, by name.

A file is known by its hash, whatever it is called: its statistics are those of official weights, with the
conventions of that package (`Options.compatibility`). So they are compared with sets that were embedded
alike, and with no others.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fad_core.datasets import file_sha256
from fad_core.errors import FadError
from fad_core.models import get_model
from fad_core.models.checkpoint import WheelMember
from fad_core.models.fadtk_conventions import FADTK_NAMES
from fad_core.models.options import Compatibility
from fad_core.models.use import ModelKey
from fad_core.weights import default_ckpt_dir
from fad_core.weights.wheels import download_member, installed_file

__all__ = ["NAMED_REFERENCES", "NamedReference", "fetch_reference", "find_reference", "named_reference"]


@dataclass(frozen=True)
class NamedReference:
    """A file of statistics of a reference set.

    Attributes:
        name: what it is called.
        title: what it is, for people.
        wheel: the wheel that holds it.
        sha256: SHA-256 of the file.
        conventions: the package whose conventions its embeddings follow.
        names: names in the file, by ids of models.
    """

    name: str
    title: str
    wheel: WheelMember
    sha256: str
    conventions: Compatibility
    names: Mapping[str, str]

    def key_of(self, model: str) -> ModelKey:
        """Return the key of a model's statistics.

        Args:
            model: id of the model.

        Returns:
            The key, with what is known of the hash of the official weights.

        Raises:
            FadError: there are none of this model.
        """
        if model not in self.names:
            raise FadError(f"{self.name} has statistics of {', '.join(self.names)}, but not of {model}")
        (checkpoint, *_) = get_model(model).checkpoints
        settings = f"compatibility={self.conventions}"
        return ModelKey(model, "official", checkpoint.sha256, settings)

    @property
    def path(self) -> Path:
        """Where the file is looked for beside the installed package, and downloaded to."""
        return default_ckpt_dir() / "references" / f"{self.name}.npz"


NAMED_REFERENCES: Mapping[str, NamedReference] = {
    "fma_pop": NamedReference(
        name="fma_pop",
        title="FMA-Pop, popular music of the Free Music Archive (Gui et al. 2024), by fadtk 1.1.0",
        wheel=WheelMember(
            package="fadtk",
            version="1.1.0",
            sha256="69002a10478a82bb7452521c0d8a4fbaefd6eb423f991edac5c26d9ad5628adc",
            member="fadtk/stats/fma_pop.npz",
        ),
        sha256="74746819873d7082498b0caec0c7846b2e7967050353761a3fdcfcabf3f11dcb",
        conventions="fadtk",
        names=FADTK_NAMES,
    )
}


def find_reference(source: str | os.PathLike[str]) -> Path:
    """Return the file that a source stands for: the source itself, unless it is the name of a reference.

    Args:
        source: a path, or a name of `NAMED_REFERENCES`.

    Raises:
        FadError: the reference is not there; the message says how to get it.

    >>> find_reference("reference.npz").name
    'reference.npz'
    """
    reference = NAMED_REFERENCES.get(os.fspath(source))
    if reference is None:
        return Path(source)
    found = installed_file(reference.wheel) or reference.path
    if not found.is_file():
        package = f"{reference.wheel.package} {reference.wheel.version}"
        raise FadError(
            f"the reference statistics {reference.name} are not here: fetch them as weights are fetched, "
            f"install {package}, or put its {Path(reference.wheel.member).name} there: {reference.path}"
        )
    return found


def fetch_reference(reference: NamedReference) -> Path:
    """Download the file of a reference by pip if it is neither installed nor there.

    Args:
        reference: the reference.

    Returns:
        Path of the file.

    Raises:
        WeightsError: the download fails.
        FadError: the file is another one.
    """
    found = installed_file(reference.wheel) or reference.path
    if not found.is_file():
        download_member(reference.wheel, reference.path)
    if (sha256 := file_sha256(found)) != reference.sha256:
        raise FadError(f"{found} has the sha256 {sha256}, not {reference.sha256}: delete it")
    return found


def named_reference(path: Path) -> NamedReference | None:
    """Return the reference whose file this is; None if it is that of none.

    Args:
        path: path of a file.
    """
    hashes = {reference.sha256: reference for reference in NAMED_REFERENCES.values()}
    return hashes.get(file_sha256(path))
