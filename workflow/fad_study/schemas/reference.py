"""Schema of the summary of live verification."""

from __future__ import annotations

from fad_core.tables.schemas import MODEL, Column, Schema

SUMMARY = Schema(
    "summary",
    "One row for each model that was compared with the original package, run live on the same checkpoint.",
    (
        Column("model", "string", "Id of the model."),
        *MODEL[1:],
        Column("clips", "int64", "Number of clips embedded by both."),
        Column("vectors", "int64", "Number of embedding vectors compared."),
        Column("max_absolute_difference", "float64", "Largest absolute difference of two values."),
        Column(
            "max_relative_difference",
            "float64",
            "Largest difference within a clip, relative to the root mean square of the original's values.",
        ),
        Column("tolerance", "float64", "Largest relative difference that passes."),
        Column("off_by_quantum", "int64", "Number of values that differ by one quantisation step."),
        Column("min_cosine", "float64", "Smallest cosine similarity of two vectors."),
        Column("fad_original", "float64", "FAD of two groups of clips, from the original's embeddings."),
        Column("fad_here", "float64", "The same from this package's embeddings; both by the exact formula."),
        Column("fad_relative_difference", "float64", "Their difference, relative to the original's."),
        Column("fad_printed", "float64", "Number that the original prints, if any.", nullable=True),
        Column(
            "fad_printed_here",
            "float64",
            "The corresponding number of this package, with `compatibility: frechet-audio-distance`.",
        ),
        Column(
            "note",
            "string",
            "The error of the original, if it prints no number in its environment; fad_printed is then the "
            "number that it prints with an older SciPy.",
        ),
        Column("verdict", "string", "Whether all comparisons passed.", choices=("passed", "failed")),
    ),
)
