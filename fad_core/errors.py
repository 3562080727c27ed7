"""What can go wrong for reasons a user can mend.

Every message names the thing (file, key, URL), says what is wrong with it and what to do.
The command line prints these without a traceback; anything else is a bug of ours.
"""

from __future__ import annotations

from pathlib import Path


class FadError(Exception):
    """Base class of all errors that are the input's fault, not the program's."""


class ArgumentError(FadError, ValueError):
    """Arguments of a call do not go together."""


class UnknownNameError(FadError):
    """What a call asks for by its name does not exist."""


class ConfigError(FadError):
    """A study's configuration is not usable."""


class UnknownMetricError(ConfigError, UnknownNameError):
    """There is no such metric."""


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
    """Files of the data sets cannot be used and no option says to go on without them."""


class ModelError(FadError):
    """A model id is unknown, or an exported model cannot be read."""


class UnknownModelError(ModelError, UnknownNameError):
    """There is no such model."""


class WeightsError(FadError):
    """A checkpoint is missing, cannot be downloaded, or is not what it should be."""


class VerificationError(FadError):
    """An exported model does not reproduce what it was made from."""


class ResourceError(FadError):
    """The machine, or a limit on this process, leaves too little memory."""


class OutputError(FadError, OSError):
    """A file cannot be written.

    Attributes:
        strerror: why, in the operating system's words.
    """

    def __init__(self, target: Path, reason: str) -> None:
        super().__init__(f"cannot write {target}: {reason}")
        self.strerror = reason
