"""Try faults at random, as many as fit into the time, and count what came of them: `make soak`.

    python tests/soak/run.py --seconds 120 --seed 1 [containers arrays tables models study]

Each part damages what it is named after and knows, by itself, what may come of it: a refusal by a documented
error, a note with a count, or the same result as before. Everything else is a fault, which is printed with
what repeats it; the status is then 1.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

Trials = Iterator[tuple[str, str]]

RIGHT = {
    "containers": {
        "bad": "refused",
        "doubtful": "noted, with the seconds",
        "same": "all of its sound is read",
        "unseen": "the container states no length",
    },
    "arrays": {"refused": "refused", "noted": "noted", "used": "sound as it should be"},
    "tables": {
        "refused": "refused",
        "equal": "read as before",
        "other": "well-formed, where no checksum tells",
    },
    "models": {
        "refused": "refused",
        "same": "embeds as before, bit for bit",
        "another model": "its JSON was edited into another valid model",
    },
    "study": {
        "refused": "refused",
        "equal": "the same results, byte for byte",
        "shown": "in the report alone, of a file without checksum; or a verdict names another file",
        "killed": "killed",
        "same": "the results of an uninterrupted study",
    },
}
"""The outcomes that are no faults, and what each means."""


def _containers(seed: int, folder: Path) -> Trials:
    from containers import check, mutations

    rng = np.random.default_rng(seed)
    for number, (name, content, truth) in enumerate(mutations(rng)):
        outcome = _caught(lambda: check(folder / "sound", content, truth))  # noqa: B023  called at once
        kind = name.partition("/")[0]
        yield kind, outcome if outcome in RIGHT["containers"] else f"{outcome}: {name}, number {number}"


def _arrays(seed: int, folder: Path) -> Trials:
    from arrays import trials

    for outcome in trials(np.random.default_rng(seed)):
        yield "arrays", outcome


def _models(seed: int, folder: Path) -> Trials:
    from models import trials

    return trials(10**9, seed, folder)


def _tables(seed: int, folder: Path) -> Trials:
    from tables import outcomes, watched

    return watched(outcomes, range(seed * 10**6, (seed + 1) * 10**6))


def _study(seed: int, folder: Path) -> Trials:
    from study import trials

    return trials(seed, folder)


PARTS: dict[str, Callable[[int, Path], Trials]] = {
    "containers": _containers,
    "arrays": _arrays,
    "tables": _tables,
    "models": _models,
    "study": _study,
}


def _caught(trial: Callable[[], str]) -> str:
    try:
        return trial()
    except Exception as error:  # noqa: BLE001  each is a fault, and is reported
        return f"{type(error).__name__}: {error}"[:300]


@contextlib.contextmanager
def quiet_libraries() -> Iterator[None]:
    """Send what decoders in C print of damaged sound to nowhere."""
    sys.stderr.flush()
    stderr_copy = os.dup(2)
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(stderr_copy, 2)
        os.close(stderr_copy)


def main() -> int:
    """Run the parts that are asked for; print a line for each kind of fault."""
    parser = argparse.ArgumentParser(description="Try faults at random and count what comes of them.")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART")
    parser.add_argument("--seconds", type=float, default=600.0, help="for all parts together")
    parser.add_argument("--tries", type=int, default=10**9, help="of each part, at most")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    parts = given.parts or list(PARTS)
    faults = 0
    for part in parts:
        with tempfile.TemporaryDirectory() as folder, quiet_libraries():
            found: Counter[tuple[str, str]] = Counter()
            trials = PARTS[part](given.seed, Path(folder))
            # A study is made before the time of its trials begins.
            end = time.monotonic() + given.seconds / len(parts)
            for trial in itertools.islice(trials, given.tries):
                found[trial] += 1
                if time.monotonic() > end:
                    break
        wrong = {key: count for key, count in found.items() if key[1] not in RIGHT[part]}
        totals = Counter(dict.fromkeys(RIGHT[part].values(), 0))
        for (_, outcome), count in found.items():
            if outcome in RIGHT[part]:
                totals[RIGHT[part][outcome]] += count
        summary = ", ".join(f"{count:,} {meaning}" for meaning, count in totals.items())
        print(f"{part}: {found.total():,} tries: {summary}; {sum(wrong.values())} faults", flush=True)
        for (kind, outcome), count in sorted(wrong.items()):
            print(f"  FAULT, {count} times: {kind}: {outcome}", flush=True)
        faults += len(wrong)
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
