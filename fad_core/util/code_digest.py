"""A digest of the code that a step runs, so that an edited module re-runs what it feeds.

Snakemake notices an edited script but not an edited module that it imports; the params of a rule carry this
digest instead. It covers the script, and every module of our packages that the script reaches through
imports, read from the source without running it. Comments, docstrings and layout do not count. The registry
of models imports the module of a family by name, which is no import that the source shows: it counts for the
step that is about that family, with the modules that it imports, and editing one family leaves the results of
the others alone. What is imported for types alone, under `if TYPE_CHECKING`, runs nothing and does not count.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path

_CORE = Path(__file__).parents[1]
# Where statements hold further ones.
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def code_digest(script: Path, modules: Sequence[str] = (), packages: Sequence[Path] = ()) -> str:
    """Digest of a script and the modules that it uses.

    Args:
        script: a Python file that imports from `fad_core`.
        modules: names of the modules of the model family that the step is about, if it is about one
            (`fad_core.models.modules_of`). One of another package has been imported, and what it imports of
            its own package counts too.
        packages: folders of further packages whose modules count, each called as the package is.

    Returns:
        16 hex digits.
    """
    folders = {folder.name: folder for folder in (_CORE, *packages)}
    for name in modules:
        package = name.partition(".")[0]
        if package not in folders:
            folders[package] = _imported(package)
    files = {script.name: script}
    families = dict(_modules(modules, folders))
    pending = [*_imports("", script, folders), *families.items()]
    while pending:
        name, path = pending.pop()
        if name not in files:
            files[name] = path
            pending += _imports(name, path, folders)
    # Data that belongs to the code: a report's template, and what verification compares with.
    for path in list(files.values()):
        if path.name == "__init__.py":
            files |= {page.name: page for page in path.parent.glob("*.html")}
    if f"{_CORE.name}.verification.golden" in files:
        beside = {f"{name} golden": path.with_name("golden.npz") for name, path in families.items()}
        files |= {name: golden for name, golden in beside.items() if golden.is_file()}
    digest = hashlib.sha256()
    for name, path in sorted(files.items()):
        digest.update(f"{name}\0{_file_digest(path, path.stat().st_mtime_ns)}\n".encode())
    return digest.hexdigest()[:16]


def _imported(package: str) -> Path:
    """The folder of an imported package; of one that is a single file, its path without the suffix."""
    file = Path(str(sys.modules[package].__file__))
    return file.parent if file.name == "__init__.py" else file.with_suffix("")


def _modules(names: Iterable[str], folders: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    """Those names that are modules of the packages, and their files."""
    for name in names:
        package, *parts = name.split(".")
        if package in folders:
            base = folders[package].joinpath(*parts)
            yield from (
                (name, path) for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()
            )


def _imports(name: str, path: Path, folders: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    """The modules of the packages that a module imports, the packages that hold them, and all their files."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return _modules(_imported_names(package, path, path.stat().st_mtime_ns), folders)


@lru_cache(maxsize=256)
def _imported_names(package: str, path: Path, _mtime_ns: int) -> tuple[str, ...]:
    """What a module in a package imports: whatever may be a module, and the packages that would hold it."""
    names: dict[str, None] = {}
    for node in _running(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            within = package.split(".")[: 1 - node.level or None] if node.level else []
            module = ".".join(filter(None, [*within, node.module]))
            # What is imported from a module may be one, too.
            modules = [module, *(f"{module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for module in modules:
            parts = module.split(".")
            names.update((".".join(parts[:count]), None) for count in range(1, len(parts) + 1))
    return tuple(names)


def _running(tree: ast.Module) -> Iterator[ast.AST]:
    """All statements but those under `if TYPE_CHECKING`."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        yield node
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=otherwise):
                pending += otherwise
            case _:
                # Of the nodes below, most are expressions, which hold no import.
                pending += chain.from_iterable(getattr(node, block, ()) for block in _BLOCKS)


@lru_cache(maxsize=256)
def _file_digest(path: Path, _mtime_ns: int) -> str:
    content = path.read_bytes()
    return hashlib.sha256(_code(content) if path.suffix == ".py" else content).hexdigest()


def _code(source: bytes) -> bytes:
    """A module without its comments, docstrings and layout."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            # A string that stands alone does nothing; it documents the function or attribute beside it.
            node.body = [statement for statement in node.body if not _is_docstring(statement)]
    return ast.dump(tree).encode()


def _is_docstring(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
    return False
