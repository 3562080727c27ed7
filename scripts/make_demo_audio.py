#!/usr/bin/env python3
"""Make the demo study's audio: music to compare with, other music, and distorted copies of that.

Each data set is one folder. The same seed gives the same files; a file with the right content is not written
again, so that a second run changes no modification time. Other files in these folders are removed.
"""

import argparse
from pathlib import Path

from demo_audio import distortions, instruments, music
from demo_audio.files import seed_number, write_set

REFERENCE_CLIPS = 16


def main(output: Path = Path("audio/demo"), seed: int = 0) -> None:
    """Write all sets.

    Args:
        output: folder of the sets' folders; other folders in it are not touched.
        seed: seed of all noise and all notes, ≥ 0.
    """
    clips = list(music.clips(seed))
    reference, clean = clips[:REFERENCE_CLIPS], clips[REFERENCE_CLIPS:]
    write_set(output / "music_reference", reference, instruments.RATE, "PCM_16")
    write_set(output / "music_clean", clean, instruments.RATE, "PCM_16")
    for name in distortions.SETS:
        distorted = [(clip, distortions.distort(name, clip, samples, seed)) for clip, samples in clean]
        write_set(output / name, distorted, instruments.RATE, "PCM_16")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--output", type=Path, default=Path("audio/demo"), help="default: %(default)s")
    parser.add_argument(
        "--seed", type=seed_number, default=0, help="whole number from 0; default: %(default)s"
    )
    arguments = parser.parse_args()
    main(arguments.output, arguments.seed)
