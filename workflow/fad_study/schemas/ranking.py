"""Schemas of the tables that rank the systems of a study, compare their orders, and show what is fitted."""

from __future__ import annotations

from fad_core.tables.schemas import DATASET, DISTANCES, FILE, MODEL, SETTINGS, Column, Schema

_TAKEN = {column.name: column for column in DISTANCES.columns}
_METRIC = (_TAKEN["reference"], _TAKEN["metric"], _TAKEN["metric_settings"])

DIFFERENCES = Schema(
    "differences",
    "One row for each model, metric, reference and two systems that are compared with it.",
    (
        *MODEL,
        SETTINGS,
        *_METRIC,
        Column("first", "string", "Name of the one system, an evaluated data set."),
        Column("second", "string", "Name of the other system."),
        Column(
            "difference",
            "float64",
            "Corrected value of the first, minus that of the second; missing if they are not estimated.",
            nullable=True,
        ),
        Column(
            "ci_low",
            "float64",
            "Lower end of the confidence interval of the difference between the populations; missing if "
            "there is none.",
            nullable=True,
        ),
        Column("ci_high", "float64", "Upper end of that interval; missing if there is none.", nullable=True),
        Column(
            "p",
            "float64",
            "Probability of such a difference if the systems were exchangeable, from a permutation test "
            "that swaps their labels; missing if it was not made.",
            nullable=True,
        ),
        Column(
            "p_holm",
            "float64",
            "The same, adjusted by Holm's method for all pairs of systems of this model, metric and "
            "reference.",
            nullable=True,
        ),
        Column(
            "swapped",
            "string",
            "Whether labels were swapped within pairs of files, which their names pair, or freely.",
            choices=("pairs", "files", ""),
        ),
        Column("note", "string", "Why there is no interval or no test; empty if there are both."),
    ),
)

EXTRAPOLATION = Schema(
    "extrapolation",
    "One row for each model, pair of data sets, and part of the evaluated set from whose distance a metric "
    "extrapolates.",
    (
        *MODEL,
        SETTINGS,
        _TAKEN["reference"],
        _TAKEN["evaluation"],
        *_METRIC[1:],
        Column("n", "int64", "Number of vectors of the part."),
        Column("value", "float64", "Distance of the part from the reference."),
        Column("fitted", "float64", "Value at n of the line in 1/n that is fitted to the points."),
    ),
)

RANKING = Schema(
    "ranking",
    "One row for each model, metric, reference and system, the best first if they are ranked.",
    (
        *MODEL,
        SETTINGS,
        *_METRIC,
        Column(
            "rank",
            "int64",
            "Place of the system, from 1; equal values share the better place; missing if the systems are "
            "not ranked.",
            nullable=True,
        ),
        _TAKEN["evaluation"],
        Column(
            "letters",
            "string",
            "Systems that share a letter cannot be told apart (adjusted p > 0.05); empty if none was tested.",
        ),
        _TAKEN["value"],
        _TAKEN["corrected"],
        _TAKEN["ci_low"],
        _TAKEN["ci_high"],
        _TAKEN["n_evaluation"],
        Column(
            "ranked_by",
            "string",
            "What the rank is by: values, or corrected values where the systems have different numbers of "
            "vectors; empty if they are not ranked, because these differ and a corrected value is missing, "
            "negative or without an interval.",
            choices=("value", "corrected", ""),
        ),
    ),
)

AGREEMENT = Schema(
    "agreement",
    "One row for each reference and two orders of the systems, each by a model and a metric.",
    (
        _TAKEN["reference"],
        Column("first_model", "string", "Name of the model of the one order."),
        Column("first_metric", "string", "Name of its metric."),
        Column("second_model", "string", "Name of the model of the other order."),
        Column("second_metric", "string", "Name of its metric."),
        Column("systems", "int64", "Number of systems that both orders have."),
        Column(
            "spearman",
            "float64",
            "Spearman's rank correlation of the two orders; missing if all systems share one place.",
            nullable=True,
        ),
        Column(
            "kendall",
            "float64",
            "Kendall's rank correlation τ-b; missing if all systems share one place.",
            nullable=True,
        ),
    ),
)

MAP = Schema(
    "map",
    "One row for each file of a model's map: the mean of its vectors by the first two principal components "
    "of the means of all files; of more than 2000 files, those whose names have the smallest hashes.",
    (
        *MODEL,
        SETTINGS,
        DATASET,
        FILE,
        Column("x", "float64", "First principal component."),
        Column("y", "float64", "Second principal component."),
        Column("x_share", "float64", "Share of the variance that the first component has."),
        Column("y_share", "float64", "Share of the variance that the second component has."),
    ),
)
