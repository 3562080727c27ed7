"""Schemas of the tables that the core reads or writes: columns, types and units, declared once.

Standard library only. A text column is never empty in the sense of "unknown" (that is ""), so only
numbers can be nullable, and an empty CSV field always has one meaning.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

ColumnType = Literal["string", "int32", "int64", "float64", "list<float32>", "list<float64>", "list<int64>"]


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: its heading.
        type: type of its values.
        description: its meaning, one sentence.
        unit: unit of its values; "" for text and for plain numbers.
        nullable: whether a number may be missing.
        choices: all values that the text may have; empty if it may have any.
    """

    name: str
    type: ColumnType
    description: str
    unit: str = ""
    nullable: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schema:
    """A kind of table.

    Attributes:
        name: of the kind of table.
        description: what one row is, one sentence.
        columns: its columns in order.
    """

    name: str
    description: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)


MODEL = (
    Column("model", "string", "Name of the model in the study: its id, unless the study gives another."),
    Column("weights", "string", "Where its weights come from: official, seeded, or a file's name."),
    Column("weights_sha256", "string", "SHA-256 of the checkpoint file that names the weights."),
)
DATASET = Column("dataset", "string", "Name of the data set in the study.")
FILE = Column("file", "string", "Path of the audio file within its data set.")

SETTINGS = Column(
    "settings", "string", "How the model was used, such as crop=first; empty if it has no settings."
)

OUTPUT = Column("output", "string", "Name of the model's output that the vectors come from.")

EMBEDDINGS = Schema(
    "embeddings",
    "One row for each vector, sorted by data set, file, output and segment.",
    (
        MODEL[0],
        DATASET,
        FILE,
        OUTPUT,
        Column("segment", "int32", "Index of the vector within its file and output, from 0."),
        Column("start_second", "float64", "Start of the vector's segment of the file.", unit="s"),
        Column("embedding", "list<float32>", "The vector itself, one number per dimension."),
    ),
)

COUNTS = tuple(
    replace(column, nullable=True)
    for column in (
        Column("files", "int64", "Number of files embedded, padded ones included."),
        Column("padded", "int64", "Number of those that were padded with zeros to the minimum length."),
        Column("excluded", "int64", "Number of audio files left out."),
        Column("seconds", "float64", "Duration of the audio embedded, before padding.", unit="s"),
        Column("doubtful", "int64", "Number of files embedded whose length is doubtful."),
        Column(
            "doubt_seconds", "float64", "Duration missing from these files, or ignored in them.", unit="s"
        ),
        Column("loud", "int64", "Number of files embedded with peaks above 4, or above 1 after a gain."),
        Column("peak", "float64", "Largest absolute sample value, after the gain to a loudness."),
        Column("silent", "int64", "Number of files embedded that are silent throughout."),
        Column("constant", "int64", "Number of files embedded with one constant value (DC)."),
    )
)
"""What is counted of a set's files; missing where another package's statistics do not say it."""

STATISTICS = Schema(
    "statistics",
    "One row for each output of a model: statistics of its vectors for a data set, for the Fréchet distance.",
    (
        *MODEL,
        SETTINGS,
        DATASET,
        OUTPUT,
        Column(
            "n",
            "int64",
            "Number of vectors; missing, as the counts of files are, if a mean and a covariance are all that "
            "is known.",
            nullable=True,
        ),
        Column("dimension", "int64", "D, the length of one vector."),
        Column("mean", "list<float64>", "Mean of the vectors, D numbers."),
        Column(
            "factor",
            "list<float64>",
            "Upper triangular R with RᵀR the scatter matrix Σ(x − mean)(x − mean)ᵀ, D·D numbers row by row; "
            "any R with RᵀR the covariance, if n is missing.",
        ),
        Column(
            "group_n",
            "list<int64>",
            "Number of vectors of each of up to 20 groups of files, from which bias and interval of a "
            "distance follow; empty if the groups are not known, or too large.",
        ),
        Column(
            "group_files",
            "list<int64>",
            "Of each group, a hash of the names of its files without their last suffixes: groups of two sets "
            "with the same hash hold files that belong together in pairs.",
        ),
        Column("group_means", "list<float64>", "Mean of the vectors of each group, D numbers each."),
        Column(
            "group_rows",
            "list<float64>",
            "Upper triangular factor of each group, as `factor`, of min(group_n − 1, D) rows of D numbers.",
        ),
        *COUNTS,
        Column(
            "rates",
            "string",
            "Sample rates of the files in Hz, at most the model's, each with its number of files: rate:files "
            "items, separated by spaces.",
        ),
        Column(
            "sounds",
            "list<int64>",
            "First 8 bytes of each embedded file's `sound_sha256`, as a big-endian signed number; sorted.",
        ),
    ),
)

VERIFICATION = Schema(
    "verification",
    "One row for each comparison of an exported model with the values that it must reproduce.",
    (
        *MODEL,
        Column(
            "level",
            "string",
            "What the model is compared with: the eager PyTorch module, stored embeddings of the original "
            "package, or that package run live.",
            choices=("eager", "golden", "reference"),
        ),
        Column("case", "string", "The input."),
        Column(
            "quantity",
            "string",
            "The quantity compared: embedding (or the name of another output), state (what the network "
            "carries to its next call), frontend, network or fad. Features in decibels are compared as "
            "amplitudes at the level golden.",
        ),
        Column("vectors", "int64", "Number of vectors compared."),
        Column("max_absolute_difference", "float64", "Largest absolute difference of two values."),
        Column(
            "max_relative_difference",
            "float64",
            "The same, relative to the root mean square of the values to be reproduced.",
        ),
        Column("min_cosine", "float64", "Smallest cosine similarity; missing for scalars.", nullable=True),
        Column("tolerance", "float64", "Largest relative difference that passes."),
        Column(
            "off_by_quantum",
            "int64",
            "Number of values of a quantised embedding that differ by one quantisation step.",
        ),
        Column(
            "verdict",
            "string",
            "Whether the difference is within the tolerance.",
            choices=("passed", "failed"),
        ),
        Column("check", "int64", "Number of the comparison, from 1."),
        Column(
            "checks",
            "int64",
            "Number of comparisons of the whole verification: a table with fewer is refused.",
        ),
        Column(
            "numerics",
            "string",
            "Properties of the code and machine on which the numbers depend: digest of the code, versions of "
            "packages, instruction set of the processor and limits on it, GPU.",
        ),
        Column("exported_sha256", "string", "SHA-256 of the verified .pt2; empty if another one was run."),
    ),
)

DISTANCES = Schema(
    "distances",
    "One row for each model, pair of data sets and metric.",
    (
        *MODEL,
        SETTINGS,
        Column("reference", "string", "Name of the reference data set."),
        Column("evaluation", "string", "Name of the evaluated data set."),
        Column("metric", "string", "Name of the metric."),
        Column(
            "metric_settings",
            "string",
            "Options of the metric that differ from their defaults; empty if none.",
        ),
        Column(
            "value",
            "float64",
            "The metric itself, as other packages compute it; missing if it has none for these sets, for the "
            "reason in the note.",
            nullable=True,
        ),
        Column(
            "bias",
            "float64",
            "How much the value is expected to exceed the distance of the populations from which the files "
            "are drawn; missing if that is not estimated.",
            nullable=True,
        ),
        Column("corrected", "float64", "The value without its bias; missing if unknown.", nullable=True),
        Column(
            "ci_low",
            "float64",
            "Lower end of the confidence interval of the populations' distance; missing if there is none.",
            nullable=True,
        ),
        Column("ci_high", "float64", "Upper end of that interval; missing if there is none.", nullable=True),
        Column(
            "n_reference",
            "int64",
            "Number of embedding vectors of the reference; missing, as the counts of files are, if a set's "
            "mean and covariance are all that is known.",
            nullable=True,
        ),
        Column("n_evaluation", "int64", "Number of embedding vectors of the evaluated set.", nullable=True),
        Column("files", "int64", "Number of files embedded, both sets together.", nullable=True),
        Column("excluded", "int64", "Number of audio files left out, both sets together.", nullable=True),
        Column("padded", "int64", "Number of files padded with zeros, both sets together.", nullable=True),
        Column("note", "string", "Remarks needed to interpret this value."),
    ),
)
