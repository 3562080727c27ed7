"""The interface of a metric: a name, a title, the data that it needs, and a function of two sets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from fad_core.errors import FadError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fad_core.metrics.mean_covariance import MeanCovariance
    from fad_core.metrics.statistics import Statistics


@dataclass(frozen=True, eq=False)
class SetVectors:
    """The vectors of one output of a model for all files of a data set.

    Attributes:
        files: names of the files, in order.
        counts: number of vectors of each file.
        vectors: floats `[N, D]`, those of the first file first; N is the sum of the counts.
    """

    files: tuple[str, ...]
    counts: tuple[int, ...]
    vectors: NDArray[Any]

    @classmethod
    def of(cls, by_file: Iterable[tuple[str, NDArray[np.float32]]]) -> SetVectors:
        """Concatenate the vectors of files.

        Args:
            by_file: at least one pair of a file's name and its vectors, float32 `[n, D]`.

        Returns:
            All vectors `[N, D]`, in the order of the files.

        >>> import numpy as np
        >>> vectors = [("a.wav", np.zeros((2, 3), "f4")), ("b.wav", np.ones((1, 3), "f4"))]
        >>> SetVectors.of(vectors).counts
        (2, 1)
        """
        import numpy as np

        files = list(by_file)
        names, parts = tuple(name for name, _ in files), [vectors for _, vectors in files]
        return cls(names, tuple(map(len, parts)), np.concatenate(parts))


class MetricInput(Protocol):
    """The data of a set that a metric can use: what the metric's `needs` name, and nothing else.

    >>> from fad_core.metrics import MetricValue
    >>> def compute(reference, evaluation):  # of a `Metric` whose needs are (Need("statistics"),)
    ...     a, b = reference.statistics_of(), evaluation.statistics_of()
    ...     return MetricValue(float(abs(a.mean - b.mean).max()))
    """

    def statistics_of(self, output: str = "") -> Statistics | MeanCovariance:
        """Return the statistics of an output's vectors.

        Args:
            output: name of an output of the model; "": the main one.

        Returns:
            Count, mean and scatter of vectors `[N, D]`; mean and covariance where the count is not known.
        """

    def vectors_of(self, output: str = "") -> SetVectors:
        """Return an output's vectors.

        Args:
            output: name of an output of the model; "": the main one.

        Returns:
            All vectors `[N, D]`, with the names of their files.
        """


@dataclass(frozen=True)
class Need:
    """Data that a metric needs of each of the two sets.

    Attributes:
        what: "statistics", or all "vectors" with their files.
        output: whose vectors: the name of a model's output, or "" for the main one.
        paired: whether the sets must have files of the same names, which are compared one with the other.
    """

    what: Literal["statistics", "vectors"] = "statistics"
    output: str = ""
    paired: bool = False


@dataclass(frozen=True)
class MetricValue:
    """One value of a metric.

    Attributes:
        value: the metric itself.
        ci_low: lower end of its confidence interval; None if the metric gives none.
        ci_high: upper end of its confidence interval; None if the metric gives none.
        note: what a reader should know about this value; empty if nothing.
    """

    value: float
    ci_low: float | None = None
    ci_high: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Metric:
    """A distance between a reference and an evaluation set.

    Attributes:
        name: the id that configurations and tables use.
        title: what a heading says.
        symmetric: whether swapping reference and evaluation leaves the value as it is.
        needs: what `compute` uses of each set; nothing else is available.
        compute: (reference, evaluation) → value; ValueError if the sets do not allow one.
        zero_on_itself: whether the value of a set and itself is 0, so that a matrix shows it uncomputed.

    >>> from fad_core.metrics import MetricValue, Need
    >>> def spread(reference, evaluation):
    ...     a, b = (abs(each.vectors_of().vectors).max() for each in (reference, evaluation))
    ...     return MetricValue(float(abs(a - b)))
    >>> Metric("spread", "Difference of the largest values", True, (Need("vectors"),), spread).name
    'spread'
    """

    name: str
    title: str
    symmetric: bool
    needs: tuple[Need, ...]
    compute: Callable[[MetricInput, MetricInput], MetricValue]
    zero_on_itself: bool = False

    def require_outputs(self, model: str, outputs: Collection[str]) -> None:
        """Check that a model has the outputs that the metric needs.

        Args:
            model: name of the model, for the message.
            outputs: names of its outputs.

        Raises:
            FadError: it does not have one of them.
        """
        for need in self.needs:
            if need.output and need.output not in outputs:
                raise FadError(f"{self.name} needs the output {need.output!r}, which {model} does not have")

    @property
    def needs_vectors(self) -> bool:
        """Whether the metric needs vectors, not just statistics."""
        return any(need.what == "vectors" for need in self.needs)
