"""The options that several commands have."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from fad_core.cli.embedding import Embedding
from fad_core.cli.group import option_name
from fad_core.cli.output import quiet_option
from fad_core.cli.threads import threads_option
from fad_core.datasets.policy import FilePolicy
from fad_core.errors import SettingError
from fad_core.models import model_ids
from fad_core.models.options import WEIGHTS, Options
from fad_core.runner.backend import Backend
from fad_core.util.choices import Choice, choices_of

DEFAULT_MODEL = "vggish"
_CHOSEN = (FilePolicy, Options, Backend)


class _Words(click.ParamType):  # type: ignore[type-arg]  # not generic in click 8.2
    """Text for which a shell completes some words, or else files; the command checks its meaning later."""

    def __init__(self, name: str, words: Callable[[], list[str]], *, files: bool = False) -> None:
        self.name, self._words, self._files = name, words, files

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """See `click.ParamType.shell_complete`."""
        found = [CompletionItem(word) for word in self._words() if word.startswith(incomplete)]
        return found or [CompletionItem(incomplete, type="file")] * self._files


MODEL = _Words("id", model_ids)
# Folders, globs and files.
SET = click.Path()


def option_of(item: Choice, kind: Any = None, **more: Any) -> Callable[[Any], Any]:
    """Return the option of a setting.

    Args:
        item: the setting.
        kind: type of the option, if it is not the setting's.
        more: further arguments of `click.option`.
    """
    return click.option(
        option_name(item.name),
        type=kind or (click.Choice(item.values) if item.values else item.kind),
        default=item.default,
        show_default=True,
        help=item.description,
        **more,
    )


ckpt_dir_option = click.option(
    "--ckpt-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the checkpoints.  [default: torch.hub's, where the original packages keep them]",
)
cache_dir_option = click.option(
    "--cache-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of exported models, their verdicts and embeddings.  [default: $FAD_CACHE_DIR, else "
    "~/.cache/fad-core/exported]",
)
cache_option = click.option(
    "--cache/--no-cache",
    default=True,
    show_default=True,
    help="Take the embeddings of files that were embedded before from the cache, and add those of the others "
    "(`fad cache info`).",
)
trust_option = click.option(
    "--trust",
    is_flag=True,
    help="Load an exported model (.pt2) even if loading it can run code that the file contains. Use it only "
    "for files from a source you trust.",
)
model_option = click.option(
    "--model",
    type=MODEL,
    default=DEFAULT_MODEL,
    show_default=True,
    help="Embedding model; `fad models` lists them.",
)
models_option = click.option(
    "--model",
    "models",
    type=MODEL,
    multiple=True,
    help=f"Embedding model; can be repeated.  [default: {DEFAULT_MODEL}]",
)
metrics_option = click.option(
    "--metric",
    "metrics",
    multiple=True,
    default=("fad",),
    show_default=True,
    help='Metric to compute, with its options in quotes ("kad bandwidth=evaluation"); can be repeated. '
    "`fad metrics` lists them.",
)
weights_option = option_of(
    WEIGHTS, _Words("choice", lambda: ["official", "seeded"], files=True), metavar="official|seeded|FILE"
)
device_option = option_of(choices_of(Backend)["device"])
assume_option = click.option(
    "--assume-same-model",
    is_flag=True,
    help="Assume that statistics of other packages, which do not name their weights, come from the same "
    "model as the other sets; the result says so.",
)


def embedding_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add all options of how sets are embedded, as the one argument `embedding`."""

    @functools.wraps(command)
    def gathered(**given: Any) -> Any:
        try:
            chosen: list[Any] = [
                kind(**{name: given.pop(name) for name in choices_of(kind)}) for kind in _CHOSEN
            ]
        except SettingError as error:
            raise click.BadParameter(error.fault, param_hint=option_name(error.name)) from error
        rest = {field.name: given.pop(field.name) for field in fields(Embedding) if field.name in given}
        return command(embedding=Embedding(*chosen, **rest), **given)

    choices: list[Any] = [option_of(item) for kind in _CHOSEN for item in choices_of(kind).values()]
    others: list[Any] = [
        *(trust_option, ckpt_dir_option, cache_dir_option, cache_option, threads_option, quiet_option)
    ]
    for option in reversed([weights_option, *choices, *others]):
        gathered = option(gathered)
    return gathered
