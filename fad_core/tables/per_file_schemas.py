"""Schemas of the tables of single files."""

from __future__ import annotations

from fad_core.tables.schemas import DISTANCES, FILE, MODEL, SETTINGS, Column, Schema

_SETS, _METRIC = (
    tuple(column for column in DISTANCES.columns if column.name in names)
    for names in (("reference", "evaluation"), ("metric", "metric_settings"))
)

PER_FILE = Schema(
    "per_file",
    "One row for each file of an evaluation set: how far it is from the reference, the farthest first.",
    (
        *MODEL,
        SETTINGS,
        *_SETS,
        FILE,
        Column("vectors", "int64", "Number of embedding vectors of the file."),
        Column(
            "nearest",
            "float64",
            "Mean distance of its vectors from the nearest ones of the reference; missing if it was not "
            "computed, or if only statistics of the reference are known.",
            nullable=True,
        ),
        Column(
            "kad",
            "float64",
            "How much larger the corrected KAD of the sets is with the file than without it; missing if it "
            "was not computed, if a set has fewer than 3 files, or if only statistics of the reference are "
            "known.",
            nullable=True,
        ),
        Column(
            "fad",
            "float64",
            "Fréchet distance of its vectors from the reference, larger the fewer they are; missing if it "
            "was not computed, or if the file has only one.",
            nullable=True,
        ),
    ),
)

FILE_VALUES = Schema(
    "file_values",
    "One row for each file of an evaluation set and each metric that has a value of single files; for "
    "clap-score, one for each caption of a file.",
    (
        *MODEL,
        SETTINGS,
        Column("reference", "string", "Name of the reference data set; empty for the CLAP score."),
        _SETS[1],
        *_METRIC,
        FILE,
        Column("caption", "string", "What the file is compared with for the CLAP score; otherwise empty."),
        Column(
            "value",
            "float64",
            "Of the file: for kl, its divergence from its partner; for is, the divergence of its class "
            "probabilities from the mean of all files; for clap-score, its cosine with the caption (the "
            "score is the mean over files of their means).",
        ),
    ),
)

NEAR_COPIES = Schema(
    "near_copies",
    "One row for each file of an evaluation set that is nearer to a file of the reference than its files are "
    "to each other, the nearest of each set first.",
    (
        *MODEL,
        SETTINGS,
        *_SETS,
        FILE,
        Column("reference_file", "string", "Name of the nearest file of the reference."),
        Column(
            "distance",
            "float64",
            "Mean distance of the file's vectors from the nearest ones of that file; 0 if they are equal.",
        ),
        Column(
            "threshold",
            "float64",
            "The smallest such distance, above 0, of a file of the reference from another one.",
        ),
        Column(
            "median",
            "float64",
            "The median of the distances of the files of the reference from their nearest other ones.",
        ),
    ),
)
