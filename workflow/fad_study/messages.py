"""Errors as a user of a study reads them."""

from __future__ import annotations

from fad_core.datasets.policy import FilePolicy
from fad_core.errors import FadError
from fad_core.util.choices import choices_of


def message_of(error: FadError) -> str:
    """Return an error's message, with the settings that avoid it as a configuration file gives them."""
    return error.written(_as_key)


def _as_key(setting: str, value: object) -> str:
    # Others, such as weights, may be chosen for one model alone, which --config cannot do.
    of_study = f", or --config {setting}={value}" if setting in choices_of(FilePolicy) else ""
    return f"{setting}: {value}  (in the configuration{of_study})"
