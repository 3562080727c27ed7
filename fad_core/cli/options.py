"""The options that several commands have, declared once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import click
from click.shell_completion import CompletionItem

from fad_core.cli.embedding import Embedding
from fad_core.cli.output import quiet_option
from fad_core.cli.threads import threads_option
from fad_core.datasets.policy import FilePolicy, Leftovers, OnBadFile, OnDuplicate, OnShortFile
from fad_core.errors import ArgumentError
from fad_core.models import model_ids
from fad_core.models.options import Options
from fad_core.runner.backend import Backend, Runner

DEFAULT_MODEL = "vggish"


class ModelId(click.ParamType[str, str]):
    """An id of a model, which the shell can complete; whether there is such a model is said later."""

    name = "id"

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """The ids that begin so."""
        return [CompletionItem(name) for name in model_ids() if name.startswith(incomplete)]


class Memory(click.ParamType[float, float]):
    """An amount of memory, as a study would take it."""

    name = "float"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """See `click.ParamType.convert`."""
        number: float = click.FLOAT.convert(value, param, ctx)
        try:
            Options(memory_gb=number)
        except ArgumentError as error:
            self.fail(str(error), param, ctx)
        return number


class WeightsChoice(click.ParamType[str, str]):
    """official, seeded or a file."""

    name = "official|seeded|file"

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        """The words that begin so, or files."""
        words = [word for word in ("official", "seeded") if word.startswith(incomplete)]
        return [CompletionItem(word) for word in words] or [CompletionItem(incomplete, type="file")]


# Folders, globs and files: what they are is for the data set to say.
SET = click.Path()

ckpt_dir_option = click.option(
    "--ckpt-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the checkpoints. Default: torch.hub's, where the original packages keep them.",
)
cache_dir_option = click.option(
    "--cache-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder where exported models and their verdicts are kept.  [default: $FAD_CACHE_DIR, else "
    "~/.cache/fad-core/exported]",
)
trust_option = click.option(
    "--trust",
    is_flag=True,
    help="Load an exported model (.pt2) even if that runs code which the file may contain. Only for files "
    "from a source you trust.",
)
model_option = click.option(
    "--model",
    type=ModelId(),
    default=DEFAULT_MODEL,
    show_default=True,
    help="Embedding model; `fad models` lists them.",
)
models_option = click.option(
    "--model",
    "models",
    type=ModelId(),
    multiple=True,
    help=f"Embedding model; may be given several times.  [default: {DEFAULT_MODEL}]",
)
metric_option = click.option("--metric", default="fad", show_default=True, help="What to compute.")
weights_option = click.option(
    "--weights",
    type=WeightsChoice(),
    default="official",
    show_default=True,
    metavar="official|seeded|FILE",
    help="official: downloaded once, hash checked. seeded: a deterministic fill for trials, not a "
    "published model. FILE: your checkpoint in the official layout, or an exported model (.pt2), which is "
    "not verified.",
)
device_option = click.option(
    "--device",
    default="cpu",
    show_default=True,
    metavar="cpu|cuda|auto",
    help="Where the network runs. Another device may move the last bits.",
)
runner_option = click.option(
    "--runner",
    type=click.Choice(get_args(Runner)),
    default="fast",
    show_default=True,
    help="How the network runs on a CPU: fast, with kernels for the processor, or plain, as it was exported.",
)
assume_option = click.option(
    "--assume-same-model",
    is_flag=True,
    help="Take statistics of other packages, which name no weights, for those of the same model; the "
    "result says so.",
)

_EMBEDDING_OPTIONS = (
    weights_option,
    click.option(
        "--on-bad-file",
        type=click.Choice(get_args(OnBadFile)),
        default="fail",
        show_default=True,
        help="Files that cannot be read whole: fail before anything is embedded, or leave them out.",
    ),
    click.option(
        "--on-short-file",
        type=click.Choice(get_args(OnShortFile)),
        default="fail",
        show_default=True,
        help="Files below the model's minimum: fail, leave them out, or pad them with zeros at the end.",
    ),
    click.option(
        "--on-duplicate",
        type=click.Choice(get_args(OnDuplicate)),
        default="note",
        show_default=True,
        help="Files of a set with the same sound: note it beside the score, fail, or drop all but the first.",
    ),
    click.option(
        "--max-peak",
        type=float,
        default=100.0,
        show_default=True,
        help="Largest absolute sample value a file may hold; values within ±1 are expected.",
    ),
    click.option(
        "--leftovers",
        type=click.Choice(get_args(Leftovers)),
        default="ignore",
        show_default=True,
        help="What fadtk or kadtk have written into a set's folder: ignore it, or use it as data.",
    ),
    click.option(
        "--crop",
        type=click.Choice(["random", "first", "center", "windows"]),
        default="random",
        show_default=True,
        help="What of a file longer than the model's window is embedded (CLAP).",
    ),
    click.option(
        "--hop-seconds", default=10.0, show_default=True, help="From one of the windows to the next."
    ),
    click.option("--seed", default=0, show_default=True, help="Of random crops."),
    click.option(
        "--compatibility",
        type=click.Choice(["none", "frechet-audio-distance"]),
        default="none",
        show_default=True,
        help="Imitate the original package also where it is wrong.",
    ),
    click.option(
        "--memory-gb",
        type=Memory(),
        default=16.0,
        show_default=True,
        help="What embedding one file may take; longer ones are bad.",
    ),
    trust_option,
    ckpt_dir_option,
    cache_dir_option,
    device_option,
    runner_option,
    threads_option,
    quiet_option,
)


def embedding_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """All options of how sets are embedded, as the one argument `embedding`."""

    @functools.wraps(command)
    def gathered(
        weights: str,
        on_bad_file: OnBadFile,
        on_short_file: OnShortFile,
        on_duplicate: OnDuplicate,
        max_peak: float,
        leftovers: Leftovers,
        crop: Any,
        hop_seconds: float,
        seed: int,
        compatibility: Any,
        memory_gb: float,
        trust: bool,
        ckpt_dir: Path | None,
        cache_dir: Path | None,
        device: str,
        runner: Runner,
        threads: int,
        quiet: bool,
        **others: Any,
    ) -> Any:
        options = Options(crop, hop_seconds, seed, compatibility, memory_gb)
        backend = Backend(runner, device)
        try:
            policy = FilePolicy(on_bad_file, on_short_file, on_duplicate, max_peak, leftovers)
        except ArgumentError as error:
            raise click.UsageError(str(error)) from error
        embedding = Embedding(weights, policy, options, ckpt_dir, backend, threads, quiet, cache_dir, trust)
        return command(embedding=embedding, **others)

    for option in reversed(_EMBEDDING_OPTIONS):
        gathered = option(gathered)
    return gathered
