"""What users may rely on: docs/api.md lists the names, `__all__` holds them, and docstrings describe them."""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"
TABLE = DOCS.joinpath("api.md").read_text(encoding="utf-8").partition("\n## What is public\n")[2]
ROWS = re.findall(r"^\| `(fad_core[\w.]*)` \| (.*) \|$", TABLE.partition("\n## ")[0], re.MULTILINE)
PUBLIC = {module: re.findall(r"`(\w+)`", names) for module, names in ROWS}
MAKERS = ("__init__", "__new__")
VAGUE = re.compile(
    r"\b([Ll]ikewise|[Dd]itto|(see|as) above|(any|one) of these forms)\b|^ {4}\w+: of ", re.MULTILINE
)

Function = Callable[..., Any]


def public_objects() -> Iterator[tuple[str, Any]]:
    """Every public function and class, by the name of the place where it is defined."""
    for module, names in PUBLIC.items():
        for name in names:
            item = getattr(import_module(module), name)
            if inspect.isclass(item) or hasattr(item, "__qualname__"):
                yield f"{item.__module__}.{item.__qualname__}", inspect.unwrap(item)


def methods_of(owner: type) -> Iterator[tuple[str, Function]]:
    """A class's own methods, and what it is made by, unless `dataclass` wrote that or only we raise it."""
    for name, held in vars(owner).items():
        method = inspect.unwrap(getattr(held, "__func__", held))
        made = name in MAKERS and not is_dataclass(owner) and not issubclass(owner, Exception)
        if inspect.isfunction(method) and method.__name__ == name and (made or not name.startswith("_")):
            yield name, method


CLASSES = {name: item for name, item in public_objects() if inspect.isclass(item)}
FUNCTIONS: dict[str, tuple[Function, type | None]] = {
    **{name: (item, None) for name, item in public_objects() if inspect.isfunction(item)},
    **{f"{name}.{each}": (m, owner) for name, owner in CLASSES.items() for each, m in methods_of(owner)},
}


def doc_of(item: object) -> str:
    """The docstring of the object itself, not of what it overrides."""
    return inspect.cleandoc(vars(item).get("__doc__") or getattr(item, "__doc__", None) or "")


def section(doc: str, title: str) -> str:
    """The text below a title; "" where there is none."""
    return "".join(re.findall(rf"^{title}:\n((?:(?: {{4}}.*)?\n?)*)", doc, re.MULTILINE))


def entries(doc: str, title: str) -> set[str]:
    """The names that a section describes."""
    found = re.findall(r"^ {4}\*{0,2}(\w+(?:, \w+)*): \S", section(doc, title), re.MULTILINE)
    return {name for names in found for name in names.split(", ")}


def raised_by(function: Function) -> Iterator[type]:
    """The exceptions that the function's own body raises."""
    known = vars(builtins) | function.__globals__
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        if isinstance(node, ast.Raise) and node.exc is not None:
            name = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            if isinstance(name, ast.Name) and inspect.isclass(known.get(name.id)):
                yield known[name.id]


def test_the_page_and_the_modules_list_the_same_names():
    assert len(PUBLIC) > 15
    for module, names in PUBLIC.items():
        assert sorted(names) == sorted(import_module(module).__all__), module


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.stem)
def test_documentation_imports_public_names_alone(page: Path):
    text = page.read_text(encoding="utf-8")
    for module, names in re.findall(r"^\s*from (fad_core[\w.]*) import ([\w, ]+)$", text, re.MULTILINE):
        assert set(names.split(", ")) <= set(PUBLIC.get(module, ())), module


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_public_function_is_described(name: str):
    function, owner = FUNCTIONS[name]
    doc, of_class = doc_of(function), doc_of(owner) if owner else ""
    described, made = entries(doc, "Args"), function.__name__ in MAKERS
    if made:
        described |= entries(of_class, "Args") | entries(of_class, "Attributes")
    given = {
        argument for argument in inspect.signature(function).parameters if argument not in ("self", "cls")
    }
    assert given <= described, "arguments that are not described"
    assert entries(doc, "Args") <= given, "arguments that it does not have"
    assert not VAGUE.search(doc)
    if not made and function.__annotations__.get("return") != "None":
        assert section(doc, "Returns") or section(doc, "Yields")
    for error in raised_by(function):
        named = entries(doc, "Raises") | (entries(of_class, "Raises") if made else set())
        assert named & {base.__name__ for base in error.__mro__}, f"{error.__name__} is not described"
    assert ">>> " in doc + of_class, "no example"


@pytest.mark.parametrize("name", sorted(name for name, item in CLASSES.items() if is_dataclass(item)))
def test_the_fields_of_a_public_dataclass_are_described(name: str):
    owner = CLASSES[name]
    described = {each for base in owner.__mro__ for each in entries(doc_of(base), "Attributes")}
    assert not VAGUE.search(doc_of(owner))
    assert {each.name for each in fields(owner) if "description" not in each.metadata} <= described
