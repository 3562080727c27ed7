"""A program written for frechet-audio-distance: the calls of its tests and notebooks, and what came of them.

    python program.py PACKAGE CKPT_DIR JOB.json OUT

PACKAGE is the one changed import: frechet_audio_distance or fad_core. JOB.json holds

- `arguments` of the constructor, and `more` that only one of the packages knows;
- `calls`: which of the functions below;
- `sets`: a folder of the folders background, test1, test2 and recorded;
- `sounds`: .npz file of arrays for `get_embeddings`, and `sample_rate`;
- `files`: folders of embeddings that others have written, by whose they are.

OUT becomes a folder of `results.json`, with a number or what was raised for each call, and of `.npy` files.
"""

import json
import sys
from pathlib import Path

import numpy as np

package, ckpt_dir, job, out = sys.argv[1:]
if package == "fad_core":
    from fad_core import FrechetAudioDistance
else:
    from frechet_audio_distance import FrechetAudioDistance

JOB = json.loads(Path(job).read_text())
OUT = Path(out)
SETS = Path(JOB["sets"])
RESULTS: dict = {}

frechet = FrechetAudioDistance(ckpt_dir=ckpt_dir, **JOB["arguments"], **JOB["more"])


def note(name, function, *arguments, **named):
    try:
        RESULTS[name] = float(function(*arguments, **named))
    except Exception as error:  # noqa: BLE001
        RESULTS[name] = f"{type(error).__name__}: {error}"


def scores():
    """As in the sine test: two folders."""
    note("score", frechet.score, str(SETS / "background"), str(SETS / "test2"))


def stored_embeddings():
    """As in the notebook that stores embeddings: the first call writes them, the second reads them."""
    paths = {
        "background_embds_path": str(OUT / "embds" / "background.npy"),
        "eval_embds_path": str(OUT / "embds" / "test1.npy"),
    }
    folders = {"background_dir": str(SETS / "background"), "eval_dir": str(SETS / "test1")}
    note("score writing", frechet.score, **folders, **paths)
    note("score reading", frechet.score, "/nowhere", "/nowhere", **paths)


def others():
    """Embeddings that another package has written."""
    for whose, folder in JOB["files"].items():
        paths = [str(Path(folder) / f"{name}.npy") for name in ("background", "test1")]
        note(f"score of {whose}", frechet.score, "/nowhere", "/nowhere", *paths)


def installed_scipy():
    """The embeddings that this program has stored, whose score is that of the sound."""
    paths = [str(OUT / "embds" / f"{name}.npy") for name in ("background", "test1")]
    note("score with the installed SciPy", frechet.score, "/nowhere", "/nowhere", *paths)


def dtypes():
    """All types that files can be read as: stereo of 24 bits, and of another rate."""
    for dtype in ("float32", "float64", "int32", "int16"):
        folders = str(SETS / "test1"), str(SETS / "recorded")
        path = str(OUT / "embds" / f"{dtype}.npy")
        note(f"score {dtype}", frechet.score, *folders, eval_embds_path=path, dtype=dtype)


def arrays():
    """As in the test of shapes: sounds in memory."""
    sounds = np.load(JOB["sounds"])
    for group in ("first", "second"):
        waveforms = [sounds[name] for name in sorted(sounds.files) if name.startswith(group)]
        np.save(OUT / f"{group}.npy", frechet.get_embeddings(waveforms, sr=JOB["sample_rate"]))


def statistics():
    """Those of the embeddings of `arrays`, and their distance."""
    groups = {name: np.load(OUT / f"{name}.npy") for name in ("first", "second")}
    statistics = {name: frechet.calculate_embd_statistics(vectors) for name, vectors in groups.items()}
    for name, (mean, covariance) in statistics.items():
        np.save(OUT / f"{name}_mean.npy", mean)
        np.save(OUT / f"{name}_covariance.npy", covariance)
    note("distance", frechet.calculate_frechet_distance, *statistics["first"], *statistics["second"])


def run(calls):
    for call in calls:
        globals()[call]()
    (OUT / "results.json").write_text(json.dumps(RESULTS, indent=1))


OUT.mkdir(parents=True)
run(JOB["calls"])
