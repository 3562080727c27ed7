"""Score two folders repeatedly, with this package or the original: a program that scripts/benchmark.py times.

    python scripts/score_repeatedly.py --package fad_core --model pann-16k --ckpt-dir CKPT --sets A B

The program loads the model, scores once to warm up, and writes a line of JSON with `ready`. For each line on
stdin, it then scores once more and writes a line with `seconds`, `value` and `peak_bytes`, the peak memory of
the process. A line that is not empty is JSON: two other folders to score, reference and evaluation.

The program also runs in the environment of the original, with `-I`, and therefore imports only what each
package needs. The original reads its checkpoints from a folder written by `scripts/write_checkpoints.py`.

Any other package is timed by a script with the same options and answers (`scripts/benchmark.py --other`); if
the package does not have the model, the script answers `{"ready": false}` and ends.
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
    """Return the `score` method of this package's class."""
    import torch

    from fad_core import FrechetAudioDistance

    torch.set_num_threads(threads)
    frechet = FrechetAudioDistance(
        str(ckpt_dir), model, weights="seeded", device="cpu", cache_dir=ckpt_dir / "exported"
    )
    return lambda reference, evaluation: float(frechet.score(reference, evaluation))


def original_scorer(model: str, ckpt_dir: Path, threads: int) -> Scorer:
    """Return the `score` method of the original's class, without its printed output."""
    import torch
    from original_embeddings import load_adapter

    torch.set_num_threads(threads)
    os.chdir(tempfile.mkdtemp())
    adapter = Path(__file__).resolve().parent / "originals" / f"{model.partition('-')[0]}.py"
    frechet = load_adapter(adapter).Original(model, ckpt_dir).scorer

    def score(reference: str, evaluation: str) -> float:
        with contextlib.redirect_stdout(io.StringIO()):
            return float(frechet.score(reference, evaluation))

    return score


def peak_bytes() -> int:
    """Return the peak memory of this process.

    On Linux, `ru_maxrss` would include the memory of the process that started it.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        (line,) = (each for each in status.read_text().splitlines() if each.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Score once for every line of stdin."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--package", required=True, choices=("fad_core", "original"))
    parser.add_argument("--model", required=True, help="id of the model")
    parser.add_argument("--ckpt-dir", required=True, type=Path, help="folder of the checkpoints")
    parser.add_argument("--sets", required=True, nargs=2, type=Path, help="reference and evaluation folder")
    parser.add_argument("--threads", type=int, default=1, help="numeric threads")
    arguments = parser.parse_args()
    os.environ |= {f"{name}_NUM_THREADS": str(arguments.threads) for name in ("OMP", "MKL", "OPENBLAS")}
    here = Path(__file__).resolve().parent
    sys.path[:0] = [str(here), str(here.parent)] if arguments.package == "fad_core" else [str(here)]
    reference, evaluation = (str(path.resolve()) for path in arguments.sets)
    make = our_scorer if arguments.package == "fad_core" else original_scorer
    # Libraries may print to stdout: the answers get a stream of their own.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    score = make(arguments.model, arguments.ckpt_dir.resolve(), arguments.threads)
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
