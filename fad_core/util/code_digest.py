"""Compute a digest of the code that a step runs, so that the step is run again when a module is edited.

Snakemake detects an edited script, but not an edited module that the script imports; therefore the params of
a rule contain this digest. It covers the script and every module of both packages that the script imports,
directly or indirectly; the imports are read from the source without running it. Comments, docstrings and
layout are left out. The registry imports the modules of models by name, which the source does not show: these
modules and their imports are included only for the steps that use the model, so an edit of one family does
not affect the results of others. Imports for types only, under `if TYPE_CHECKING`, are left out.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

_CORE = Path(__file__).parents[1]
# Where statements hold further ones.
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def code_digest(
    script: Path, modules: Sequence[str] = (), facts: str = "", packages: Sequence[Path] = ()
) -> str:
    """Return a digest of a script and the modules that it uses.

    Args:
        script: a Python file that imports from `fad_core`.
        modules: names of imported modules that define the model that the step uses; the modules of their
            packages that they import count too.
        facts: text that describes the model, which counts as code does (`fad_core.models.definition_of`).
        packages: folders of further packages whose modules count, each called as the package is.

    Returns:
        16 hex digits.
    """
    folders = {folder.name: [folder] for folder in (_CORE, *packages)}
    for package in {name.partition(".")[0] for name in modules} - set(folders):
        folders[package] = _folders_of(package)
    digests = {"": _hash(facts.encode())}
    files = [(script.name, script), *_files(modules, folders)]
    looked_up = set(modules)
    while files:
        name, path = files.pop()
        if name not in digests:
            digests[name], imported = _module(path, path.stat().st_mtime_ns)
            package = name if path.name == "__init__.py" else name.rpartition(".")[0]
            # Most names are not modules, and many modules import the same ones.
            names = {_absolute(other, package) for other in imported} - looked_up
            looked_up |= names
            files += _files(names, folders)
            if path.name == "__init__.py":  # a report's template and script belong to the code
                pages = [*path.parent.glob("*.html"), *path.parent.glob("*.js")]
                digests |= {page.name: _hash(page.read_bytes()) for page in pages}
    return _hash("".join(f"{name}\0{digest}\n" for name, digest in sorted(digests.items())).encode())[:16]


def _files(names: Iterable[str], folders: Mapping[str, Sequence[Path]]) -> Iterator[tuple[str, Path]]:
    """Yield the names that are modules of the packages, each with its file."""
    for name in names:
        package, *parts = name.split(".")
        for folder in folders.get(package, ()):
            base = folder.joinpath(*parts)
            found = (base.with_suffix(".py"), base / "__init__.py")
            yield from ((name, path) for path in found if path.is_file())


def _folders_of(package: str) -> list[Path]:
    """Return the folders of an imported package; of a single file, its path without the suffix."""
    module = sys.modules[package]
    # A namespace package may have several folders, and no file of its own.
    folders = getattr(module, "__path__", None) or [Path(str(module.__file__)).with_suffix("")]
    return [Path(folder) for folder in folders]


def _absolute(name: str, package: str) -> str:
    """Resolve a name such as "..module", which a module of a package imports."""
    relative = name.lstrip(".")
    level = len(name) - len(relative)
    return ".".join([*package.split(".")[: 1 - level or None], relative]) if level else name


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@lru_cache(maxsize=512)
def _module(path: Path, _mtime_ns: int) -> tuple[str, list[str]]:
    """Return the digest of a module's code, and all names that it imports, with those of their packages.

    Relative names begin with dots.
    """
    tree = ast.parse(path.read_bytes())
    imported: list[str] = []
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        match node:
            case ast.Import(names=aliases):
                imported += [alias.name for alias in aliases]
            case ast.ImportFrom(module=module, names=aliases, level=level):
                # What is imported from a module may be one, too.
                base = "." * level + (f"{module}." if module else "")
                imported += [f"{base}{alias.name}" for alias in aliases]
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=otherwise):
                pending += otherwise
            case _:
                # Of the nodes below, most are expressions, which hold no import.
                pending += [inner for block in _BLOCKS for inner in getattr(node, block, ())]
    names = {parent: None for name in imported for parent in _with_parents(name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            # A string that stands alone does nothing; it documents the function or attribute beside it.
            node.body = [statement for statement in node.body if not _is_docstring(statement)]
    return _hash(ast.dump(tree).encode()), list(names)


def _with_parents(name: str) -> list[str]:
    """Return "a", "a.b" and "a.b.c" for "a.b.c"; leading dots belong to the first part.

    >>> _with_parents("..a.b")
    ['..a', '..a.b']
    """
    parts = name.lstrip(".").split(".")
    dots = name[: len(name) - len(name.lstrip("."))]
    return [dots + ".".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _is_docstring(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
    return False
