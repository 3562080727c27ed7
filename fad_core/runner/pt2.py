"""A `.pt2` file: a network with its weights and its identity.

The file is what `torch.export.save` writes, and a plain `torch.export.load` reads it. In addition to the
program it holds `identity.json`, which describes the network (`fad_core.runner.identity`).
"""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from pathlib import Path

import torch

from fad_core.errors import ModelError
from fad_core.models.base import NetworkModel
from fad_core.runner.identity import IDENTITY_FILE, Identity
from fad_core.runner.pt2_archive import UnknownGraphError, require_plain, require_whole
from fad_core.runner.pt2_graph import read_graph
from fad_core.util.atomic import atomic_path
from fad_core.weights import Weights, load_state


def export_model(model: NetworkModel, weights: Weights, path: Path | str) -> Identity:
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


def build_network(model: NetworkModel, weights: Weights) -> torch.nn.Module:
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
