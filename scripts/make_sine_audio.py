#!/usr/bin/env python3
"""Make the sine study's audio: the sines of the FAD literature, with several draws of their noise.

Each data set is one folder: sine_background, sine_test1_00, sine_test1_01 …
"""

import argparse
from pathlib import Path

from demo_audio import sines
from demo_audio.files import seed_number, write_set


def main(output: Path = Path("audio/sine"), seed: int = 0, draws: int = 20) -> None:
    """Write all sets.

    Args:
        output: folder of the sets' folders; others in it are left alone.
        seed: seed of the first draw, ≥ 0; each further draw has the next seed.
        draws: number of draws of each noisy set.
    """
    for chosen in sines.SETS:
        for draw in range(draws if chosen.noise else 1):
            name = f"{chosen.name}_{draw:02}" if chosen.noise else chosen.name
            # int16 samples in 24-bit files, as the original package's test writes them.
            write_set(output / name, list(sines.clips(chosen, seed + draw)), sines.RATE, "PCM_24")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--output", type=Path, default=Path("audio/sine"), help="default: %(default)s")
    parser.add_argument(
        "--seed", type=seed_number, default=0, help="whole number from 0; default: %(default)s"
    )
    parser.add_argument("--draws", type=int, default=20, help="draws of each noisy set; default: %(default)s")
    arguments = parser.parse_args()
    main(arguments.output, arguments.seed, arguments.draws)
