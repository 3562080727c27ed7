"""Make `fad_core/golden/vggish.npz` anew, with the original package.

    python3.11 -m venv .venv-reference && .venv-reference/bin/pip install -r envs/reference.txt
    python tests/golden/make_golden.py --reference-python .venv-reference/bin/python

Writes the clips and the seeded checkpoints to a temporary folder, has `reference_embeddings.py` embed
them in the reference environment, and keeps what it found. Run twice, it writes the same bytes.
About a minute, 300 MB of temporary files.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fad_core.atomic import atomic_path
from fad_core.command import run
from fad_core.golden import golden_path
from fad_core.golden.clips import EVALUATION_GROUP, REFERENCE_GROUP, clips, distance_matrices
from fad_core.models import get_model
from fad_core.weights.seeded import save_seeded_checkpoint, seeded_arrays, state_sha256

# The network's input is kept for these: silence, full scale, and each way of loading.
FEATURE_CLIPS = ("mono_44100", "silence_impulse", "speech_like", "square", "stereo_16000", "surround_48000")


def main(reference_python: Path, output: Path | None = None) -> None:
    """Embed the clips with the original package and store the result.

    Args:
        reference_python: interpreter of the environment made from envs/reference.txt
        output: where to write; the package's own file if not given
    """
    checkpoints = get_model("vggish-pca").checkpoints
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        (work / "clips").mkdir()
        for name, clip in clips().items():
            clip.write(work / "clips" / f"{name}.wav")
        reference, evaluation = distance_matrices()
        np.savez(work / "matrices.npz", reference=reference, evaluation=evaluation)
        for checkpoint in checkpoints:
            save_seeded_checkpoint(checkpoint, work / checkpoint.folder / checkpoint.filename)
        run_original(reference_python, work)
        with np.load(work / "original.npz", allow_pickle=False) as original:
            entries = {name: original[name] for name in original.files if is_kept(name)}
            meta = json.loads(str(original["meta"]))
    meta["clip_sha256"] = {name: clip.sha256 for name, clip in clips().items()}
    meta["weights_sha256"] = {c.filename: state_sha256(seeded_arrays(c)) for c in checkpoints}
    entries["meta"] = np.array(json.dumps(meta, sort_keys=True))
    write_npz(entries, output or golden_path("vggish"))


def run_original(reference_python: Path, work: Path) -> None:
    """Run the reference script on what lies in `work`; it writes `original.npz` there."""
    script = Path(__file__).with_name("reference_embeddings.py")
    # Not resolved: an environment's python is a link, and finds its packages by the link's place.
    command = [reference_python.absolute(), "-I", script, "--clips", work / "clips", "--ckpt-dir", work]
    command += ["--matrices", work / "matrices.npz", "--output", work / "original.npz"]
    groups = ["--reference-group", *REFERENCE_GROUP, "--evaluation-group", *EVALUATION_GROUP]
    subprocess.run([*map(str, command), *groups], check=True)


def is_kept(name: str) -> bool:
    """Whether an entry of the original's results goes into the golden file."""
    kind, _, clip = name.partition("/")
    return kind in ("embeddings", "before_quantisation") or (kind == "features" and clip in FEATURE_CLIPS)


def write_npz(entries: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Write arrays as `numpy.savez` does, but sorted, undated and stored: the same bytes each time."""
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(entries):
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as stream:
                np.lib.format.write_array(stream, entries[name], allow_pickle=False)


run(main, globals())
