"""Schema of the table of systems by category of sound."""

from __future__ import annotations

from dataclasses import replace

from fad_core.tables.schemas import DISTANCES, MODEL, SETTINGS, Column, Schema
from fad_study.schemas.ranking import RANKING

_TAKEN = {column.name: column for column in DISTANCES.columns}
_RANKED_BY = next(column for column in RANKING.columns if column.name == "ranked_by")

MEAN = "mean"
"""What the column of categories has in the rows of means."""

CATEGORIES = Schema(
    "categories",
    "One row for each model, metric, system and category, and one for each system's mean over the "
    "categories; the system with the best mean first.",
    (
        *MODEL,
        SETTINGS,
        _TAKEN["metric"],
        _TAKEN["metric_settings"],
        Column(
            "rank",
            "int64",
            "Place of the system by its mean, from 1; equal means share the better place; missing without a "
            "mean, or if the systems are not ranked.",
            nullable=True,
        ),
        Column("system", "string", "Name of the system."),
        Column("category", "string", "Name of the category; `mean` in the row of the mean."),
        replace(_TAKEN["reference"], description="Name of the reference data set; empty for a mean."),
        replace(_TAKEN["evaluation"], description="Name of the evaluated data set; empty for a mean."),
        replace(
            _TAKEN["value"],
            description="The metric, or the unweighted mean of all categories; missing if there is none, for "
            "the reason in the note: a system that lacks a category has no mean.",
        ),
        replace(
            _TAKEN["corrected"],
            description="The value without its bias, or the unweighted mean of these; missing if unknown.",
        ),
        replace(_TAKEN["ci_low"], description=f"{_TAKEN['ci_low'].description} A mean has none."),
        _TAKEN["ci_high"],
        _TAKEN["n_evaluation"],
        replace(
            _RANKED_BY,
            description="What the rank is by: means, or corrected means where in some category the systems "
            "have different numbers of vectors; empty if they are not ranked, because these differ and a "
            "corrected value is missing, negative or without an interval.",
        ),
        _TAKEN["note"],
    ),
)
