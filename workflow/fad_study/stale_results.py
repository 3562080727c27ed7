"""Move results that a study no longer names out of the way, such as those of a model that was removed.

A study's folder has a list of all that was ever to be written to it. What is in the list, and not among the
outputs of the configuration as it is now, is stale. Files that the pipeline did not write are left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from pathlib import Path

from fad_core.errors import OutputError
from fad_core.util.atomic import write_text
from fad_study.shards import seen_path

_LIST = "outputs.txt"
_STALE = "stale"
_LOGS = ("logs", "benchmarks")


def stale_results(folder: Path, outputs: Iterable[str]) -> list[str]:
    """Return the results of a study that its configuration no longer names; logs and benchmarks are left out.

    Args:
        folder: the study's folder.
        outputs: paths of all outputs that the configuration names.

    Returns:
        Paths below the folder, sorted.
    """
    return [name for name in _stale(folder, _names(folder, outputs)) if Path(name).parts[0] not in _LOGS]


def move_stale_results(folder: Path, needed: Iterable[str]) -> int:
    """Move stale results to the folder `stale`, under the same names, and list the others.

    Nothing is deleted, except for a file of the same name that was moved there before.

    Args:
        folder: the study's folder.
        needed: paths of all outputs, logs and benchmarks that the configuration names.

    Returns:
        How many files were moved.

    Raises:
        OutputError: a file cannot be moved, or the list cannot be written.
    """
    named = _names(folder, needed)
    found = _stale(folder, named)
    # Before anything is moved or computed: a run that is killed leaves nothing that is not listed.
    _write_list(folder, {*named, *found})
    for name in found:
        _move(folder / name, folder / _STALE / name, folder)
    _write_list(folder, named)
    return len(found)


def _stale(folder: Path, named: Set[str]) -> list[str]:
    try:
        listed = (folder / _LIST).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    # The list may have been edited: nothing outside the folder is touched.
    others = _names(folder, (str(folder / name) for name in listed)) - named
    return sorted(name for name in others if (folder / name).is_file())


def _move(source: Path, target: Path, top: Path) -> None:
    """Move a file, and remove the folders below `top` that become empty."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
    except OSError as error:
        raise OutputError(target, error.strerror or str(error)) from error
    for parent in source.parents:
        if parent == top or any(parent.iterdir()):
            break
        parent.rmdir()


def _write_list(folder: Path, names: Iterable[str]) -> None:
    text = "".join(f"{name}\n" for name in sorted(names))
    path = folder / _LIST
    if not path.is_file() or path.read_bytes() != text.encode():
        write_text(path, text)


def _names(folder: Path, paths: Iterable[str]) -> set[str]:
    """Return the paths that are below a folder, and not in its folder of stale results, relative to it."""
    below = [Path(path).relative_to(folder) for path in paths if Path(path).is_relative_to(folder)]
    # Scans write their records beside the manifests.
    below += [seen_path(name) for name in below if name.match("manifests/*.parquet")]
    return {name.as_posix() for name in below if name.parts and {"..", _STALE}.isdisjoint(name.parts)}
