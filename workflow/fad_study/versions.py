"""Versions of the software that results are made with."""

from __future__ import annotations

import sys
from importlib import metadata

import fad_core

_PACKAGES = (
    "torch",
    "numpy",
    "scipy",
    "soundfile",
    "resampy",
    "pyloudnorm",
    "tokenizers",
    "pandas",
    "pyarrow",
    "matplotlib",
    "snakemake",
)


def versions() -> list[tuple[str, str]]:
    """Return (name, version) of this package, of Python, and of the packages that the pipeline uses."""
    # Imported for the version of libsndfile, which decodes the audio.
    import soundfile

    python = ".".join(map(str, sys.version_info[:3]))
    packages = [(name, metadata.version(name)) for name in _PACKAGES]
    packages.insert(4, ("libsndfile", soundfile.__libsndfile_version__))
    return [("fad_core", fad_core.__version__), ("Python", python), *packages]
