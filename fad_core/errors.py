"""Errors that a user can correct.

Every message names the thing (file, setting, URL), says what is wrong with it and what to do.
The command line prints these without a traceback; any other exception is a bug of this package.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

__all__ = [
    "ArgumentError",
    "AudioError",
    "BadFilesError",
    "ConfigError",
    "DatasetError",
    "FadError",
    "ModelError",
    "OutputError",
    "ResourceError",
    "SettingError",
    "UnknownMetricError",
    "UnknownModelError",
    "UnknownNameError",
    "VerificationError",
    "WeightsError",
]


class FadError(Exception):
    """Base class of all errors that the input causes, not the program.

    Attributes:
        message: what is wrong, in words that fit the command line, a configuration and a Python program.
        settings: (name, value) of settings that avoid the error; the message ends by introducing them.

    >>> print(FadError("2 files are too short. To go on, choose:", [("on_short_file", "pad")]))
    2 files are too short. To go on, choose:
      on_short_file="pad"
    """

    def __init__(self, message: str, settings: Sequence[tuple[str, object]] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.settings = tuple(settings)

    def written(self, write: Callable[[str, object], str]) -> str:
        """Write the message and the settings in another form, such as that of a command line.

        Args:
            write: called with the name and the value of a setting; returns their text.

        Returns:
            The message, followed by the text of each setting on a line of its own.
        """
        return "\n  ".join([self.message, *(write(*setting) for setting in self.settings)])

    def __str__(self) -> str:
        return self.written(lambda name, value: f'{name}="{value}"' if value is not True else f"{name}=True")


class ArgumentError(FadError, ValueError):
    """An argument has no valid value, or arguments contradict each other."""


class SettingError(ArgumentError):
    """A setting has no valid value.

    Attributes:
        name: name of the setting.
        fault: what is wrong with its value, without the name.
    """

    def __init__(self, name: str, fault: str) -> None:
        super().__init__(f"{name} {fault}")
        self.name = name
        self.fault = fault


class UnknownNameError(FadError):
    """A given name is not known."""


class ConfigError(FadError):
    """A study's configuration is not usable."""


class UnknownMetricError(ConfigError, UnknownNameError):
    """A metric with the given name does not exist."""


class DatasetError(FadError):
    """A data set is missing, empty or too small."""


class AudioError(FadError):
    """One audio file cannot be used.

    Attributes:
        path: the file.
        reason: what is wrong with it, one line, without the path.
    """

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = Path(path)
        self.reason = reason


class BadFilesError(FadError):
    """Files of the data sets cannot be used, and the settings do not allow excluding them."""


class ModelError(FadError):
    """A model id is unknown, or an exported model cannot be read."""


class UnknownModelError(ModelError, UnknownNameError):
    """A model with the given id does not exist."""


class WeightsError(FadError):
    """A checkpoint is missing, cannot be downloaded, or differs from the expected file."""


class VerificationError(FadError):
    """An exported model does not reproduce what it was exported from."""


class ResourceError(FadError):
    """The machine, or a limit on this process, leaves too little memory."""


class OutputError(FadError, OSError):
    """A file cannot be written.

    Attributes:
        strerror: the reason, in the operating system's words.
    """

    def __init__(self, target: Path, reason: str) -> None:
        super().__init__(f"cannot write {target}: {reason}")
        self.strerror = reason
