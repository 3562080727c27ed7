"""Every setting has its values, default and description once; all that repeats them is compared with that."""

from __future__ import annotations

import ast
import inspect
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
import yaml

from fad_core import FrechetAudioDistance
from fad_core.cli import main
from fad_core.cli.group import option_name
from fad_core.cli.score import score
from fad_core.datasets.policy import FilePolicy
from fad_core.errors import SettingError
from fad_core.models.options import WEIGHTS, Options
from fad_core.runner.backend import Backend
from fad_core.util.choices import Choice, choices_of, parse_fields

ROOT = Path(__file__).resolve().parents[2]
COMMAND_PAGE = ROOT / "docs/cli.md"
CHOICES = {
    name: item
    for choices in (choices_of(FilePolicy), choices_of(Options), choices_of(Backend), {"weights": WEIGHTS})
    for name, item in choices.items()
}
# What a study, or the class, means by a name, but for these: its own default, or a narrower or wider meaning.
STUDY = CHOICES.keys() - {"dtype", "device", "weights"}
CLASS = CHOICES.keys() - {"dtype"}
each = pytest.mark.parametrize("item", CHOICES.values(), ids=CHOICES)


def study_keys() -> dict[str, dict[str, Any]]:
    """The keys of a study and of its models, as the schema describes them."""
    (path,) = ROOT.glob("workflow/**/config.schema.yaml")
    schema = yaml.safe_load(path.read_text(encoding="utf-8"))
    return schema["properties"]["models"]["items"]["properties"] | schema["properties"]


def test_a_list_of_values_is_written_once() -> None:
    found: Counter[frozenset[str]] = Counter()
    for folder in ("fad_core", "workflow", "scripts"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Tuple | ast.List | ast.Set):
                    texts = [part.value for part in node.elts if isinstance(part, ast.Constant)]
                    found[frozenset(text for text in texts if isinstance(text, str))] += 1
    assert {item.name: found[frozenset(item.values)] for item in CHOICES.values() if item.values} == {
        item.name: 1 for item in CHOICES.values() if item.values
    }


@each
def test_the_command_has_its_option(item: Choice) -> None:
    (option,) = (parameter for parameter in score.params if parameter.name == item.name)
    assert option.opts == [option_name(item.name)]
    assert (option.default, option.help) == (item.default, item.description)
    assert tuple(getattr(option.type, "choices", ())) == item.values


@each
def test_the_configuration_has_its_key(item: Choice) -> None:
    key = study_keys().get(item.name, {"default": item.default})
    assert key.get("default") == item.default
    if item.name in STUDY:
        assert key["description"] == item.description
        assert tuple(key.get("enum", ())) == item.values


@each
def test_the_class_has_its_argument(item: Choice) -> None:
    constructor = FrechetAudioDistance.__init__
    argument = inspect.signature(constructor).parameters.get(item.name)
    if item.name in CLASS:
        assert argument is not None
        # The class's device is the original package's, whichever there is.
        assert argument.default == ("auto" if item.name == "device" else item.default)
        assert f"{item.name}: {item.description}" in " ".join(str(constructor.__doc__).split())


@each
def test_a_description_is_made_of_sentences(item: Choice) -> None:
    assert item.description.endswith(".")
    assert all(value in item.description for value in item.values if item.name != "dtype")


@each
def test_the_page_of_the_command_has_its_row(item: Choice) -> None:
    option, values = option_name(item.name), ", ".join(f"`{value}`" for value in item.values) or "–"
    default = "–" if item.default is None else f"`{item.default}`"
    row = f"| `{option}` | {values} | {default} | {item.description} |"
    assert row in COMMAND_PAGE.read_text(encoding="utf-8").splitlines()


def commands(group: click.Group) -> Iterator[click.Command]:
    for command in group.commands.values():
        yield command
        if isinstance(command, click.Group):
            yield from commands(command)


def test_the_page_of_the_command_has_all_options_and_no_others() -> None:
    known = {
        option
        for command in [main, *commands(main)]
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("--")
    }
    page = COMMAND_PAGE.read_text(encoding="utf-8")
    table = [line for line in page.splitlines() if line.startswith("| `--")]
    named = {option for line in table for option in re.findall(r"`(--[a-z-]+)", line.split(" | ")[0])}
    assert named == known


@pytest.mark.parametrize("value", [float("nan"), -70, 0.5, "-14", True])
def test_a_loudness_is_checked(value: Any) -> None:
    with pytest.raises(SettingError, match="loudness must be a number of LUFS above -70 and at most 0"):
        Options(loudness=value)


def test_equal_loudnesses_are_one_setting() -> None:
    assert str(Options(loudness=-14)) == str(Options(loudness=np.float32(-14))) == "loudness=-14.0"
    assert parse_fields([Options], "loudness=-14.0") == [Options(loudness=-14)]


@pytest.mark.parametrize("name", ["hop_seconds", "memory_gb"])
@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), "1"])
def test_a_number_that_must_be_positive_is_checked(name: str, value: Any) -> None:
    with pytest.raises(SettingError, match=f"{name} must be a positive, finite number"):
        Options(**{name: value})
