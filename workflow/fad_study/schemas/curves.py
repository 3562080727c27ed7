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
