"""What `CLAPScore.score` returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self


class CaptionScore(tuple[float, float]):
    """The CLAP score of a data set: the pair (mean, standard deviation), with a record of it.

    Attributes:
        row: one row of the table CLAP_SCORE (`fad_core.tables`): the mean under "value", its
            interval, counts.
        per_file: a row of the table FILE_VALUES for each caption and its file, in the order of the captions.

    >>> CaptionScore({"value": 0.3, "std": 0.1, "files": 2}, [])
    (0.3, 0.1)
    """

    row: Mapping[str, Any]
    per_file: Sequence[Mapping[str, Any]]

    def __new__(cls, row: Mapping[str, Any], per_file: Sequence[Mapping[str, Any]]) -> Self:
        """Make the pair of rows of the two tables.

        Args:
            row: the row of the data set.
            per_file: the rows of its files.
        """
        made = super().__new__(cls, (row["value"], row["std"]))
        made.row, made.per_file = row, tuple(per_file)
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:
        """Return the arguments from which a copy or a pickle is made."""
        return self.row, self.per_file
