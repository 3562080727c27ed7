"""Settings that a user chooses: fields of dataclasses that hold values, default and description in one place.

The options of the command are made from them, the defaults of `FrechetAudioDistance` are theirs, and tests
compare the schema of the configuration and the docstrings with them.
"""

from __future__ import annotations

import math
import types
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from numbers import Real
from typing import Any, get_args, get_type_hints

from fad_core.errors import ArgumentError, ConfigError, SettingError


@dataclass(frozen=True)
class Choice:
    """One setting.

    Attributes:
        name: its key in a configuration.
        kind: type of its values other than None.
        values: all its values where `kind` is a `Literal`, else empty.
        default: value where the user chooses none.
        description: what it does, in full sentences that name values and other settings as they are.
    """

    name: str
    kind: Any
    values: tuple[str, ...]
    default: Any
    description: str


def choice(default: Any, description: str) -> Any:
    """Return a dataclass field for a setting; `Choice` describes the arguments."""
    return field(default=default, metadata={"description": description})


def choices_of(owner: type[Any]) -> dict[str, Choice]:
    """Return the settings that are fields of a dataclass, by their names and in their order."""
    kinds, found = get_type_hints(owner), {}
    for item in fields(owner):
        kind = without_none(kinds[item.name])
        found[item.name] = Choice(item.name, kind, get_args(kind), item.default, item.metadata["description"])
    return found


def without_none(hint: Any) -> Any:
    """Return the `X` of `X | None`, and any other annotation as it is."""
    if not isinstance(hint, types.UnionType):
        return hint
    (inner,) = (part for part in get_args(hint) if part is not type(None))
    return inner


def require_choices(chosen: Any) -> None:
    """Check the fields of a dataclass that have a fixed set of values.

    Raises:
        SettingError: a value is not one of them.
    """
    for name, item in choices_of(type(chosen)).items():
        value = getattr(chosen, name)
        if item.values and value not in item.values:
            raise SettingError(name, f"must be one of {', '.join(item.values)}, not {value!r}")


def require_positive(name: str, value: Any) -> None:
    """Check that a setting is a positive, finite number.

    Raises:
        SettingError: it is not. NaN is refused too: every comparison with it is false, so as a limit it would
            refuse nothing.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) < math.inf:
        raise SettingError(name, f"must be a positive, finite number, not {value!r}")


def changed_fields(chosen: Any) -> str:
    """Return the fields of a dataclass that differ from their defaults, as `key=value`, divided by spaces."""
    given, default = asdict(chosen), asdict(type(chosen)())
    return " ".join(f"{key}={value}" for key, value in given.items() if value != default[key])


def parse_fields(owners: Sequence[type[Any]], text: str) -> list[Any]:
    """Read dataclasses from the text that `changed_fields` gave for each of them, joined by spaces.

    Args:
        owners: the dataclasses; no field's name occurs twice.
        text: `key=value`, divided by spaces.

    Returns:
        One object of each dataclass; fields that the text does not name have their defaults.

    Raises:
        ConfigError: a key is not known, or a value is not one of its values.
    """
    known = {name: (owner, item) for owner in owners for name, item in choices_of(owner).items()}
    given: dict[type[Any], dict[str, Any]] = {owner: {} for owner in owners}
    for entry in text.split():
        key, _, value = entry.partition("=")
        if key not in known:
            raise ConfigError(f"there is no setting {key!r}; settings: {', '.join(known)}")
        owner, item = known[key]
        try:
            given[owner][key] = value if item.values else item.kind(value)
        except ValueError as error:
            raise ConfigError(f"{key}: {value!r} is not a number") from error
    try:
        return [owner(**given[owner]) for owner in owners]
    except ArgumentError as error:
        raise ConfigError(str(error)) from error
