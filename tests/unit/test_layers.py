"""The house: which package may import which, and what only some of them may."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from fad_core.datasets.policy import FilePolicy
from fad_core.models.options import Options
from fad_core.runner.backend import Backend
from fad_core.util.choices import choices_of

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"fad_core": ROOT / "fad_core", "fad_study": ROOT / "workflow/fad_study"}
# From the ground up: a package imports only packages below its own row.
LAYERS = (
    ("errors",),
    ("util",),
    ("frontends", "metrics", "audio"),
    ("models", "tables"),
    ("datasets", "weights"),
    ("runner",),
    ("embedding",),
    ("verification",),
    ("api",),
    ("cli",),
)
LEVEL = {package: level for level, packages in enumerate(LAYERS) for package in packages}
# What may compile loops, or emit code, by itself.
COMPILERS = ("numba", "llvmlite")


def modules() -> dict[str, Path]:
    """All modules of both packages, by their names."""
    found = {}
    for package, folder in PACKAGES.items():
        for path in folder.rglob("*.py"):
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


MODULES = modules()


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def imports(module: str) -> Iterator[str]:
    """All that a module imports, anywhere in it and for types too, as modules where they are ours."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in MODULES else node.module


def package_of(module: str) -> str:
    """The package of `fad_core` that a module is in; "" for its top."""
    return [*module.split("."), ""][1]


def test_nothing_else_stands_at_the_top():
    top = {package_of(module) for module in MODULES if module.startswith("fad_core")}
    assert top == {"", *LEVEL}
    assert not [path for path in PACKAGES["fad_core"].glob("*.py") if path.stem not in ("__init__", "errors")]


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_what_is_below_it(module: str):
    if module == "fad_core" or module.startswith("fad_study"):
        return
    own = package_of(module)
    for name in imports(module):
        assert not name.startswith("fad_study")
        if name.split(".")[0] == "fad_core" and package_of(name) != own:
            assert name != "fad_core", "the top gives users names, and takes them from everywhere"
            assert LEVEL[package_of(name)] < LEVEL[own], f"{module} imports {name}"


def test_the_page_of_the_architecture_lists_the_packages_from_the_top():
    page = (ROOT / "docs/development/architecture.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert sorted(listed) == sorted(LEVEL)
    assert [LEVEL[package] for package in listed] == sorted(LEVEL.values(), reverse=True)


def test_no_module_imports_itself_by_a_detour():
    """Imports for types alone do not run, and are left out."""
    running: dict[str, set[str]] = {}
    for module in MODULES:
        body = [node for node in tree(module).body if isinstance(node, ast.Import | ast.ImportFrom)]
        names: set[str] = set()
        for node in body:
            if isinstance(node, ast.ImportFrom) and node.module:
                names |= {
                    name if (name := f"{node.module}.{alias.name}") in MODULES else node.module
                    for alias in node.names
                }
        running[module] = {name for name in names if name in MODULES}
    while leaves := [module for module, needed in running.items() if not needed]:
        for leaf in leaves:
            del running[leaf]
        for needed in running.values():
            needed.difference_update(leaves)
    assert not running


def test_compilers_are_behind_few_doors():
    for module in MODULES:
        if any(name.split(".")[0] in COMPILERS for name in imports(module)):
            doors = ("fad_core.util.jit", "fad_core.util.processor", "fad_core.audio.polyphase")
            assert module in doors or module.startswith("fad_core.runner.fast"), module


def test_the_kernels_have_one_door():
    for module in MODULES:
        if not module.startswith("fad_core.runner.fast"):
            assert not [name for name in imports(module) if name.startswith("fad_core.runner.fast.")], module


# How a shell, a program or a configuration says what these packages must leave to their callers.
_KEYS = [
    rf"{name}: ({'|'.join(item.values) or '[0-9]'})"
    for owner in (FilePolicy, Options, Backend)
    for name, item in choices_of(owner).items()
]
SYNTAX = {
    "shell": re.compile(r"(?<![-\w])--[a-z]|\bfad (?!-)[a-z]|[Ss]nakemake"),
    "YAML": re.compile("|".join([r"`\w+: ", r"\bweights: (official|seeded|PATH)\b", *_KEYS])),
    "Python": re.compile(r"\w=(True|False|None|[\"'])"),
}
# One argument of another program's, which is no message.
_ARGUMENT = re.compile(r"--[a-z-]+(=[a-z0-9]+:)?")


def texts(module: str) -> Iterator[str]:
    """All string literals but docstrings and arguments; an f-string as one text, with {} for each value."""
    documentation = {
        id(node.value)
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    parts = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.JoinedStr):
            parts.update(id(part) for part in ast.walk(node))
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    left_out = documentation | parts
    for node in ast.walk(tree(module)):
        if (
            isinstance(node, ast.Constant)
            and id(node) not in left_out
            and not _ARGUMENT.fullmatch(str(node.value))
        ):
            yield str(node.value)


@pytest.mark.parametrize("package", sorted({"errors", *LEVEL} - {"cli"}))
@pytest.mark.parametrize("language", SYNTAX)
def test_messages_are_for_every_user(package: str, language: str):
    """Those of api may speak Python. The schemas of tables have no messages: they are for a page of docs."""
    for module in MODULES:
        own = module.startswith("fad_core.") and package_of(module) == package and "schemas" not in module
        for text in texts(module) if own and (package, language) != ("api", "Python") else ():
            assert not SYNTAX[language].search(text), f"{module}: {text}"
