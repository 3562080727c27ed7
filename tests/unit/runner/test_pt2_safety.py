"""A `.pt2` from elsewhere runs nothing but the operators of a network, and takes no more than it should."""

from __future__ import annotations

import json
import os
import pickle
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from tiny_pt2 import (
    Members,
    export_tiny,
    members_of,
    tiny_is_known,
    tiny_model,
    with_json,
    write_members,
)

from fad_core import FrechetAudioDistance
from fad_core.cli import main
from fad_core.errors import ModelError
from fad_core.runner.exported import ExportedModel
from fad_core.runner.pt2_operators import _ATEN, _OF_SIZES, operator_named

GRAPH = "models/model.json"
WEIGHTS = "data/weights/model_weights_config.json"
IDENTITY = "extra/identity.json"


@pytest.fixture(scope="module", autouse=True)
def known() -> Iterator[None]:
    with tiny_is_known():
        yield


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_tiny(tmp_path_factory.mktemp("tiny") / "tiny.pt2")


@pytest.fixture(scope="module")
def members(path: Path) -> Members:
    return members_of(path)


def nodes_of(program: Any) -> list[Any]:
    nodes: list[Any] = program["graph_module"]["graph"]["nodes"]
    return nodes


def call(target: str, *inputs: dict[str, Any], name: str = "evil") -> dict[str, Any]:
    """A node that calls something."""
    given = [{"name": f"a{place}", "arg": arg, "kind": 1} for place, arg in enumerate(inputs)]
    outputs = [{"as_sym_int": {"as_name": name}}]
    return {
        "target": target,
        "inputs": given,
        "outputs": outputs,
        "metadata": {},
        "is_hop_single_tensor_return": None,
    }


def refused(path: Path, match: str) -> None:
    with pytest.raises(ModelError, match=match) as caught:
        ExportedModel(path)
    assert "\n" not in caught.value.message and str(path) in caught.value.message


def test_an_unchanged_copy_gives_the_same(path: Path, members: Members, tmp_path: Path) -> None:
    copy = write_members(tmp_path / "copy.pt2", members)
    sound = np.linspace(-1, 1, 640, dtype=np.float32)[np.newaxis]
    models = [ExportedModel(path), ExportedModel(copy), ExportedModel(path, origin="own")]
    first, *others = [model.embed(sound)["embedding"] for model in models]
    assert first.shape == (10, 8) and np.isfinite(first).all()
    for other in others:
        np.testing.assert_array_equal(first, other)


@pytest.mark.parametrize(
    "target",
    [
        "torch.os.system",
        "torch.hub.os.system",
        "torch.ops.aten.from_file.default",
        "torch.ops.aten.relu.default.__class__",
        "torch.ops.aten.relu",
        "torch.ops.aten.",
        "torch.load",
        "_operator.attrgetter",
        "_operator.call",
        "builtins.eval",
        "torch.ops.load_library",
        "torch.sym_max.__globals__",
    ],
)
def test_operators_that_are_not_listed_are_not_run(
    target: str, members: Members, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[object] = []
    monkeypatch.setattr(os, "system", ran.append)

    def change(program: Any) -> None:
        nodes_of(program).insert(0, call(target, {"as_string": "touch evil"}))

    made = write_members(tmp_path / "evil.pt2", with_json(members, GRAPH, change))
    refused(made, r"(?s)cannot be read without running code that it may contain .*trust=True")
    assert ran == []


def test_all_listed_operators_are_there() -> None:
    for name in _ATEN:
        assert isinstance(operator_named(f"torch.ops.aten.{name}"), torch._ops.OpOverload)
    for name in _OF_SIZES:
        assert callable(operator_named(name))


INJECTION = "x=__import__('os').system('touch evil')"


def rename_input(program: Any, name: str) -> None:
    text = json.dumps(program).replace('"x"', json.dumps(name))
    program.clear()
    program.update(json.loads(text))


def rename_weight(program: Any) -> None:
    for given in program["graph_module"]["signature"]["input_specs"]:
        if "parameter" in given:
            given["parameter"]["parameter_name"] = 'conv.weight");__import__("os").system("touch evil");("'


def rename_argument(program: Any) -> None:
    for given in nodes_of(program)[0]["inputs"]:
        given.update(name=f"bias=None, {INJECTION}, padding", kind=2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda program: rename_input(program, INJECTION), "an input named"),
        (lambda program: rename_input(program, "lambda"), "an input named 'lambda'"),
        (rename_weight, "there is no weight"),
        (rename_argument, "with an argument"),
    ],
)
def test_names_are_no_code(
    change: Callable[[Any], None],
    said: str,
    members: Members,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`torch.fx` writes a graph as Python code, with its names as they are, and executes that."""
    monkeypatch.setattr(os, "system", lambda _: pytest.fail("it ran"))
    refused(write_members(tmp_path / "evil.pt2", with_json(members, GRAPH, change)), said)


@pytest.mark.parametrize(
    "name", ["a(b)", "forward", "__class__.x", "conv.__dict__", "a." * 50 + "b", "", "x.graph"]
)
def test_a_weight_has_a_name_of_its_own(name: str, members: Members, tmp_path: Path) -> None:
    def change(listed: Any) -> None:
        listed["config"][name] = listed["config"].pop("conv.weight")

    refused(write_members(tmp_path / "evil.pt2", with_json(members, WEIGHTS, change)), "a weight named")


class Evil:
    """Pickled, it runs a program."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("evil",)


def test_pickled_weights_are_refused(
    members: Members, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def change(listed: Any) -> None:
        listed["config"]["conv.weight"]["use_pickle"] = True

    changed = with_json(members, WEIGHTS, change)
    file = json.loads(members[WEIGHTS])["config"]["conv.weight"]["path_name"]
    changed[f"data/weights/{file}"] = pickle.dumps(Evil())
    changed["data/sample_inputs/model.pt"] = pickle.dumps(Evil())
    made = write_members(tmp_path / "evil.pt2", changed)
    refused(made, "(?s)is a pickle.* only for a file from a source you trust, choose:.*trust=True")
    assert not Path("evil").exists()


def test_expressions_of_sizes_are_not_evaluated(
    members: Members, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sympy, in torch.export.load, evaluates them as Python."""
    monkeypatch.setattr(os, "system", lambda _: pytest.fail("it ran"))
    text = members[GRAPH].decode()
    assert '"s' in text
    evil = json.dumps("__import__('os').system('touch evil')")
    for name in json.loads(text)["range_constraints"]:
        text = text.replace(json.dumps(name), evil)
    made = write_members(tmp_path / "evil.pt2", {**members, GRAPH: text.encode()})
    sound = np.zeros((1, 64), np.float32)
    assert ExportedModel(made).embed(sound)["embedding"].shape == (1, 8)


def give_size(size: int) -> Callable[[Any], None]:
    def change(listed: Any) -> None:
        meta = listed["config"]["conv.weight"]["tensor_meta"]
        meta["sizes"] = [{"as_int": size}]
        meta["strides"] = [{"as_int": 0}]

    return change


@pytest.mark.parametrize("size", [10**12, 2**70, -72, 71, 73, True, "72", None, 72.0])
def test_a_tensor_is_as_large_as_its_bytes(size: Any, members: Members, tmp_path: Path) -> None:
    made = write_members(tmp_path / "large.pt2", with_json(members, WEIGHTS, give_size(size)))
    refused(made, "does not fit a tensor of sizes|a size of|not of type")


@pytest.mark.parametrize(
    ("operation", "said"),
    [
        (("torch.ops.aten.arange.default", {"as_int": 10**12}), "more than 2 GB"),
        (("_operator.mul", {"as_string": "a"}, {"as_int": 10**12}), "a value that is not a size"),
        (("_operator.mul", {"as_int": 2**40}, {"as_int": 2**40}), "a size that is too large"),
        (("_operator.floordiv", {"as_int": 1}, {"as_int": 0}), "does not run as tiny"),
        (("torch.ops.aten.relu.default", {"as_int": 1}), "does not run as tiny"),
        (("torch.ops.aten.relu.default",), "does not run as tiny"),
    ],
)
def test_what_does_not_fit_is_said_before_it_runs(
    operation: tuple[Any, ...], said: str, members: Members, tmp_path: Path
) -> None:
    def change(program: Any) -> None:
        nodes_of(program).insert(0, call(*operation))

    refused(write_members(tmp_path / "bomb.pt2", with_json(members, GRAPH, change)), said)


def test_a_result_of_another_size_is_no_embedding(members: Members, tmp_path: Path) -> None:
    def change(program: Any) -> None:
        # What goes into the last layer comes out.
        program["graph_module"]["graph"]["outputs"] = [{"as_tensor": {"name": "cat"}}]

    made = write_members(tmp_path / "other.pt2", with_json(members, GRAPH, change))
    refused(made, r"does not run as tiny: it returns torch.float32 of shape \[2, 16\]: export it again")


def test_shapes_that_the_file_gets_wrong_are_found(members: Members, tmp_path: Path) -> None:
    """What makes kernels fit a network goes by them."""

    def change(program: Any) -> None:
        program["graph_module"]["graph"]["tensor_values"]["relu"]["sizes"][1] = {"as_int": 4}

    refused(write_members(tmp_path / "lie.pt2", with_json(members, GRAPH, change)), r"not \[None, 4, 8, 8\]")


def test_archives_are_as_torch_writes_them(members: Members, tmp_path: Path) -> None:
    said = "cannot be read without"
    refused(write_members(tmp_path / "small.pt2", members, zipfile.ZIP_DEFLATED), said)
    bomb = {**members, "data/weights/more": bytes(50_000_000)}
    refused(write_members(tmp_path / "bomb.pt2", bomb, zipfile.ZIP_DEFLATED), said)
    twice = write_members(tmp_path / "twice.pt2", members)
    with zipfile.ZipFile(twice, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("archive/" + GRAPH, "{}")
    refused(twice, "two members with the same name")
    outside = write_members(tmp_path / "outside.pt2", members)
    with zipfile.ZipFile(outside, "a") as archive:
        archive.writestr("../evil", "x")
    refused(outside, "members in several folders")


@pytest.mark.parametrize(
    "text", ["[" * 200_000, '{"a":' * 100_000, "NaN", "[1e999]", "{}", "\xff", "", "9" * 5000]
)
@pytest.mark.parametrize("name", [GRAPH, WEIGHTS, IDENTITY])
def test_json_that_is_none_is_one_error(name: str, text: str, members: Members, tmp_path: Path) -> None:
    made = write_members(tmp_path / "odd.pt2", {**members, name: text.encode("latin-1")})
    refused(made, "export it again")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", ["tiny"]),
        ("options", "none"),
        ("checkpoints", {"a": 1}),
        ("tolerance", "1"),
        ("weights", None),
    ],
)
def test_facts_of_another_type_are_no_identity(
    name: str, value: Any, members: Members, tmp_path: Path
) -> None:
    made = write_members(
        tmp_path / "odd.pt2", with_json(members, IDENTITY, lambda facts: facts.update({name: value}))
    )
    refused(made, "was exported by another version of fad_core: export it again")


def test_a_flipped_weight_is_never_silent(path: Path, tmp_path: Path) -> None:
    data = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        weights = [info for info in archive.infolist() if "/data/weights/weight" in info.filename]
    for info in weights:
        flipped = bytearray(data)
        start = data.index(info.filename.encode()) + len(info.filename)
        place = start + int.from_bytes(
            data[start - len(info.filename) - 2 : start - len(info.filename)], "little"
        )
        flipped[place + info.file_size // 2] ^= 1
        (tmp_path / "flipped.pt2").write_bytes(flipped)
        refused(tmp_path / "flipped.pt2", "is damaged at")


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """A program that its author exported, with an operator that no model of ours has."""

    class Other(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cumprod(x, 1)

    path = tmp_path / "vggish_exported.pt2"
    torch.export.save(torch.export.export(Other(), (torch.zeros(2, 3),)), path)
    return path


def test_the_command_names_its_option(others: Path) -> None:
    sound = others.parent / "a"
    sound.mkdir()
    import soundfile

    soundfile.write(sound / "a.wav", np.zeros(48000), 16000)
    call = ["embed", str(sound), "-o", str(others.parent / "a.npy"), "--weights", str(others)]
    plain = CliRunner().invoke(main, call)
    assert plain.exit_code == 1
    assert (
        "aten.cumprod.default" in plain.stderr
        and "only for a file from a source you trust, choose:\n  --trust\n" in plain.stderr
    )
    assert "trust=True" not in plain.stderr
    trusted = CliRunner().invoke(main, [*call, "--trust"])
    assert trusted.exit_code == 1 and "nor the vggish of" in trusted.stderr


def test_so_does_the_class(others: Path) -> None:
    sound = np.zeros(48000, np.float32)
    with pytest.raises(ModelError, match="trust=True"):
        FrechetAudioDistance(weights=others, device="cpu").get_embeddings([sound], 16000)
    with pytest.raises(ModelError, match="nor the vggish of"):
        FrechetAudioDistance(weights=others, device="cpu", trust=True).get_embeddings([sound], 16000)


def test_the_tiny_model_is_what_it_says() -> None:
    assert tiny_model().vector_count(640) == 10
