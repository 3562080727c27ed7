"""The network of a `.pt2`, built without `torch.export`.

`torch.export.load` imports PyTorch's compiler and rebuilds what an exporter needs of a program: symbolic
shapes, with sympy, for each of its nodes. That takes a second and a half and 80 MB in each process. What runs
is in the archive as plain JSON, in the schema of `torch/_export/serde/schema.py`, whose major version rises
where old readers fail; the weights are beside it as they lie in memory.
"""

from __future__ import annotations

import json
import operator
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import fx

SCHEMA = 8
"""The major version of the schema that is read here."""
_TYPES = {5: torch.int64, 7: torch.float32, 8: torch.float64, 12: torch.bool}
_FORMATS = {1: torch.contiguous_format, 2: torch.channels_last, 4: torch.preserve_format}
_SPACES: dict[str, Any] = {"torch.ops.aten.": torch.ops.aten, "_operator.": operator, "torch.": torch}
_HELD = {"user_input": "", "parameter": "parameter_name", "buffer": "buffer_name"}
"""Where an input's name stands, of those that are weights."""
_BY_NAME = 2
_LARGE = 1 << 20
"""Bytes from which a weight stays in the file until it is used."""


class UnknownGraphError(Exception):
    """The file has what is not read here; `torch.export.load` may read it."""


def read_graph(path: Path) -> fx.GraphModule:
    """Build the network of a `.pt2`: `torch.export.load(path).module()`, but for its checks of input shapes.

    Args:
        path: a whole archive that `torch.export.save` wrote. Large weights are mapped from it one by one, so
            that memory holds only those in use.

    Raises:
        UnknownGraphError: it has another schema, or something that our models do not have.
    """
    with zipfile.ZipFile(path) as archive:
        members = {name.partition("/")[2]: name for name in archive.namelist()}
        try:
            program = json.loads(archive.read(members["models/model.json"]))
            if program["schema_version"]["major"] != SCHEMA:
                raise UnknownGraphError(f"schema {program['schema_version']}")
            held = {}
            for kind in ("weights", "constants"):
                listed = json.loads(archive.read(members[f"data/{kind}/model_{kind}_config.json"]))
                for name, facts in listed["config"].items():
                    held[name] = _tensor(path, archive, members[f"data/{kind}/{facts['path_name']}"], facts)
            return _network(program["graph_module"], held)
        except (LookupError, AttributeError, TypeError, ValueError, RuntimeError, StopIteration) as error:
            raise UnknownGraphError(f"{type(error).__name__}: {error}") from error


def _tensor(path: Path, archive: zipfile.ZipFile, member: str, facts: Mapping[str, Any]) -> torch.Tensor:
    info, meta = archive.getinfo(member), facts["tensor_meta"]
    sizes, strides = ([size["as_int"] for size in meta[what]] for what in ("sizes", "strides"))
    if facts["use_pickle"] or info.compress_type != zipfile.ZIP_STORED or meta["storage_offset"]["as_int"]:
        raise UnknownGraphError(f"{member} is no plain tensor")
    values: Any
    if info.file_size < _LARGE:
        values = bytearray(archive.read(member))
    else:
        values = np.memmap(path, np.uint8, "c", _start(path, info), info.file_size)
    return torch.frombuffer(values, dtype=_TYPES[meta["dtype"]]).as_strided(sizes, strides)


def _start(path: Path, info: zipfile.ZipInfo) -> int:
    """Where a member's bytes start: behind a header of 30 bytes, its name and padding (APPNOTE, 4.3.7)."""
    with path.open("rb") as file:
        file.seek(info.header_offset + 26)
        name, padding = struct.unpack("<HH", file.read(4))
    return int(info.header_offset + 30 + name + padding)


def _network(module: Mapping[str, Any], held: dict[str, torch.Tensor]) -> fx.GraphModule:
    graph, values = fx.Graph(), dict[str, fx.Node]()
    for given in module["signature"]["input_specs"]:
        ((kind, facts),) = given.items()
        name = facts["arg"].get("name") or facts["arg"]["as_tensor"]["name"]
        held_as = _HELD[kind]
        values[name] = graph.get_attr(facts[held_as]) if held_as else graph.placeholder(name)
    for node in module["graph"]["nodes"]:
        _add(graph, values, node)
    for name, facts in module["graph"]["tensor_values"].items():
        values[name].meta["shape"] = tuple(size.get("as_int") for size in facts["sizes"])
    outputs = tuple(values[output["as_tensor"]["name"]] for output in module["graph"]["outputs"])
    kind = json.loads(module["module_call_graph"][0]["signature"]["out_spec"])[1]["type"]
    graph.output(outputs if kind else outputs[0])
    used = {str(node.target) for node in graph.nodes if node.op == "get_attr"}
    return fx.GraphModule({name: held[name] for name in used}, graph)


def _add(graph: fx.Graph, values: dict[str, fx.Node], facts: Mapping[str, Any]) -> None:
    """Add the node of an operation, and one for each of several results."""
    space, target = next(
        (space, facts["target"][len(prefix) :])
        for prefix, space in _SPACES.items()
        if facts["target"].startswith(prefix)
    )
    args, kwargs = list[Any](), dict[str, Any]()
    for given in facts["inputs"]:
        argument = _argument(given["arg"], values)
        if given["kind"] == _BY_NAME:
            kwargs[given["name"]] = argument
        else:
            args.append(argument)
    made = graph.call_function(operator.attrgetter(target)(space), tuple(args), kwargs)
    results = facts["outputs"]
    if len(results) == 1 and "as_tensors" not in results[0]:
        ((_, result),) = results[0].items()
        values[result.get("name") or result["as_name"]] = made
        return
    each = results[0]["as_tensors"] if len(results) == 1 else [result["as_tensor"] for result in results]
    for place, result in enumerate(each):
        values[result["name"]] = graph.call_function(operator.getitem, (made, place))


def _argument(given: Mapping[str, Any], values: Mapping[str, fx.Node]) -> Any:
    ((kind, held),) = given.items()
    match kind:
        case "as_tensor":
            return values[held["name"]]
        case "as_tensors":
            return [values[each["name"]] for each in held]
        case "as_float" | "as_floats" if isinstance(held, str) or (
            isinstance(held, list) and str in map(type, held)
        ):
            raise UnknownGraphError(f"an argument that is no number: {held}")
        case "as_int" | "as_ints" | "as_float" | "as_floats" | "as_bool" | "as_bools" | "as_string":
            return held
        case "as_sym_int" | "as_sym_bool":
            return _symbol(held, values)
        case "as_sym_ints":
            return [_symbol(each, values) for each in held]
        case "as_none":
            return None
        case "as_device" if held["type"] == "cpu":
            return torch.device("cpu")
        case "as_memory_format":
            return _FORMATS[held]
    raise UnknownGraphError(f"an argument {kind}: {held}")


def _symbol(held: Mapping[str, Any], values: Mapping[str, fx.Node]) -> Any:
    """A size: another operation's, or a number."""
    ((kind, value),) = held.items()
    return values[value] if kind == "as_name" else value
