"""Schemas of the tables of audio files: what the scan found, and what became of each file."""

from __future__ import annotations

from dataclasses import replace

from fad_core.tables.schemas import COUNTS, DATASET, FILE, MODEL, Column, Schema

_NOTED = ("seconds", "doubtful", "doubt_seconds", "loud", "silent", "constant")

_LOUDNESS = Column(
    "loudness",
    "float64",
    "Integrated loudness of the file as it is, if a model brings files to a loudness.",
    unit="LUFS",
    nullable=True,
)

MANIFEST = Schema(
    "manifest",
    "One row for each audio file of a batch of shards, as the scan found it.",
    (
        DATASET,
        FILE,
        Column("sha256", "string", "SHA-256 of the file's bytes; empty if it could not be read."),
        Column("size", "int64", "Size of the file.", unit="bytes"),
        Column("format", "string", "Container format; empty for a bad file."),
        Column("subtype", "string", "Sample encoding; empty for a bad file."),
        Column("sample_rate", "int64", "Sample rate of the file; 0 for a bad file.", unit="Hz"),
        Column("channels", "int64", "Number of channels; 0 for a bad file."),
        Column("frames", "int64", "Samples per channel; 0 for a bad file."),
        Column("seconds", "float64", "Duration; 0 for a bad file.", unit="s"),
        Column(
            "status",
            "string",
            "Whether the file can be used; a doubtful one is used, and noted beside the scores.",
            choices=("ok", "doubtful", "bad"),
        ),
        Column("reason", "string", "Why a file is doubtful or bad."),
        Column("peak", "float64", "Largest absolute sample value; 0 for a bad file."),
        Column(
            "signal",
            "string",
            "Whether the samples vary, are constant in each channel (DC), or are all 0; empty for bad files.",
            choices=("", "varying", "constant", "silent"),
        ),
        Column(
            "sound_sha256",
            "string",
            "SHA-256 of the decoded sound, independent of the file format; empty for a bad file.",
        ),
        Column(
            "doubt_seconds", "float64", "Duration missing from a doubtful file, or ignored in it.", unit="s"
        ),
        _LOUDNESS,
        Column("loudness_fault", "string", "Why its loudness could not be measured."),
    ),
)

DECISIONS = Schema(
    "decisions",
    "One row for each model and audio file: what becomes of the file.",
    (
        MODEL[0],
        DATASET,
        FILE,
        Column("status", "string", "How the file is treated.", choices=("used", "padded", "excluded")),
        Column("reason", "string", "Why it is padded or excluded."),
        Column("setting", "string", "The setting that says whether such a file stops the study."),
        Column("remarks", "string", "Remarks on its sound as a JSON list of [kind, text]."),
        Column("gain", "float64", "Factor of its samples, if a loudness is chosen.", nullable=True),
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
            "status", "string", "How the file was treated.", choices=("used", "padded", "excluded", "ignored")
        ),
        Column("reason", "string", "Why it was padded, excluded or ignored."),
        Column("note", "string", "Remarks on its sound, if it was embedded."),
        Column("sha256", "string", "SHA-256 of the file's bytes; empty if it was not read."),
        Column("format", "string", "Container format; empty if it is not known."),
        Column("subtype", "string", "Sample encoding; empty if it is not known."),
        Column("sample_rate", "int64", "Sample rate of the file, if known.", unit="Hz", nullable=True),
        Column("channels", "int64", "Number of channels, if known.", nullable=True),
        Column("frames", "int64", "Samples per channel, if known.", nullable=True),
        Column("seconds", "float64", "Duration, before padding, if known.", unit="s", nullable=True),
        Column("peak", "float64", "Largest absolute sample value, if known.", nullable=True),
        _LOUDNESS,
        Column("sound_sha256", "string", "SHA-256 of the decoded sound; empty if it is not known."),
        Column("vectors", "int64", "Number of embedding vectors of the file."),
    ),
)

DATASETS = Schema(
    "datasets",
    "One row for each model and data set: counts of the files found and used.",
    (
        MODEL[0],
        DATASET,
        Column(
            "label",
            "string",
            "What tables for people and figures call it; by default its series and level, or its name.",
        ),
        *(
            replace(column, nullable=True)
            for column in (
                Column(
                    "found",
                    "int64",
                    "Number of files found: used, padded, excluded and ignored; missing, as all other "
                    "counts, of a set whose mean and covariance are all that is known.",
                ),
                Column("used", "int64", "Number of files embedded as they are."),
                Column("padded", "int64", "Number of files padded with zeros and embedded."),
                Column("excluded", "int64", "Number of audio files left out."),
                Column("ignored", "int64", "Number of other files, which are not audio."),
                Column("vectors", "int64", "Number of embedding vectors."),
                *(column for column in COUNTS if column.name in _NOTED),
                Column("duplicates", "int64", "Number of files with the same sound as an earlier file."),
            )
        ),
    ),
)
