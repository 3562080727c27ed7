"""A digest of the code that a step runs, so that an edited module re-runs what it feeds.

Snakemake sees an edited script but not an edited module that it imports; a rule's params carry this
digest instead. It covers the script, and every module of this package that the script reaches through
imports, read from the source without running it. The registry imports a model's family by name, which is
no import that the source shows: it counts for the step that is about it, with the modules that it imports,
and editing one family leaves the others' results alone. What is imported for types alone, under
`if TYPE_CHECKING`, runs nothing and does not count.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain
from pathlib import Path

_PACKAGE = Path(__file__).parent
_NAME = _PACKAGE.name
# Where statements hold further ones.
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def code_digest(script: Path, family: str | None = None) -> str:
    """Digest of a script and the modules of this package that it uses.

    Args:
        script: a Python file that imports from `fad_core`.
        family: name of the model family that the step is about, if it is about one.

    Returns:
        16 hex digits.
    """
    files = {script.name: script}
    pending = list(_imports(script, script.stat().st_mtime_ns))
    if family is not None:
        pending += _modules([f"{_NAME}.models.{family}"])
    while pending:
        name, path = pending.pop()
        if name not in files:
            files[name] = path
            pending += _imports(path, path.stat().st_mtime_ns)
    # Data that belongs to the code: a report's template, and what verification compares with.
    for path in list(files.values()):
        if path.name == "__init__.py":
            files |= {page.name: page for page in path.parent.glob("*.html")}
    golden = _PACKAGE / "golden" / f"{family}.npz"
    if f"{_NAME}.golden" in files and golden.is_file():
        files["golden"] = golden
    digest = hashlib.sha256()
    for name, path in sorted(files.items()):
        digest.update(f"{name}\0{_file_digest(path, path.stat().st_mtime_ns)}\n".encode())
    return digest.hexdigest()[:16]


def _modules(names: Iterable[str]) -> Iterator[tuple[str, Path]]:
    """Those names that are modules of this package, and their files."""
    for name in names:
        package, *parts = name.split(".")
        base = _PACKAGE.joinpath(*parts)
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if package == _NAME and path.is_file():
                yield name, path


@lru_cache(maxsize=256)
def _imports(path: Path, _mtime_ns: int) -> tuple[tuple[str, Path], ...]:
    """The modules of this package that a file imports, their packages, and the files of all."""
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
    return tuple(_modules(names))


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
    return hashlib.sha256(path.read_bytes()).hexdigest()
