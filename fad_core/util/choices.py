"""Dataclasses of a user's choices: check them, write what differs from the defaults as text, and read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any, get_args, get_type_hints

from fad_core.errors import ArgumentError, ConfigError


def require_choices(choices: Any) -> None:
    """Check the fields of a dataclass that are typed as a `Literal`.

    Raises:
        ArgumentError: a value is not one of its literals.
    """
    for name, kind in get_type_hints(type(choices)).items():
        value, allowed = getattr(choices, name), get_args(kind)
        if allowed and value not in allowed:
            raise ArgumentError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")


def changed_fields(choices: Any) -> str:
    """The fields of a dataclass that differ from their defaults, as `key=value`, divided by spaces."""
    given, default = asdict(choices), asdict(type(choices)())
    return " ".join(f"{key}={value}" for key, value in given.items() if value != default[key])


def parse_fields(kinds: Sequence[type[Any]], text: str) -> list[Any]:
    """Dataclasses whose fields `changed_fields` has written, all into one text.

    Args:
        kinds: the dataclasses; no field's name occurs twice.
        text: `key=value`, divided by spaces.

    Returns:
        One object of each kind; fields that the text does not name have their defaults.

    Raises:
        ConfigError: a key is not known, or a value is not one of its values.
    """
    owners = {field.name: kind for kind in kinds for field in fields(kind)}
    given: dict[type[Any], dict[str, Any]] = {kind: {} for kind in kinds}
    for item in text.split():
        key, _, value = item.partition("=")
        if key not in owners:
            raise ConfigError(f"there is no setting {key!r}; settings: {', '.join(owners)}")
        kind = get_type_hints(owners[key])[key]
        try:
            given[owners[key]][key] = value if get_args(kind) else kind(value)
        except ValueError as error:
            raise ConfigError(f"{key}={value} is not a number") from error
    try:
        return [kind(**given[kind]) for kind in kinds]
    except ArgumentError as error:
        raise ConfigError(str(error)) from error
