"""Files of two sets that belong together: those of the same name, apart from the extension."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

from fad_core.errors import ArgumentError
from fad_core.metrics.interval_options import IntervalOptions
from fad_core.util.choices import choice, require_choices
from fad_core.util.formatting import counted

__all__ = ["PairedOptions", "pair_name", "paired_files", "require_partners"]

_NAMED = 3


def pair_name(file: str) -> str:
    """Return what pairs a file with one of another set: its name without the last suffix.

    Args:
        file: name of a file in its set.

    >>> pair_name("prompts/0001.wav") == pair_name("prompts/0001.flac")
    True
    """
    return str(PurePosixPath(file).with_suffix(""))


@dataclass(frozen=True)
class PairedOptions(IntervalOptions):
    """Options of a metric that compares files with those of the same name (`paired_files`).

    Attributes:
        partners: what becomes of files without a file of the same name in the other set.

    Raises:
        ArgumentError: an option has no valid value.

    >>> from dataclasses import dataclass
    >>> from fad_core.util.choices import choice
    >>> @dataclass(frozen=True)
    ... class Options(PairedOptions):
    ...     power: float = choice(2.0, "Power of the differences.")
    >>> Options(partners="common").power
    2.0
    """

    partners: Literal["require", "common"] = choice(
        "require",
        "Files without a file of the same name in the other set: refuse them (require), or leave them out "
        "and note their number (common).",
    )

    def __post_init__(self) -> None:
        require_choices(self)
        super().__post_init__()


def paired_files(
    reference: Sequence[str], evaluation: Sequence[str], *, common: bool = False
) -> tuple[list[str], list[str], str]:
    """Pair the files of two sets that have the same name, apart from the extension.

    Args:
        reference: names of the reference's files.
        evaluation: names of the evaluation set's files.
        common: whether files without a partner are left out.

    Returns:
        The files of the reference and, in the same order, those of the evaluation set; and a note of how many
        were left out, or "".

    Raises:
        ArgumentError: a file has no partner, or there is no pair, or two files of a set differ by the
            extension alone.

    >>> paired_files(["1.wav", "2.wav"], ["2.flac", "3.flac"], common=True)
    (['2.wav'], ['2.flac'], '1 file of the reference and 1 file of the evaluation set have no partner')
    """
    first, second = _by_name(reference, "reference"), _by_name(evaluation, "evaluation set")
    names = [name for name in first if name in second]
    alone = [file for name, file in first.items() if name not in second]
    others = [file for name, file in second.items() if name not in first]
    note = ""
    if alone or others:
        note = (
            f"{counted(len(alone), 'file')} of the reference and {counted(len(others), 'file')} of the "
            "evaluation set have no partner"
        )
    if note and not (common and names):
        alone += others
        listed = ", ".join(alone[:_NAMED]) + (", …" if len(alone) > _NAMED else "")
        advice = "" if common else ": give both sets the same names, or choose partners=common"
        raise ArgumentError(f"files are compared with those of the same name, but {note} ({listed}){advice}")
    return [first[name] for name in names], [second[name] for name in names], note


def require_partners(options: Any, reference: Sequence[str], evaluation: Sequence[str]) -> None:
    """Require that the files of two sets can be paired, if a metric does so: before anything is embedded.

    Args:
        options: the options of the metric; those of a metric that pairs files are `PairedOptions`.
        reference: names of the reference's files.
        evaluation: names of the evaluation set's files.

    Raises:
        ArgumentError: files cannot be paired (`paired_files`).
    """
    if isinstance(options, PairedOptions):
        paired_files(reference, evaluation, common=options.partners == "common")


def _by_name(files: Sequence[str], whose: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in files:
        if (other := found.setdefault(pair_name(file), file)) != file:
            raise ArgumentError(f"{other} and {file} of the {whose} have the same name: rename one of them")
    return found
