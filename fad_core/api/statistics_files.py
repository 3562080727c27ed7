"""Statistics of a data set as one file (`fad_core.embedding.statistics_files`)."""

from __future__ import annotations

from fad_core.embedding.statistics_files import read_statistics, write_statistics

__all__ = ["read_statistics", "write_statistics"]
