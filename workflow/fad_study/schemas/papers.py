"""Schemas of the tables for papers: draws, published figures, and correlations with listeners' ratings."""

from __future__ import annotations

from fad_core.tables.schemas import DISTANCES, MODEL, SETTINGS, Column, Schema

_REFERENCE, _METRIC = (column for column in DISTANCES.columns if column.name in ("reference", "metric"))
_VERDICTS = ("agrees", "differs", "not comparable")

REPEATS = Schema(
    "repeats",
    "One row for each model, metric, reference and group of evaluated data sets that are draws of one "
    "experiment.",
    (
        *MODEL,
        SETTINGS,
        _REFERENCE,
        Column("evaluation", "string", "Name of the group under `repeats`."),
        _METRIC,
        Column("draws", "int64", "Number of data sets in the group."),
        Column("mean", "float64", "Mean of their distances."),
        Column(
            "sd",
            "float64",
            "Their standard deviation (divisor draws - 1); missing for one draw.",
            nullable=True,
        ),
        Column("min", "float64", "The smallest distance."),
        Column("max", "float64", "The largest distance."),
    ),
)

PUBLISHED = Schema(
    "published",
    "One row for each published figure, beside the value of this study.",
    (
        *MODEL,
        SETTINGS,
        _REFERENCE,
        Column("evaluation", "string", "Name of the evaluated data set, or of the group of draws."),
        _METRIC,
        Column("value", "float64", "The distance computed here; the mean for a group of draws."),
        Column("draws", "int64", "Number of data sets over which value is the mean."),
        Column("sd", "float64", "Standard deviation of the draws; missing for one draw.", nullable=True),
        Column("min", "float64", "The smallest of the draws."),
        Column("max", "float64", "The largest of the draws."),
        Column("published", "float64", "The published figure."),
        Column("source", "string", "Where it was published."),
        Column("difference", "float64", "value - published."),
        Column(
            "relative_difference",
            "float64",
            "The difference, relative to the published figure; missing if that is 0.",
            nullable=True,
        ),
        Column("tolerance", "float64", "Largest absolute relative difference that counts as agreement."),
        Column(
            "verdict",
            "string",
            "Whether the difference is within the tolerance; not comparable unless the weights are official.",
            choices=_VERDICTS,
        ),
        Column("note", "string", "Why the figures are not comparable."),
    ),
)

CORRELATIONS = Schema(
    "correlations",
    "One row for each embedding, criterion, category and statistic: correlations of distances with ratings.",
    (
        Column("embedding", "string", "Name of the embedding."),
        Column("criterion", "string", "What listeners rated."),
        Column(
            "category",
            "string",
            "The category whose systems are correlated; `global`: all (system, category) pairs, pooled; "
            "`system_means`: each system's means over the categories; `category_mean`: the mean of the "
            "coefficients within the categories.",
        ),
        Column(
            "statistic",
            "string",
            "The coefficient; Kendall's is tau-b.",
            choices=("pearson", "spearman", "kendall"),
        ),
        Column(
            "value",
            "float64",
            "Value of the coefficient; negative if larger distances go with lower ratings.",
        ),
        Column(
            "ci_low",
            "float64",
            "Lower end of the bootstrap interval over systems; missing where fewer than half of the "
            "resamples have a correlation.",
            nullable=True,
        ),
        Column("ci_high", "float64", "Upper end; missing where the lower one is.", nullable=True),
        Column("published", "float64", "The published figure, if there is one.", nullable=True),
        Column("difference", "float64", "value - published.", nullable=True),
        Column(
            "verdict",
            "string",
            f"Whether the difference is within the study's tolerance: {', '.join(_VERDICTS)}; empty if there "
            "is no published figure.",
        ),
    ),
)
