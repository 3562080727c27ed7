"""The interface of a metric: a name, a title, the data that it needs, and a function of two sets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from fad_core.errors import ConfigError, FadError
from fad_core.util.choices import changed_fields, parse_fields

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fad_core.metrics.comparison import System
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


CLAP_SCORE_NAME = "clap-score"
"""The metric of captions, which compares no pairs of data sets."""

ROLES = ("reference", "evaluation")


@dataclass(frozen=True)
class Need:
    """Data that a metric needs of the two sets.

    Attributes:
        what: "statistics", or all "vectors" with their files.
        output: whose vectors: the name of a model's output, or "" for the main one.
        role: the set of which it is needed, "reference" or "evaluation"; "": both.
    """

    what: Literal["statistics", "vectors"] = "statistics"
    output: str = ""
    role: Literal["reference", "evaluation", ""] = ""


@dataclass(frozen=True)
class MetricValue:
    """One value of a metric.

    Attributes:
        value: the metric itself.
        ci_low: lower end of the confidence interval of the populations' distance; None if there is none.
        ci_high: upper end of that interval; None if there is none.
        note: what a reader should know about this value; empty if nothing.
        bias: how much the value is expected to exceed the populations' distance; None if that is not
            estimated.
        corrected: the value without its bias; None if that is not estimated.
        system: what comparing the evaluation set with others against the same reference uses
            (`fad_core.metrics.comparison`); None if the metric does not compare them.
        by_file: names of files and a value of each, where the metric has one; the value is their mean, unless
            the metric says otherwise.
        points: number of vectors, distance and fitted distance of parts of the evaluation set, where the
            value is extrapolated from these.
    """

    value: float
    ci_low: float | None = None
    ci_high: float | None = None
    note: str = ""
    bias: float | None = None
    corrected: float | None = None
    system: System | None = field(default=None, compare=False, repr=False)
    by_file: tuple[tuple[str, float], ...] = field(default=(), compare=False, repr=False)
    points: tuple[tuple[int, float, float], ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Metric:
    """A comparison of an evaluation set with a reference.

    Attributes:
        name: the id that configurations and tables use.
        title: what a heading says.
        symmetric: whether swapping reference and evaluation leaves the value as it is.
        needs: what `compute` uses of each set; nothing else is available.
        compute: (reference, evaluation) → value, or (reference, evaluation, options) if it has options;
            ValueError if the sets do not allow one.
        zero_on_itself: whether the value of a set and itself is 0, so that a matrix shows it uncomputed.
        options: a frozen dataclass whose fields are made by `fad_core.util.choices.choice`; None: no options.
        higher_is_better: whether a larger value is a better one.
        of_files: whether `MetricValue.by_file` has a value of each file.
        computed: what its value is computed from and how, as the end of a sentence, or a function of its
            options that returns it.
        interval: what its confidence interval is of, and how it is made, as the end of a sentence.
        bias: where values of small sets lie beside the interval, as the end of a sentence; "": within it.

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
    compute: Callable[..., MetricValue]
    zero_on_itself: bool = False
    options: type[Any] | None = None
    higher_is_better: bool = False
    of_files: bool = False
    computed: str | Callable[[Any], str] = "from all embedding vectors of each set of clips"
    interval: str = "of the value in the populations"
    bias: str = ""

    def require_outputs(self, model: str, outputs: Collection[str], role: str = "") -> None:
        """Check that a model, or statistics by it, have the outputs that the metric needs.

        Args:
            model: name of the model, for the message.
            outputs: names of the outputs.
            role: the set that they are of, "reference" or "evaluation"; "": both.

        Raises:
            FadError: it does not have one of them.
        """
        for need in self.needs:
            concerned = not (role and need.role) or role == need.role
            if concerned and need.output and need.output not in outputs:
                raise FadError(f"{self.name} needs the output {need.output!r}, which {model} does not have")

    @property
    def needs_reference(self) -> bool:
        """Whether the metric compares with the reference; if not, it is of the evaluation set alone."""
        return any(need.role != "evaluation" for need in self.needs)

    @property
    def label(self) -> str:
        """The name in headings: in capitals if it is an abbreviation of two or three letters."""
        return self.name.upper() if len(self.name) <= 3 else self.name

    @property
    def needs_vectors(self) -> bool:
        """Whether the metric needs vectors, not just statistics, of one of the sets at least."""
        return any(map(self.needs_vectors_of, ROLES))

    def needs_vectors_of(self, role: str) -> bool:
        """Return whether the metric needs vectors of a set, not just statistics.

        Args:
            role: "reference" or "evaluation".

        Returns:
            True if vectors of that set are needed.

        >>> from fad_core.metrics import get_metric
        >>> [get_metric("fad-inf").needs_vectors_of(role) for role in ("reference", "evaluation")]
        [False, True]
        """
        return any(need.what == "vectors" and need.role in ("", role) for need in self.needs)


@dataclass(frozen=True)
class ChosenMetric:
    """A metric with its options.

    Attributes:
        metric: the metric.
        options: an object of its class of options; None if it has none.
    """

    metric: Metric
    options: Any = None

    @classmethod
    def of(cls, metric: Metric, text: str = "") -> ChosenMetric:
        """Read the options of a metric.

        Args:
            metric: the metric.
            text: those that differ from the defaults, `key=value`, divided by spaces.

        Returns:
            The metric with these options; the others have their defaults.

        Raises:
            ConfigError: it has no such option, or the option no such value.

        >>> from fad_core.metrics import get_metric
        >>> ChosenMetric.of(get_metric("fad")).settings
        ''
        """
        owners = [] if metric.options is None else [metric.options]
        try:
            return cls(metric, *parse_fields(owners, text))
        except ConfigError as error:
            raise ConfigError(f"{metric.name}: {error}") from error

    def compute(self, reference: MetricInput, evaluation: MetricInput) -> MetricValue:
        """Compute the value for two sets.

        Args:
            reference: the data of the reference set.
            evaluation: the data of the evaluation set.

        Returns:
            The value, with what is known of its uncertainty.

        Raises:
            ValueError: the sets do not allow a value.

        >>> from fad_core.metrics import choose_metric
        >>> from fad_core.embedding.embedded_set import EmbeddedSet
        >>> from fad_core.metrics.statistics import Statistics
        >>> from fad_core.models.use import ModelKey
        >>> vectors = {"reference": [[0.0], [2.0]], "evaluation": [[3.0], [5.0]]}
        >>> sets = [
        ...     EmbeddedSet(name, ModelKey("m", "", "", ""), {"embedding": Statistics.from_embeddings(rows)})
        ...     for name, rows in vectors.items()
        ... ]
        >>> choose_metric("fad").compute(*sets).value
        9.0
        """
        options = () if self.options is None else (self.options,)
        return self.metric.compute(reference, evaluation, *options)

    @property
    def computed(self) -> str:
        """What the value is computed from and how, with these options, as the end of a sentence."""
        text = self.metric.computed
        return text if isinstance(text, str) else text(self.options)

    @property
    def settings(self) -> str:
        """The options that differ from their defaults, as text that `of` reads."""
        return "" if self.options is None else changed_fields(self.options)
