"""Find the files of data sets, and name them.

A data set is a folder (with all below it), a glob pattern or a list of files. Standard library only, so that
a Snakefile can list data sets without loading anything else.
"""

from __future__ import annotations

from fad_core.datasets.find import AudioFile, Dataset, Listing, file_sha256, list_files

__all__ = ["AudioFile", "Dataset", "Listing", "file_sha256", "list_files"]
