"""A digest of the code that a step runs, so that an edited module re-runs what it feeds.

Snakemake notices an edited script but not an edited module that it imports; the params of a rule carry this
digest instead. It covers the script, and every module of our packages that the script reaches through
imports, read from the source without running it. Comments, docstrings and layout do not count. The registry
imports the module of a model's family by name, which is no import that the source shows: it counts for the
step that is about that family, with the modules that it imports, and editing one family leaves the results of
the others alone. What is imported for types alone, under `if TYPE_CHECKING`, runs nothing and does not count.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path

_CORE = Path(__file__).parents[1]
# Where statements hold further ones.
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def code_digest(script: Path, family: str | None = None, packages: Sequence[Path] = ()) -> str:
    """Digest of a script and the modules that it uses.

    Args:
        script: a Python file that imports from `fad_core`.
        family: name of the model family that the step is about, if it is about one.
        packages: folders of further packages whose modules count, each called as the package is.

    Returns:
        16 hex digits.
    """
    folders = (_CORE, *packages)
    files = {script.name: script}
    pending = list(_imports(script, script.stat().st_mtime_ns, folders))
    if family is not None:
        pending += _modules([f"{_CORE.name}.models.{family}"], folders)
    while pending:
        name, path = pending.pop()
        if name not in files:
            files[name] = path
            pending += _imports(path, path.stat().st_mtime_ns, folders)
    # Data that belongs to the code: a report's template, and what verification compares with.
    for path in list(files.values()):
        if path.name == "__init__.py":
            files |= {page.name: page for page in path.parent.glob("*.html")}
    golden = _CORE / "models" / f"{family}/golden.npz"
    if f"{_CORE.name}.verification.golden" in files and golden.is_file():
        files["golden"] = golden
    digest = hashlib.sha256()
    for name, path in sorted(files.items()):
        digest.update(f"{name}\0{_file_digest(path, path.stat().st_mtime_ns)}\n".encode())
    return digest.hexdigest()[:16]


def _modules(names: Iterable[str], folders: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """Those names that are modules of the packages, and their files."""
    packages = {folder.name: folder for folder in folders}
    for name in names:
        package, *parts = name.split(".")
        if package in packages:
            base = packages[package].joinpath(*parts)
            yield from (
                (name, path) for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()
            )


@lru_cache(maxsize=256)
def _imports(path: Path, _mtime_ns: int, folders: tuple[Path, ...]) -> tuple[tuple[str, Path], ...]:
    """The modules of the packages that a file imports, the packages that hold them, and the files of all."""
    names: dict[str, None] = {}
    for node in _running(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            # What is imported from a module may be one, too.
            modules = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for module in modules:
            parts = module.split(".")
            names.update((".".join(parts[:count]), None) for count in range(1, len(parts) + 1))
    return tuple(_modules(names, folders))


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
