#!/usr/bin/env python3
"""Fetch the 23 sample clips of fadtk, of which it publishes distances from FMA-Pop.

They are in its wheel, which pip downloads and compares with its hash. The study is
workflow/studies/fadtk_samples.yaml.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import replace
from pathlib import Path, PurePosixPath

from fad_core.embedding.named_references import NAMED_REFERENCES
from fad_core.errors import FadError
from fad_core.util.atomic import atomic_path
from fad_core.weights.wheels import open_wheel

CLIPS = "fadtk/test/samples"


def main(output: Path = Path("audio/fadtk_samples")) -> None:
    """Write the clips.

    Args:
        output: their folder; others in it are left alone.
    """
    wheel = replace(NAMED_REFERENCES["fma_pop"].wheel, member=CLIPS)
    with open_wheel(wheel, output) as archive:
        for name in archive.namelist():
            member = PurePosixPath(name)
            if str(member.parent) == CLIPS and member.suffix == ".opus":
                with (
                    archive.open(name) as source,
                    atomic_path(output / member.name) as temporary,
                    temporary.open("wb") as copy,
                ):
                    shutil.copyfileobj(source, copy)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--output", type=Path, default=Path("audio/fadtk_samples"), help="default: %(default)s"
    )
    try:
        main(parser.parse_args().output)
    except FadError as error:
        sys.exit(error.message)
