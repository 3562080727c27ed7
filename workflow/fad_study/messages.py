"""Error messages for the user of a study."""

from __future__ import annotations

from collections.abc import Callable

from fad_core.datasets.policy import FilePolicy
from fad_core.errors import FadError
from fad_core.util.choices import choices_of


def message_of(error: FadError) -> str:
    """Return the message of an error, with the settings that avoid it written as in a configuration file."""
    return error.written(_as_key)


def errors_of(check: Callable[..., object], *arguments: object) -> list[str]:
    """Return the message of the error that a check raises; an empty list if it raises none."""
    try:
        check(*arguments)
    except FadError as error:
        return [message_of(error)]
    return []


def _as_key(setting: str, value: object) -> str:
    # Other settings, such as weights, may be those of one model, which --config cannot set.
    of_study = f", or --config {setting}={value}" if setting in choices_of(FilePolicy) else ""
    text = str(value).lower() if isinstance(value, bool) else value
    return f"{setting}: {text}  (in the configuration{of_study})"
