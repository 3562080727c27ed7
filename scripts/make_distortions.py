#!/usr/bin/env python3
"""Make copies of music, or of any audio, distorted in the ways of Kilgour et al. 2019, and a study of them.

Every second file is the reference, the others are distorted: all of them at each level of each distortion.
What has been made is not made again. Needs librosa (envs/dev.txt).
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import soundfile
import yaml
from demo_audio import generator, instruments, music
from distortions import FAMILIES, Distortion, slug
from numpy.typing import NDArray

from fad_core.datasets import Dataset, list_files
from fad_core.util.atomic import atomic_path

Signal = NDArray[np.float64]
REFERENCE, CLEAN = "reference", "clean"


def main(
    source: Path | None = None,
    output: Path = Path("audio/distortions"),
    study: Path | None = None,
    families: tuple[str, ...] = tuple(FAMILIES),
    levels: int | None = None,
    clips: int | None = None,
    seed: int = 0,
) -> None:
    """Write all sets, and the configuration of a study that compares them.

    Args:
        source: folder of audio files; None: synthesized music.
        output: folder of the sets' folders.
        study: file to write the configuration to; None: distortions.yaml in `output`.
        families: names of the distortions.
        levels: number of levels of each, the weakest and the strongest among them; None: all.
        clips: number of files that are used, the first ones in the order of their names; None: all.
        seed: seed of all random numbers.
    """
    chosen = {name: _some(FAMILIES[name], levels) for name in families}
    sounds = list(_sounds(source, clips, seed))
    kept, distorted = sounds[::2], sounds[1::2]
    if not distorted:
        raise SystemExit(f"{source}: fewer than two audio files")
    for folder, members in ((REFERENCE, kept), (CLEAN, distorted)):
        for name, signal, rate in members:
            _write(output / folder / name, functools.partial(np.asarray, signal), rate)
    for family, by_level in chosen.items():
        for level, distortion in by_level.items():
            folder = slug(family, level)
            for name, signal, rate in distorted:
                rng = generator(seed, folder, name)
                _write(output / folder / name, functools.partial(distortion, signal, rate, rng), rate)
            print(f"{folder}: {len(distorted)} files", flush=True)
    path = study or output / "distortions.yaml"
    path.write_text(_configuration(output, chosen), encoding="utf-8")
    print(f"{path}: run it with: fad study run {path}")


def _some(levels: Mapping[str, Distortion], count: int | None) -> dict[str, Distortion]:
    """Return so many of the levels, evenly spaced, with the first and the last one."""
    names = list(levels)
    places = np.unique(
        np.linspace(0, len(names) - 1, min(count or len(names), len(names))).round().astype(int)
    )
    return {names[place]: levels[names[place]] for place in places}


def _sounds(source: Path | None, clips: int | None, seed: int) -> Iterator[tuple[str, Signal, int]]:
    """Yield names, samples [channels, samples] within ±1, and sample rates."""
    if source is None:
        for name, samples in list(music.clips(seed))[:clips]:
            yield name, samples.T / 2**15, instruments.RATE
        return
    for file in list_files(Dataset("source", str(source))).files[:clips]:
        samples, rate = soundfile.read(file.path, always_2d=True)
        yield f"{Path(file.name).with_suffix('').as_posix().replace('/', '_')}.flac", samples.T, rate


def _write(path: Path, make: Callable[[], Signal], rate: int) -> None:
    """Write a 24-bit FLAC unless it is there; a signal that exceeds full scale is made quieter."""
    if path.is_file():
        return
    signal = make()
    peak = float(np.abs(signal).max(initial=0.0))
    with atomic_path(path) as temporary:
        soundfile.write(temporary, signal.T / max(peak, 1.0), rate, format="FLAC", subtype="PCM_24")


def _configuration(output: Path, chosen: Mapping[str, Mapping[str, Distortion]]) -> str:
    """Return the configuration of the study of these sets."""
    datasets: dict[str, dict[str, str]] = {name: {"path": name} for name in (REFERENCE, CLEAN)}
    for family, levels in chosen.items():
        for level in levels:
            folder = slug(family, level)
            datasets[folder] = {"path": folder, "series": family, "level": level}
    head = {
        "study": "distortions",
        "audio_root": output.as_posix(),
        "datasets": datasets,
        "reference": REFERENCE,
    }
    models = [{"id": "cdpam-acoustic", "weights": "official"}, {"id": "vggish", "weights": "seeded"}]
    return (
        "# Which embedding answers to which distortion? Made by scripts/make_distortions.py.\n"
        + yaml.safe_dump(
            {**head, "ranking": False, "on_short_file": "pad", "models": models},
            sort_keys=False,
            allow_unicode=True,
        )
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--source", type=Path, help="folder of audio files; by default, synthesized music")
    parser.add_argument("--output", type=Path, default=Path("audio/distortions"), help="default: %(default)s")
    parser.add_argument("--study", type=Path, help="configuration to write; default: OUTPUT/distortions.yaml")
    parser.add_argument(
        "--family", dest="families", action="append", choices=list(FAMILIES), help="repeatable"
    )
    parser.add_argument("--levels", type=int, help="number of levels of each distortion; default: all")
    parser.add_argument("--clips", type=int, help="number of files that are used; default: all")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    given = parser.parse_args()
    main(**{**vars(given), "families": tuple(given.families or FAMILIES)})
