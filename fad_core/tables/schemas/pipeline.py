"""The tables on the way from audio files to distances."""

from __future__ import annotations

from dataclasses import replace

from fad_core.tables.schemas.base import Column, Schema

MODEL = (
    Column("model", "string", "", "Name of the model in the study: its id, unless the study gives another."),
    Column("weights", "string", "", "Where its weights come from: official, seeded, or a file's name."),
    Column("weights_sha256", "string", "", "SHA-256 of the checkpoint file that names the weights."),
)
DATASET = Column("dataset", "string", "", "Name of the data set in the study.")
FILE = Column("file", "string", "", "Path of the audio file within its data set.")

MANIFEST = Schema(
    "manifest",
    "One row for each audio file of a shard of a data set, as the scan found it.",
    (
        FILE,
        Column("sha256", "string", "", "SHA-256 of the file's bytes; empty if it could not be read."),
        Column("size", "int64", "bytes", "Size of the file."),
        Column("format", "string", "", "Container format; empty for a bad file."),
        Column("subtype", "string", "", "Sample encoding; empty for a bad file."),
        Column("sample_rate", "int64", "Hz", "Sample rate of the file; 0 for a bad file."),
        Column("channels", "int64", "", "Number of channels; 0 for a bad file."),
        Column("frames", "int64", "", "Samples per channel; 0 for a bad file."),
        Column("seconds", "float64", "s", "Duration; 0 for a bad file."),
        Column(
            "status",
            "string",
            "",
            "Whether the file can be used; a doubtful one is, with a note.",
            choices=("ok", "doubtful", "bad"),
        ),
        Column("reason", "string", "", "Why a file is doubtful or bad."),
        Column("peak", "float64", "", "Largest absolute sample value; 0 for a bad file."),
        Column(
            "signal",
            "string",
            "",
            "Whether the samples vary, are one value throughout in each channel (DC), or are all 0; empty "
            "for a bad file.",
            choices=("", "varying", "constant", "silent"),
        ),
        Column(
            "sound_sha256",
            "string",
            "",
            "SHA-256 of the decoded sound, whatever the format that it is stored in; empty for a bad file.",
        ),
        Column("doubt_seconds", "float64", "s", "How much of a doubtful file is missing, or ignored."),
    ),
)

OUTPUT = Column("output", "string", "", "Name of the model's output whose vectors these are.")

EMBEDDINGS = Schema(
    "embeddings",
    "One row for each vector of a shard of a data set, sorted by file, output and window.",
    (
        FILE,
        OUTPUT,
        Column("window", "int32", "", "Index of the vector within its file and output, from 0."),
        Column("start_second", "float64", "s", "Where in the file the vector's window starts."),
        Column("embedding", "list<float32>", "", "The vector itself, one number per dimension."),
    ),
)

SETTINGS = Column(
    "settings", "string", "", "How the model was used, such as crop=first; empty if it has no choice."
)

_DOUBTS = (
    Column("doubtful", "int64", "", "Number of files embedded that are of doubtful length."),
    Column("doubt_seconds", "float64", "s", "How much of them is missing, or ignored."),
)
_SIGNALS = (
    Column("silent", "int64", "", "Number of files embedded that are silent throughout."),
    Column("constant", "int64", "", "Number of files embedded that hold one value throughout (DC)."),
)

STATISTICS = Schema(
    "statistics",
    "One row for each output of a model: what the Fréchet distance takes of its vectors of a data set.",
    (
        *MODEL,
        SETTINGS,
        DATASET,
        OUTPUT,
        Column("n", "int64", "", "Number of vectors."),
        Column("dimension", "int64", "", "D, the length of one vector."),
        Column("mean", "list<float64>", "", "Mean of the vectors, D numbers."),
        Column(
            "factor",
            "list<float64>",
            "",
            "Upper triangular R with RᵀR the scatter matrix Σ(x − mean)(x − mean)ᵀ, D·D numbers row by row.",
        ),
        Column("files", "int64", "", "Number of files embedded, padded ones included."),
        Column("padded", "int64", "", "Number of those that were padded with zeros to the minimum length."),
        Column("excluded", "int64", "", "Number of audio files left out."),
        Column("seconds", "float64", "s", "Duration of the audio embedded, before padding."),
        *_DOUBTS,
        Column("loud", "int64", "", "Number of files embedded with peaks above 4."),
        Column("peak", "float64", "", "Largest absolute sample value."),
        *_SIGNALS,
        Column(
            "rates",
            "string",
            "",
            "Sample rates of the files in Hz, at most the model's, and how many have each: rate:files, "
            "divided by spaces.",
        ),
        Column(
            "sounds",
            "list<int64>",
            "",
            "First 8 bytes of each embedded file's `sound_sha256`, as a big-endian signed number; sorted.",
        ),
    ),
)

VERIFICATION = Schema(
    "verification",
    "One row for each comparison of an exported model with what it must reproduce.",
    (
        *MODEL,
        Column(
            "level",
            "string",
            "",
            "What it is compared with: the eager module, stored embeddings of the original package, or that "
            "package live.",
            choices=("eager", "golden", "reference"),
        ),
        Column("case", "string", "", "The input."),
        Column(
            "quantity",
            "string",
            "",
            "Compared is: embedding, frontend, network or fad. Golden decibels are taken as amplitudes.",
        ),
        Column("vectors", "int64", "", "Number of vectors compared."),
        Column("max_absolute_difference", "float64", "", "Largest difference of two values."),
        Column(
            "max_relative_difference",
            "float64",
            "",
            "The same as a share of the root mean square of the values to be reproduced.",
        ),
        Column(
            "min_cosine", "float64", "", "Smallest cosine between two vectors, for vectors.", nullable=True
        ),
        Column("tolerance", "float64", "", "Largest relative difference that passes."),
        Column(
            "off_by_quantum",
            "int64",
            "",
            "Number of values of a quantised embedding that fell on the other side of a rounding edge.",
        ),
        Column(
            "verdict",
            "string",
            "",
            "Whether the difference is within tolerance.",
            choices=("passed", "failed"),
        ),
        Column(
            "numerics",
            "string",
            "",
            "What the numbers of the machine that compared depend on, beside the exported model: digest of "
            "the code, versions of packages, instruction set of the processor and what limits it, GPU.",
        ),
    ),
)

SUMMARY = Schema(
    "summary",
    "One row for each model that was compared with the original package, run live on the same checkpoint.",
    (
        Column("model", "string", "", "Id of the model."),
        Column("weights", "string", "", "Where its weights come from: official, seeded, or a file's name."),
        Column("weights_sha256", "string", "", "SHA-256 of the checkpoint file that names the weights."),
        Column("clips", "int64", "", "Number of clips embedded by both."),
        Column("vectors", "int64", "", "Number of embedding vectors compared."),
        Column("max_absolute_difference", "float64", "", "Largest difference of two embedding values."),
        Column(
            "max_relative_difference",
            "float64",
            "",
            "Largest difference within a clip as a share of the root mean square of the original's values.",
        ),
        Column("tolerance", "float64", "", "Largest relative difference that passes."),
        Column("off_by_quantum", "int64", "", "Quantised values on the other side of a rounding edge."),
        Column("min_cosine", "float64", "", "Smallest cosine between two vectors."),
        Column("fad_original", "float64", "", "FAD of two groups of clips, of the original's embeddings."),
        Column("fad_here", "float64", "", "The same of ours; both by the exact formula."),
        Column("fad_relative_difference", "float64", "", "Their difference as a share of the original's."),
        Column("fad_printed", "float64", "", "The number that the original prints.", nullable=True),
        Column(
            "fad_printed_here",
            "float64",
            "",
            "Ours for it, with `compatibility: frechet-audio-distance`.",
        ),
        Column(
            "note",
            "string",
            "",
            "How the original fails to print a number in its environment; one given all the same is what "
            "it prints with an older SciPy.",
        ),
        Column("verdict", "string", "", "Whether all comparisons passed.", choices=("passed", "failed")),
    ),
)

DISTANCES = Schema(
    "distances",
    "One row for each model, pair of data sets and metric.",
    (
        *MODEL,
        SETTINGS,
        Column("reference", "string", "", "Name of the reference data set."),
        Column("evaluation", "string", "", "Name of the evaluated data set."),
        Column("metric", "string", "", "Name of the metric."),
        Column("value", "float64", "", "The distance; 0 is best."),
        Column("ci_low", "float64", "", "Lower end of the confidence interval.", nullable=True),
        Column("ci_high", "float64", "", "Upper end of the confidence interval.", nullable=True),
        Column("n_reference", "int64", "", "Number of embedding vectors of the reference."),
        Column("n_evaluation", "int64", "", "Number of embedding vectors of the evaluated set."),
        Column("files", "int64", "", "Number of files embedded, both sets together."),
        Column("excluded", "int64", "", "Number of audio files left out, both sets together."),
        Column("padded", "int64", "", "Number of files padded with zeros, both sets together."),
        Column("note", "string", "", "What a reader should know about this value."),
    ),
)

_COUNTS = ("n_reference", "n_evaluation", "files", "excluded", "padded")

COMPARISONS = Schema(
    "comparisons",
    "What `fad score` and `fad compare` print, one row for each model and pair of sets: the columns of "
    "distances, where what the statistics of other packages do not say is missing.",
    tuple(
        replace(column, nullable=column.nullable or column.name in _COUNTS) for column in DISTANCES.columns
    ),
)

FILES = Schema(
    "files",
    "One row for each model and file of a data set, used or not.",
    (
        MODEL[0],
        DATASET,
        FILE,
        Column(
            "status",
            "string",
            "",
            "What became of the file.",
            choices=("used", "padded", "excluded", "ignored"),
        ),
        Column("reason", "string", "", "Why it was padded, excluded or ignored."),
        Column("note", "string", "", "What a reader should know of its sound, if it was embedded."),
        Column("sha256", "string", "", "SHA-256 of the file's bytes; empty if it was not read."),
        Column("format", "string", "", "Container format; empty if it is not known."),
        Column("subtype", "string", "", "Sample encoding; empty if it is not known."),
        Column("sample_rate", "int64", "Hz", "Sample rate of the file, if known.", nullable=True),
        Column("channels", "int64", "", "Number of channels, if known.", nullable=True),
        Column("frames", "int64", "", "Samples per channel, if known.", nullable=True),
        Column("seconds", "float64", "s", "Duration, before padding, if known.", nullable=True),
        Column("peak", "float64", "", "Largest absolute sample value, if known.", nullable=True),
        Column("sound_sha256", "string", "", "SHA-256 of the decoded sound; empty if it is not known."),
        Column("vectors", "int64", "", "Number of embedding vectors it gave."),
    ),
)

DATASETS = Schema(
    "datasets",
    "One row for each model and data set: what was found and what was used.",
    (
        MODEL[0],
        DATASET,
        Column("found", "int64", "", "Number of files found: used, padded, excluded and ignored."),
        Column("used", "int64", "", "Number of files embedded as they are."),
        Column("padded", "int64", "", "Number of files padded with zeros and embedded."),
        Column("excluded", "int64", "", "Number of audio files left out."),
        Column("ignored", "int64", "", "Number of other files, which are not audio."),
        Column("vectors", "int64", "", "Number of embedding vectors."),
        Column("seconds", "float64", "s", "Duration of the audio embedded, before padding."),
        *_DOUBTS,
        Column("loud", "int64", "", "Number of files embedded with peaks above 4."),
        *_SIGNALS,
        Column("duplicates", "int64", "", "Number of files with the same sound as one before them."),
    ),
)
