"""Schema of the table behind the curves of distance against distortion."""

from __future__ import annotations

from fad_core.tables.schemas import DISTANCES, MODEL, Column, Schema

_TAKEN = {column.name: column for column in DISTANCES.columns}

CURVES = Schema(
    "curves",
    "One row for each model, reference and data set: what the figure of the curves of a metric shows.",
    (
        *MODEL,
        _TAKEN["metric"],
        Column(
            "series",
            "string",
            "Name of the series, such as a kind of distortion; empty for the sets without one.",
        ),
        Column("level", "string", "Level of the data set in its series."),
        _TAKEN["reference"],
        _TAKEN["evaluation"],
        _TAKEN["value"],
        _TAKEN["ci_low"],
        _TAKEN["ci_high"],
    ),
)

MONOTONICITY = Schema(
    "monotonicity",
    "One row for each model, reference and series of data sets: whether a metric gets worse with the level.",
    (
        *MODEL,
        _TAKEN["metric"],
        _TAKEN["reference"],
        Column("series", "string", "Name of the series, such as a kind of distortion."),
        Column("levels", "int64", "Number of levels that have a value."),
        Column(
            "spearman",
            "float64",
            "Spearman correlation of level and value, of the opposite sign if higher values are better: 1 if "
            "the metric gets worse at each level; missing if all values are equal.",
            nullable=True,
        ),
        Column(
            "inversions", "int64", "Number of levels at which the metric is better than at the one before."
        ),
    ),
)
