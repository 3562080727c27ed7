"""Score two folders again and again, with this package or the original: one side of scripts/benchmark.py.

    python scripts/score_repeatedly.py --package fad_core --model pann-16k --ckpt-dir CKPT --sets A B

Makes the model, scores once to warm up, and writes a line of JSON with `ready`. Then, for each line on
stdin, it scores once more and writes one with `seconds`, `value` and `peak_bytes`, the most memory that the
process has held. A line that is not empty is JSON: two other folders to score, reference and evaluation. It
runs in the original's environment too, so it imports nothing but what each side needs; run it from there
with `-I`. The original reads its checkpoints from the folder as `scripts/write_checkpoints.py` lays it out.

Any other package is timed by a script that takes the same options and answers the same lines
(`scripts/benchmark.py --other`); where it has not got the model, it answers `{"ready": false}` and ends.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

Scorer = Callable[[str, str], float]


def our_scorer(model: str, ckpt_dir: Path, threads: int) -> Scorer:
    """The method of this package's class."""
    import torch

    from fad_core import FrechetAudioDistance

    torch.set_num_threads(threads)
    frechet = FrechetAudioDistance(
        str(ckpt_dir), model, weights="seeded", device="cpu", cache_dir=ckpt_dir / "exported"
    )
    return lambda reference, evaluation: float(frechet.score(reference, evaluation))


def original_scorer(model: str, ckpt_dir: Path, threads: int) -> Scorer:
    """The method of the original's class; what it prints is dropped."""
    import original_embeddings as original
    import torch

    torch.set_num_threads(threads)
    folder = Path(tempfile.mkdtemp())
    original.write_tokenizers(folder)
    original.write_hub(folder / "hub", ckpt_dir)
    # The tokenizers are looked for in the current folder.
    os.chdir(folder)
    frechet = original.make_scorer(model, folder / "hub")

    def score(reference: str, evaluation: str) -> float:
        with contextlib.redirect_stdout(io.StringIO()):
            return float(frechet.score(reference, evaluation))

    return score


def peak_bytes() -> int:
    """The most memory that this program has held.

    Linux counts into `ru_maxrss` what the process that started it held, too.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        (line,) = (each for each in status.read_text().splitlines() if each.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Answer every line of stdin with one score."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--package", required=True, choices=("fad_core", "original"))
    parser.add_argument("--model", required=True, help="id of the model")
    parser.add_argument("--ckpt-dir", required=True, type=Path, help="folder of the checkpoints")
    parser.add_argument("--sets", required=True, nargs=2, type=Path, help="reference and evaluation folder")
    parser.add_argument("--threads", type=int, default=1, help="numeric threads")
    given = parser.parse_args()
    os.environ |= {f"{name}_NUM_THREADS": str(given.threads) for name in ("OMP", "MKL", "OPENBLAS")}
    here = Path(__file__).resolve().parent
    sys.path[:0] = [str(here), str(here.parent)] if given.package == "fad_core" else [str(here)]
    reference, evaluation = (str(path.resolve()) for path in given.sets)
    make = our_scorer if given.package == "fad_core" else original_scorer
    # Libraries print what they like; the answers have a stream of their own.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    score = make(given.model, given.ckpt_dir.resolve(), given.threads)
    score(reference, evaluation)
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        if line.strip():
            reference, evaluation = json.loads(line)
        start = time.perf_counter()
        value = score(reference, evaluation)
        seconds = time.perf_counter() - start
        answer = {"seconds": seconds, "value": value, "peak_bytes": peak_bytes()}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
