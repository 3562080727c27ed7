"""`fad study new` and `fad study export-workflow`: write what a study starts from."""

from __future__ import annotations

import difflib
import json
import re
import string
from pathlib import Path

import click

from fad_core.cli.group import Command
from fad_core.cli.options import DEFAULT_MODEL, models_option, weights_option
from fad_core.cli.output import quiet_option, speaker


class _Preset(click.Choice):  # type: ignore[type-arg]  # not generic in click 8.2
    """A preset; the message on another name has the nearest one."""

    def get_invalid_choice_message(self, value: object, ctx: click.Context | None) -> str:
        """See `click.Choice.get_invalid_choice_message`."""
        close = difflib.get_close_matches(str(value).lower(), map(str, self.choices), n=1)
        hint = f" Did you mean {close[0]!r}?" if close else " docs/presets.md describes them."
        return f"{super().get_invalid_choice_message(value, ctx)}{hint}"


PRESETS = sorted(Path(__file__).parents[1].joinpath("presets").glob("*.yaml"))


@click.command(
    cls=Command,
    examples=(
        "fad study new my_study",
        "fad study new trial --model vggish --model clap --weights seeded",
        "fad study new paper --like mmaudio",
    ),
)
@click.argument("name")
@models_option
@click.option(
    "--like",
    type=_Preset([path.stem for path in PRESETS]),
    help="Take the models, metrics and conventions of a paper or package (docs/presets.md).  [default: none]",
)
@weights_option
@quiet_option
def new(name: str, models: tuple[str, ...], like: str | None, weights: str, quiet: bool) -> None:
    """Write the configuration of a study, NAME.yaml, with an explanation of each line.

    A file that exists is not overwritten.
    """
    if like and models:
        raise click.UsageError("--like has its own models: give it, or --model")
    if like and weights not in ("official", "seeded"):
        raise click.UsageError(
            "with --like, --weights is official or seeded: name files in the configuration"
        )
    from fad_core.errors import OutputError
    from fad_core.models import get_model
    from fad_core.util.atomic import write_text

    for model in models:
        get_model(model)  # an unknown one is an error of the call, not of a configuration
    name = name.removesuffix(".yaml")
    path = Path(f"{name}.yaml")
    text = _configuration(name, path, models or (DEFAULT_MODEL,), weights, like)
    if path.exists():
        raise OutputError(path, "it exists, and is not overwritten")
    write_text(path, text)
    speaker(quiet)(f"{path}: name your audio under `datasets`, then run: fad study run {path}")


@click.command(
    "export-workflow",
    cls=Command,
    examples=("fad study export-workflow my_workflow",),
)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@quiet_option
def export_workflow(folder: Path, quiet: bool) -> None:
    """Copy the workflow to FOLDER, to read or to change it: Snakefile, rules, scripts and example studies.

    In FOLDER, snakemake and `fad study run` use this copy. Nothing is overwritten.
    """
    from fad_study import workflow_files

    workflow_files.export_workflow(folder)
    speaker(quiet)(f"{folder}: snakemake and fad study run use the workflow in this folder")


def _configuration(name: str, path: Path, models: tuple[str, ...], weights: str, like: str | None) -> str:
    """Return the text of a new configuration, of a preset or with these models.

    Raises:
        ConfigError: the name of the study or of a model is not valid.
    """
    from fad_study.config import examine_config, require_no_errors
    from fad_study.study_names import validate_names
    from fad_study.workflow_files import workflow_folder

    config = {
        "study": name,
        "datasets": {key: {"path": key} for key in ("reference", "system_a")},
        "models": [{"id": model, "weights": weights} for model in models],
    }
    examined = examine_config(config, workflow_folder() / "workflow/schemas/config.schema.yaml")
    require_no_errors([*examined.errors, *validate_names(examined.config, examined.damaged)])
    # A path may need quotes in YAML.
    choice = weights if re.fullmatch(r"[\w./~-]+", weights) else json.dumps(weights)
    lines = "\n".join(f"  - {{id: {model}, weights: {choice}}}" for model in models)
    (source,) = [each for each in PRESETS if each.stem == like] or [
        Path(__file__).with_name("new_study.yaml")
    ]
    template = string.Template(source.read_text(encoding="utf-8"))
    return template.substitute(name=name, file=path, models=lines, weights=choice)
