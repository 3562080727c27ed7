"""A `.pt2` file: a network with its weights and its identity.

The file is what `torch.export.save` writes, and a plain `torch.export.load` reads it. In addition to the
program it holds `identity.json`, which describes the network, so that results can name it.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_origin, get_type_hints

import torch

from fad_core.errors import ModelError
from fad_core.models import definition_of
from fad_core.models.base import EmbeddingModel
from fad_core.runner.pt2_archive import (
    UnknownGraphError,
    open_archive,
    read_json,
    require_plain,
    require_whole,
)
from fad_core.runner.pt2_graph import read_graph
from fad_core.util.atomic import atomic_path
from fad_core.util.code_digest import code_digest
from fad_core.util.version import __version__
from fad_core.weights import Weights, load_state

IDENTITY_FILE = "identity.json"


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
    def of(cls, model: EmbeddingModel, weights: Weights) -> Identity:
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
            code=code_digest(Path(__file__), *definition_of(model)),
            torch_version=str(torch.__version__),
            fad_core_version=__version__,
        )


def export_model(model: EmbeddingModel, weights: Weights, path: Path | str) -> Identity:
    """Export a model with `torch.export` and write it; an error leaves no partial file.

    Args:
        model: the model.
        weights: its fetched weights (see `fad_core.weights.fetch_weights`).
        path: the `.pt2` to write.

    Raises:
        WeightsError: the checkpoint does not fit the model.
        OutputError: the file cannot be written.
    """
    network = build_network(model, weights)
    with model.exporting():
        program = torch.export.export(
            network,
            model.example_input(*model.verification.export_case),
            dynamic_shapes=model.dynamic_shapes(),
            strict=False,
            # Conditions on lengths are checked when the program runs, not fixed by the example.
            prefer_deferred_runtime_asserts_over_guards=True,
        )
    _drop_assertions(program.graph)
    identity = Identity.of(model, weights)
    # Written to memory first: torch.save names the archive after its path, and a temporary name would make
    # the bytes differ from run to run.
    buffer = io.BytesIO()
    extra = {IDENTITY_FILE: json.dumps(asdict(identity), indent=1, sort_keys=True)}
    torch.export.save(program, buffer, extra_files=extra)
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())
    return identity


def build_network(model: EmbeddingModel, weights: Weights) -> torch.nn.Module:
    """Build a model's eager network from its fetched weights.

    PyTorch's layers first draw their weights at random, which must not change the caller's random numbers.
    """
    with torch.random.fork_rng([]):
        return model.build(load_state(weights))


def _drop_assertions(graph: torch.fx.Graph) -> None:
    """Remove the assertions about sizes that `torch.export` adds.

    For PANN, whose poolings take any length, PyTorch 2.11 asserts that lengths are even. Files that are too
    short are refused before a network runs.
    """
    for node in reversed(graph.nodes):
        if node.target is torch.ops.aten._assert_scalar.default:
            graph.erase_node(node)
    graph.eliminate_dead_code()


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


def load_network(path: Path, *, trust: bool = False) -> torch.fx.GraphModule:
    """Read the network of an exported program without running code that the file contains.

    Args:
        path: the `.pt2`.
        trust: if the file cannot be read so, read it with `torch.export.load`, which may run its code.

    Raises:
        ModelError: the file is missing or damaged, or cannot be read in the permitted way.
    """
    try:
        require_plain(path)
        require_whole(path)
        return read_graph(path)
    except UnknownGraphError as error:
        if not trust:
            raise ModelError(
                f"{path} cannot be read without running code that it may contain ({error}): export it again, "
                "or, only for a file from a source you trust, choose:",
                [("trust", True)],
            ) from error
    require_whole(path)
    try:
        module = torch.export.load(path).module()
    except Exception as error:  # torch raises anything from KeyError to RuntimeError
        raise ModelError(f"{path} is not a model that torch.export.load can read: {error}") from error
    assert isinstance(module, torch.fx.GraphModule)
    return module


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
