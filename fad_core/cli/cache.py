"""`fad cache`: the embeddings that are kept so that no file is embedded twice."""

from __future__ import annotations

from pathlib import Path

import click

from fad_core.cli.group import Group
from fad_core.cli.options import cache_dir_option
from fad_core.cli.output import Form, output_options, print_row, print_rows
from fad_core.errors import FadError


@click.group(
    cls=Group,
    examples=(
        "fad cache info",
        "fad cache prune --limit-gb 5",
        "fad cache clear",
        "fad cache info --folder results/cache",
    ),
)
def cache() -> None:
    """Show, prune or clear the cache of embeddings.

    It holds the embeddings of each file by content, model, weights, settings and kind of machine. They are
    only a copy: what is removed is embedded again when it is needed.
    """


_folder_option = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the cache itself, instead of --cache-dir; of studies, it is results/cache.  [default: "
    "embeddings, in --cache-dir]",
)


@cache.command(examples=("fad cache info", "fad cache info --json", "fad cache info --folder results/cache"))
@_folder_option
@cache_dir_option
@output_options
def info(folder: Path | None, cache_dir: Path | None, form: Form) -> None:
    """List the cached embeddings by model, weights and settings, those used last first.

    Rows that look alike are of another version of the code or another kind of machine.
    """
    from datetime import datetime

    from fad_core.embedding.embedding_cache import cache_info

    rows, root = [], _root(folder, cache_dir)
    for item in cache_info(root):
        identity = item.context.get("identity", {})
        rows.append(
            {
                "model": identity.get("model", "not known"),
                "weights": f"{identity.get('weights', 'not known')} {identity.get('weights_sha256', '')[:8]}",
                "settings": item.context.get("settings", ""),
                "files": item.files,
                "bytes": item.bytes,
                "last used": datetime.fromtimestamp(item.used).isoformat(" ", "minutes"),
            }
        )
    print_rows(rows, form, None if rows else lambda: f"{root}: nothing is cached")


@cache.command(examples=("fad cache prune", "fad cache prune --limit-gb 5"))
@click.option(
    "--limit-gb",
    type=click.FloatRange(min=0),
    default=20.0,
    show_default=True,
    help="Size in GB (10^9 bytes) that may remain.",
)
@_folder_option
@cache_dir_option
@output_options
def prune(limit_gb: float, folder: Path | None, cache_dir: Path | None, form: Form) -> None:
    """Remove the embeddings that were not used for the longest time, if there are more than a limit."""
    _remove(_root(folder, cache_dir), int(limit_gb * 1e9), form)


@cache.command(examples=("fad cache clear", "fad cache clear --folder results/cache"))
@_folder_option
@cache_dir_option
@output_options
def clear(folder: Path | None, cache_dir: Path | None, form: Form) -> None:
    """Remove all cached embeddings."""
    _remove(_root(folder, cache_dir), 0, form)


def _remove(root: Path, limit: int, form: Form) -> None:
    from fad_core.embedding.embedding_cache import prune

    row = {"folder": str(root), "removed_bytes": prune(root, limit)}
    print_row(row, form, lambda: f"{root}: {row['removed_bytes']} bytes removed")


def _root(folder: Path | None, cache_dir: Path | None) -> Path:
    from fad_core.api.model_cache import embeddings_folder

    if folder is None:
        return embeddings_folder(cache_dir)  # need not exist yet
    if not folder.is_dir():
        raise FadError(f"there is no folder {folder}")
    return folder
