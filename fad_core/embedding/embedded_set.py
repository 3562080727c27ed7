"""An embedded data set, in whatever form it was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fad_core.datasets.counts import SetCounts
from fad_core.datasets.decisions import FileDecision
from fad_core.metrics.base import SetVectors
from fad_core.models.base import Vectors
from fad_core.models.use import ModelKey

if TYPE_CHECKING:  # an edit of these does not change embeddings
    from fad_core.metrics.mean_covariance import MeanCovariance
    from fad_core.metrics.statistics import Statistics


@dataclass(frozen=True)
class FileEmbeddings:
    """The vectors of one file.

    Attributes:
        file: its name in the data set.
        start_seconds: float64 `[N]`, where each window starts.
        vectors: by output, float32 `[N, D]`.
    """

    file: str
    start_seconds: NDArray[np.float64]
    vectors: Vectors


@dataclass(frozen=True, eq=False)
class EmbeddedSet:
    """An embedded data set, given as audio, vectors or statistics.

    Attributes:
        name: name of the data set.
        key: the model, its weights and settings; what is not known of them is "".
        statistics: statistics of all vectors, by output, the main one first; a mean and covariance, where
            that is all that is known.
        counts: what became of its files; None if that is not known.
        source: "fad-core"; the package that wrote its statistics, "fadtk" or "pytorch-fid"; or "vectors" for
            vectors and statistics that do not say what model made them.
        identity: identity of the exported model (its name, weights and code); empty if it is not known.
        decisions: what became of each file, sorted by name, if it was given as sound.
        ignored: (name, reason) of what is not an audio file, if it was given as sound.
        embeddings: the vectors file by file in the order of names, if they were kept.
        note: what a reader of its distances should know; empty if nothing.

    >>> from fad_core.api.model_cache import verified_model
    >>> from fad_core.api.scoring import embed_sets
    >>> sources = {"reference": "audio/reference"}
    >>> reference = embed_sets(sources, verified_model("tiny", "seeded"), keep=True)["reference"]
    >>> reference.statistics_of().n, reference.vectors_of().vectors.shape
    (75, (75, 8))
    >>> reference.noted("recorded in 2020").note.endswith("; recorded in 2020")
    True
    """

    name: str
    key: ModelKey
    statistics: Mapping[str, Statistics | MeanCovariance]
    counts: SetCounts | None = None
    source: str = "fad-core"
    identity: Mapping[str, Any] = field(default_factory=dict)
    decisions: Sequence[FileDecision] = ()
    ignored: Sequence[tuple[str, str]] = ()
    embeddings: Sequence[FileEmbeddings] | None = None
    note: str = ""

    @property
    def foreign(self) -> bool:
        """Whether another package wrote the statistics."""
        return self.source not in ("fad-core", "vectors")

    @property
    def model_is_assumed(self) -> bool:
        """Whether it was given as vectors or statistics, and no model has been named for it yet."""
        return self.source == "vectors" and not self.key.weights

    def noted(self, note: str) -> EmbeddedSet:
        """Return the set with a further note.

        Args:
            note: the text to add; "": none.

        Returns:
            A copy of the set, whose notes are divided by semicolons.
        """
        return replace(self, note="; ".join(filter(None, (self.note, note))))

    def statistics_of(self, output: str = "") -> Statistics | MeanCovariance:
        """Return the statistics of the vectors of an output.

        Args:
            output: name of the output; "": the main one.

        Returns:
            Count, mean and scatter of vectors `[N, D]`; mean and covariance where the count is not known.
        """
        return self.statistics[output or next(iter(self.statistics))]

    def vectors_of(self, output: str = "") -> SetVectors:
        """Return all vectors of an output.

        Args:
            output: name of the output; "": the main one.

        Returns:
            The vectors `[N, D]`, files in the order of their names.

        Raises:
            ValueError: the vectors were not kept, or are not known.
        """
        if self.embeddings is None:
            raise ValueError(f"the vectors of {self.name} are not available, only their statistics")
        output = output or next(iter(self.statistics))
        if output not in self._vectors:
            files = ((each.file, each.vectors[output]) for each in self.embeddings)
            self._vectors[output] = SetVectors.of(files)
        return self._vectors[output]

    @cached_property
    def _vectors(self) -> dict[str, SetVectors]:
        """What `vectors_of` has returned: metrics of the same object share what they compute of it."""
        return {}
