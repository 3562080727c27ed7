"""The schema of the table of the CLAP score."""

from __future__ import annotations

from fad_core.tables.schemas import DATASET, MODEL, SETTINGS, Column, Schema

CLAP_SCORE = Schema(
    "clap_score",
    "One row for each data set with captions: the CLAP score, the mean cosine of files and captions.",
    (
        *MODEL,
        SETTINGS,
        DATASET,
        Column(
            "value",
            "float64",
            "The mean of the files' cosines (of a file with several captions, their mean), from -1 to 1.",
        ),
        Column(
            "std",
            "float64",
            "Standard deviation of the values of files, divided by N.",
        ),
        Column("ci_low", "float64", "Lower end of the 95 % interval of the mean over files.", nullable=True),
        Column("ci_high", "float64", "Upper end; both are missing for fewer than 5 files.", nullable=True),
        Column("files", "int64", "Number of files that were compared with their captions."),
        Column("excluded", "int64", "Number of files left out, with their captions."),
        Column("note", "string", "What a reader of the value should know; empty if nothing."),
    ),
)
