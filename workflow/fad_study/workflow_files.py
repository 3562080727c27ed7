"""Where the workflow is: the Snakefile and all that it reads, in a checkout or installed."""

from __future__ import annotations

import shutil
from pathlib import Path

from fad_core.errors import OutputError

# As in pyproject.toml, which puts them into the wheel.
_PARTS = (
    "Snakefile",
    "config.yaml",
    "envs",
    "scripts",
    "workflow/profiles",
    "workflow/report",
    "workflow/rules",
    "workflow/schemas",
    "workflow/studies",
)


def workflow_folder() -> Path:
    """Return the folder with the Snakefile of this package: its checkout, or the package `fad_study.bundle`.

    >>> from fad_study.workflow_files import workflow_folder
    >>> (workflow_folder() / "Snakefile").is_file()
    True
    """
    package = Path(__file__).resolve().parent
    installed = package / "bundle"
    return installed if installed.is_dir() else package.parents[1]


def example_studies() -> dict[Path, str]:
    """Return the example studies: the path of each configuration, and its first line.

    >>> from fad_study.workflow_files import example_studies
    >>> [path.stem for path in example_studies()][:2]
    ['dcase2023_task7', 'demo']
    """
    studies = sorted((workflow_folder() / "workflow/studies").glob("*.yaml"))
    return {path: path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ") for path in studies}


def export_workflow(folder: Path) -> None:
    """Copy the workflow, without the packages, into a folder, where it can be changed.

    Args:
        folder: created if missing; it may contain other files.

    Raises:
        OutputError: a file or folder of the workflow exists there, or cannot be written.
    """
    source = workflow_folder()
    for part in _PARTS:
        if (folder / part).exists():
            raise OutputError(folder / part, "it exists, and is not overwritten")
    try:
        for part in _PARTS:
            (folder / part).parent.mkdir(parents=True, exist_ok=True)
            if (source / part).is_dir():
                # Modules that were imported have left their compiled code.
                shutil.copytree(source / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source / part, folder / part)
    except OSError as error:
        raise OutputError(folder, error.strerror or str(error)) from error
