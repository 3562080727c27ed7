"""The identity of an exported model: a JSON file in its `.pt2`, which is read without PyTorch."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from fad_core.errors import ModelError
from fad_core.models import definition_of
from fad_core.models.base import NetworkModel
from fad_core.runner.numerics import torch_version
from fad_core.runner.pt2_archive import UnknownGraphError, open_archive, read_json
from fad_core.util.code_digest import code_digest
from fad_core.util.version import __version__
from fad_core.weights import Weights

IDENTITY_FILE = "identity.json"

_EXPORTS = Path(__file__).with_name("pt2.py")


@dataclass(frozen=True)
class Identity:
    """The identity of an exported model.

    Attributes:
        model: id of the model, e.g. "vggish-pca".
        family: module with its frontend.
        options: options of the variant.
        weights: "official", "seeded" or the name of the user's file.
        weights_sha256: sha256 of the first checkpoint file.
        checkpoints: sha256 of every checkpoint file, by its official name.
        licence: licence of the official weights.
        tolerance: allowed difference from the original, as a share of the embeddings' RMS.
        code: digest of the code that exported it (`fad_core.util.code_digest`).
        torch_version: version of PyTorch that exported it.
        fad_core_version: version of this package that exported it.
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
    def of(cls, model: NetworkModel, weights: Weights) -> Identity:
        """Return the identity of a model that is exported now with these (fetched) weights."""
        return cls(
            model=model.name,
            family=model.family,
            options=json.loads(json.dumps(dict(model.variant))),  # as they are read again
            weights=weights.label,
            weights_sha256=weights.sha256,
            checkpoints={file.checkpoint.filename: file.sha256 for file in weights.files},
            licence=model.checkpoints[0].licence if weights.kind == "official" else "not stated",
            tolerance=float(model.tolerance),
            code=export_code(model),
            torch_version=torch_version(),
            fad_core_version=__version__,
        )


def export_code(model: NetworkModel) -> str:
    """Return the digest of the code that exports a model now (`fad_core.util.code_digest`)."""
    return code_digest(_EXPORTS, *definition_of(model))


def read_identity(path: Path | str) -> Identity:
    """Read the identity of an exported model, but not its weights.

    Raises:
        ModelError: the file is missing or damaged, or holds no identity that this version can read.
    """
    path = Path(path)
    with open_archive(path) as archive:
        members = _identity_members(archive)
        if not members:
            raise ModelError(f"{path} does not name its model: it was not exported by fad_core")
        if len(members) > 1:
            raise ModelError(f"{path} names its model more than once: export it again")
        try:
            return _identity(read_json(archive, members[0]))
        except (TypeError, UnknownGraphError) as error:
            raise ModelError(
                f"{path} was exported by another version of fad_core: export it again ({error})"
            ) from error


def holds_identity(path: Path | str) -> bool:
    """Return whether a `.pt2` was exported by fad_core.

    Raises:
        ModelError: the file is missing, or is not a whole archive.
    """
    with open_archive(Path(path)) as archive:
        return bool(_identity_members(archive))


def _identity_members(archive: zipfile.ZipFile) -> list[str]:
    # torch chooses the name of the folder above.
    return [name for name in archive.namelist() if name.endswith(f"/extra/{IDENTITY_FILE}")]


def _identity(facts: dict[str, Any]) -> Identity:
    """Make an identity from parsed JSON.

    Raises:
        TypeError: an entry is missing, unknown, or of another type.
    """
    identity = Identity(**facts)
    hints = get_type_hints(Identity)
    for name, value in facts.items():
        kind = get_origin(hints[name]) or hints[name]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise TypeError(f"{name} is {value!r:.100}")
    if not all(isinstance(value, str) for value in identity.checkpoints.values()):
        raise TypeError("checkpoints without hashes")
    return identity
