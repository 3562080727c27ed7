"""A `.pt2` read without torch.export: the same operations on the same weights."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import fx
from torch.fx.node import map_arg

from fad_core.errors import ModelError
from fad_core.runner.backend import Backend
from fad_core.runner.exported import ExportedModel
from fad_core.runner.pt2 import load_network
from fad_core.runner.pt2_archive import UnknownGraphError
from fad_core.runner.pt2_graph import read_graph

MODELS = [
    "vggish-pca",
    "pann-16k",
    "pann-wavegram-logmel",
    "encodec-24k",
    "encodec-48k",
    "clap-630k-audioset",
    "clap-630k-audioset-fusion",
    "msclap-2023",
    "cdpam-content",
    "passt",
]


def operations(network: fx.GraphModule) -> list[tuple[Any, ...]]:
    """Each operation with its arguments: earlier operations by their number, inputs and weights by name."""
    called = [node for node in network.graph.nodes if node.op == "call_function"]

    def named(node: fx.Node) -> str:
        return str(called.index(node)) if node in called else f"{node.op} {node.target}"

    return [(node.target, map_arg(node.args, named), map_arg(dict(node.kwargs), named)) for node in called]


@pytest.mark.parametrize("model", MODELS)
def test_the_network_is_that_of_torch_export(seeded_export: Callable[[str], Path], model: str) -> None:
    path = seeded_export(model)
    ours, theirs = read_graph(path), torch.export.load(path).module()
    assert isinstance(theirs, fx.GraphModule)
    assert repr(operations(ours)) == repr(operations(theirs))
    held = dict(theirs.named_parameters()) | dict(theirs.named_buffers())
    read = dict(ours.named_buffers())
    used = {node.target for node in ours.graph.nodes if node.op == "get_attr"}
    assert used == set(read) <= set(held)
    for name, tensor in read.items():
        assert torch.equal(tensor, held[name]) and tensor.stride() == held[name].stride()


@pytest.mark.parametrize("model", MODELS)
def test_a_file_from_elsewhere_passes_its_checks(seeded_export: Callable[[str], Path], model: str) -> None:
    backend = Backend("plain")
    given, own = (
        ExportedModel(seeded_export(model), backend=backend, origin=origin) for origin in ("given", "own")
    )
    example = own.model.example_input(*own.model.verification.export_case)
    for one, other in zip(given.network(*example), own.network(*example), strict=True):
        np.testing.assert_array_equal(one, other)


def test_neither_the_compiler_nor_the_exporter_is_imported(seeded_export: Callable[[str], Path]) -> None:
    code = (
        "import sys; from fad_core.runner.exported import ExportedModel\n"
        "ExportedModel(sys.argv[1], origin='own');"
        "print('torch._dynamo' in sys.modules)"
    )
    path = str(seeded_export("encodec-24k"))
    run = subprocess.run([sys.executable, "-c", code, path], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "False"


def rewritten_archive(path: Path, target: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as made:
        for info in source.infolist():
            data = source.read(info)
            if info.filename.endswith("models/model.json"):
                program = json.loads(data)
                change(program)
                data = json.dumps(program).encode()
            made.writestr(info, data)
    return target


def test_another_schema_is_left_to_torch(seeded_export: Callable[[str], Path], tmp_path: Path) -> None:
    def newer(program: dict[str, Any]) -> None:
        program["schema_version"]["major"] += 1

    with pytest.raises(UnknownGraphError, match="schema 9, not 8"):
        read_graph(rewritten_archive(seeded_export("encodec-24k"), tmp_path / "newer.pt2", newer))


def test_what_is_not_known_here_is_not_read(seeded_export: Callable[[str], Path], tmp_path: Path) -> None:
    def unknown(program: dict[str, Any]) -> None:
        for node in program["graph_module"]["graph"]["nodes"]:
            for given in node["inputs"]:
                if "as_float" in given["arg"]:
                    given["arg"] = {"as_complex": {"real": given["arg"]["as_float"], "imag": 0.0}}

    path = seeded_export("clap-630k-audioset")
    with pytest.raises(UnknownGraphError, match="as_complex"):
        read_graph(rewritten_archive(path, tmp_path / "unknown.pt2", unknown))


def test_a_program_of_other_operations_is_left_to_torch_if_it_is_trusted(tmp_path: Path) -> None:
    class Roll(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.view_as_real(torch.fft.rfft(x, norm="ortho") * (1 + 2j))

    path, given = tmp_path / "roll.pt2", torch.rand(3, 8)
    torch.export.save(torch.export.export(Roll(), (given,)), path)
    with pytest.raises(ModelError, match=r"(?s)cannot be read without .*fft_rfft.* trust=True"):
        load_network(path)
    assert torch.equal(load_network(path, trust=True)(given), Roll()(given))
