"""The version of a release is written in one place, and repeated where a tool needs it."""

from __future__ import annotations

from pathlib import Path

import yaml

from fad_core import __version__


def test_the_citation_has_the_version_of_the_package():
    citation = yaml.safe_load((Path(__file__).parents[2] / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == __version__
