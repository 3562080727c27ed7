"""Build the network of a `.pt2` without `torch.export`.

`torch.export.load` imports PyTorch's compiler and rebuilds the symbolic shapes of all nodes with sympy. That
takes a second and a half and 80 MB in each process, and it runs code that the file contains: pickles, and
expressions of sizes that sympy evaluates as Python. This module reads only the parts that a network needs:
the graph, which the archive holds as plain JSON in the schema of `torch/_export/serde/schema.py` (its major
version changes when old readers fail), and the weights, which it holds as plain bytes.

`torch.fx` writes names of the JSON into Python code, so each must be a plain name; operators must be among
those of `fad_core.runner.pt2_operators`; arguments must be nodes, numbers and texts. Expressions of sizes,
guards and custom objects are not read.
"""

from __future__ import annotations

import json
import keyword
import operator
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import fx

from fad_core.runner.pt2_archive import UnknownGraphError, open_archive, read_json
from fad_core.runner.pt2_operators import OF_SIZES, operator_named
from fad_core.runner.pt2_tensors import read_tensor

SCHEMA = 8
"""The major version of the schema that this module reads."""
_FORMATS = {1: torch.contiguous_format, 2: torch.channels_last, 4: torch.preserve_format}
_HELD = {"user_input": "", "parameter": "parameter_name", "buffer": "buffer_name"}
"""By kind of an input, the key of its name if it is a weight."""
_PLAIN = {"as_int": int, "as_float": float, "as_bool": bool, "as_string": str}
_BY_NAME = 2
_NAME = re.compile(r"[A-Za-z_]\w{0,99}", re.ASCII)
_PART = re.compile(r"(?!__)\w{1,99}", re.ASCII)
_DEEPEST = 20


def read_graph(path: Path) -> fx.GraphModule:
    """Build the network of a `.pt2`: `torch.export.load(path).module()` without its checks of input shapes.

    No code of the file is run. Whether the operations fit each other is only known when they run; see
    `fad_core.runner.pt2_check`.

    Args:
        path: a whole archive (`require_plain`, `require_whole`). Large weights are mapped from it one by one,
            so that memory holds only those in use.

    Raises:
        ModelError: the file is missing, or is not a whole archive.
        UnknownGraphError: the file has another schema, or contents that the models of this package lack.
    """
    with open_archive(path) as archive:
        members = {name.partition("/")[2]: name for name in archive.namelist()}
        try:
            program = read_json(archive, members["models/model.json"])
            if program["schema_version"]["major"] != SCHEMA:
                raise UnknownGraphError(f"schema {program['schema_version']['major']!r}, not {SCHEMA}")
            held = {}
            for kind in ("weights", "constants"):
                listed = read_json(archive, members[f"data/{kind}/model_{kind}_config.json"])
                for name, facts in listed["config"].items():
                    member = members[f"data/{kind}/{facts['path_name']}"]
                    held[_weight_name(name)] = read_tensor(path, archive, member, facts)
            return _network(program["graph_module"], held)
        except (LookupError, AttributeError, TypeError, ValueError, RuntimeError, SyntaxError) as error:
            raise UnknownGraphError(f"{type(error).__name__}: {error}") from error


def _network(module: Mapping[str, Any], held: dict[str, torch.Tensor]) -> fx.GraphModule:
    graph, values = fx.Graph(), dict[str, fx.Node]()
    for given in module["signature"]["input_specs"]:
        ((kind, facts),) = given.items()
        name = facts["arg"].get("name") or facts["arg"]["as_tensor"]["name"]
        held_as = _HELD[kind]
        values[name] = (
            graph.get_attr(_among(facts[held_as], held)) if held_as else graph.placeholder(_input_name(name))
        )
    for node in module["graph"]["nodes"]:
        _add(graph, values, node)
    for name, facts in module["graph"]["tensor_values"].items():
        values[name].meta["shape"] = tuple(size.get("as_int") for size in facts["sizes"])
    outputs = tuple(values[output["as_tensor"]["name"]] for output in module["graph"]["outputs"])
    kind = json.loads(module["module_call_graph"][0]["signature"]["out_spec"])[1]["type"]
    graph.output(outputs if kind else outputs[0])
    used = {str(node.target) for node in graph.nodes if node.op == "get_attr"}
    return fx.GraphModule({name: held[name] for name in used}, graph)


def _input_name(name: str) -> str:
    """Return a name that is valid for an argument, since `torch.fx` writes it into code unchanged.

    Raises:
        ValueError: the name is not valid.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ValueError(f"an input named {name[:100]!r}")
    return name


def _weight_name(name: str) -> str:
    """Return a name that is valid for a weight and not an attribute of modules; see `_input_name`."""
    parts = name.split(".")
    if len(parts) > _DEEPEST or not all(map(_PART.fullmatch, parts)):
        raise ValueError(f"a weight named {name[:100]!r}")
    if any(hasattr(fx.GraphModule, part) for part in parts):
        raise ValueError(f"a weight named {name!r}, which is an attribute of a module")
    return name


def _among(name: str, held: Mapping[str, torch.Tensor]) -> str:
    if name not in held:
        raise LookupError(f"there is no weight {name!r}")
    return name


def _add(graph: fx.Graph, values: dict[str, fx.Node], facts: Mapping[str, Any]) -> None:
    """Add the node of an operation and, if it has several results, a node for each of them."""
    target = operator_named(facts["target"])
    known = () if target in OF_SIZES else {argument.name for argument in target._schema.arguments}  # type: ignore[attr-defined]
    args, kwargs = list[Any](), dict[str, Any]()
    for given in facts["inputs"]:
        argument = _argument(given["arg"], values)
        if given["kind"] != _BY_NAME:
            args.append(argument)
        elif given["name"] in known:
            kwargs[given["name"]] = argument
        else:
            raise ValueError(f"{facts['target']} with an argument {str(given['name'])[:100]!r}")
    made = graph.call_function(target, tuple(args), kwargs)
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
    one = kind.removesuffix("s")
    match kind:
        case "as_tensor":
            return values[held["name"]]
        case "as_tensors":
            return [values[each["name"]] for each in held]
        case _ if kind in _PLAIN and type(held) is _PLAIN[kind]:
            return held
        case _ if one in _PLAIN and isinstance(held, list) and {*map(type, held)} <= {_PLAIN[one]}:
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
    raise UnknownGraphError(f"an argument {kind[:100]}: {str(held)[:100]}")


def _symbol(held: Mapping[str, Any], values: Mapping[str, fx.Node]) -> Any:
    """Return a size: the result of another operation, or a number."""
    ((kind, value),) = held.items()
    if kind == "as_name":
        return values[value]
    if type(value) not in (int, bool):
        raise ValueError(f"a size {str(value)[:100]!r}")
    return value
