"""Damage files of statistics, embeddings and tables at random: each is refused, or read as it was written.

    python tests/soak/tables.py --count 20000 --seed 0

A reader raises a `FadError`, or gives what the undamaged file holds. Where a format has no checksums (`.npy`,
CSV), or the damage has valid ones (a rebuilt archive), it may give something else that is well formed: finite
numbers that a distance can be computed of. Any other exception, the end of the process, 5 s of its processor
time or 1 GB more of its memory are faults. A fault is named with the seed that brings it about again.
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import resource
import shutil
import signal
import sys
import tempfile
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from fad_study.schemas.files import MANIFEST
from fad_study.steps.files import read_manifests

from fad_core.api.statistics_files import read_statistics, write_statistics
from fad_core.datasets.counts import SetCounts
from fad_core.datasets.scan import FileRecord
from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.embedding.embedding_cache import EmbeddingCache, Entry
from fad_core.embedding.embeddings_reader import (
    iterate_embeddings,
    read_embedding_counts,
    read_embedding_facts,
)
from fad_core.embedding.facts import EmbeddingFacts, metadata_of
from fad_core.embedding.npy import load_embeddings
from fad_core.errors import FadError
from fad_core.metrics.frechet import frechet_distance
from fad_core.metrics.statistics import Statistics, statistics_of
from fad_core.models import get_model
from fad_core.models.use import ModelKey, ModelUse
from fad_core.runner.identity import Identity
from fad_core.tables import DISTANCES, EMBEDDINGS, read_table, write_table

SECONDS = 5
"""Of processor time that a reader may take, in whole."""
MEMORY_KB = 1_000_000

_DIMENSION = 6
_SHA = "5eed" * 16
_IDENTITY = Identity(
    model="vggish", family="vggish", options={"pca": False}, weights="seeded", weights_sha256=_SHA,
    checkpoints={"vggish.pth": _SHA}, licence="not stated", tolerance=1e-5, code="0123456789abcdef",
    torch_version="2.13.0", fad_core_version="0.1.0",
)  # fmt: skip
_VECTORS = np.random.default_rng(0).standard_normal((40, _DIMENSION))
_OTHER = Statistics.from_embeddings(_VECTORS + 1)


@dataclass(frozen=True)
class Subject:
    """A kind of file.

    Attributes:
        suffix: of its name.
        write: makes one.
        read: what a file holds, as values that can be compared.
        checksums: whether any change of a byte must be noticed, or change nothing.
    """

    suffix: str
    write: Callable[[Path], None]
    read: Callable[[Path], object]
    checksums: bool


def _write_ours(path: Path) -> None:
    counts = SetCounts(files=3, padded=1, excluded=2, seconds=4.5, peak=0.5, sounds=(-1, 2, 3))
    statistics = Statistics.from_embeddings(_VECTORS)
    key = ModelKey("vggish", "seeded", _SHA, "crop=first")
    embedded = EmbeddedSet(
        "a", key, {"embedding": statistics}, counts, identity=asdict(_IDENTITY), note="a note"
    )
    write_statistics(embedded, path)


def _write_foreign(names: list[str], path: Path) -> None:
    arrays = (_VECTORS.mean(axis=0), np.cov(_VECTORS, rowvar=False))
    pairs = {
        f"{name}.{part}": array for name in names for part, array in zip(("mu", "cov"), arrays, strict=True)
    }
    np.savez(path, **(pairs or dict(zip(("mu", "sigma"), arrays, strict=True))))


def _write_npy(path: Path) -> None:
    np.save(path, np.random.default_rng(1).standard_normal((20, 128)).astype(np.float32))


def _write_embeddings(path: Path) -> None:
    columns = {
        "model": ["vggish"] * 40,
        "dataset": ["a"] * 40,
        "file": [f"{i // 4}.wav" for i in range(40)],
        "output": ["embedding"] * 40,
        "segment": [i % 4 for i in range(40)],
        "start_second": [float(i % 4) for i in range(40)],
        "embedding": _VECTORS.astype(np.float32),
    }
    counts = SetCounts(10, 0, 0, 40.0, sounds=tuple(range(10)))
    facts = EmbeddingFacts(
        asdict(_IDENTITY), "crop=first", {"embedding": _VECTORS.shape[1]}, False, {"a": counts}, "", ""
    )
    write_table(EMBEDDINGS, columns, path, metadata_of(facts))


def _write_manifest(path: Path) -> None:
    records = [
        FileRecord(f'{i}, "{i}".wav', _SHA, 64044, "WAV", "PCM_16", 16000, 1, 32000, 2.0, "ok", "")
        for i in range(10)
    ]
    rows = [{"dataset": "a", **asdict(record)} for record in records]
    write_table(MANIFEST, rows, path, {"batch": path.stem})


def _write_distances(path: Path) -> None:
    row = {
        "model": "vggish", "weights": "seeded", "weights_sha256": _SHA, "settings": "", "reference": "a",
        "evaluation": "b", "metric": "fad", "value": 1.25, "metric_settings": "", "bias": None,
        "corrected": None, "ci_low": None, "ci_high": None, "n_reference": 40,
        "n_evaluation": 41, "files": 20, "excluded": 0, "padded": 1, "note": "a note, with \"quotes\"",
    }  # fmt: skip
    write_table(DISTANCES, [row | {"value": 0.1 * i} for i in range(10)], path)


def _read_statistics(path: Path) -> object:
    found = []
    for stored in read_statistics(path):
        statistics = stored.statistics_of()
        assert np.isfinite(frechet_distance(statistics, _OTHER).value)
        facts = (stored.source, stored.identity, stored.counts, stored.note)
        numbers = (statistics.n, statistics.mean.tobytes(), statistics.factor.tobytes())
        found.append((facts, stored.key, numbers))
    return found


def _read_npy(path: Path) -> object:
    vectors, note = load_embeddings(path, ModelUse(get_model("vggish")))
    # NaN is refused where vectors become statistics.
    assert vectors.ndim == 2 and vectors.shape[1] == 128 and vectors.dtype.kind == "f"
    return vectors.shape, vectors.tobytes(), note


def _read_embeddings(path: Path) -> object:
    facts = read_embedding_facts(path)
    counts = read_embedding_counts([path])
    files = [(file, block.shape, block.tobytes()) for file, block in iterate_embeddings([path], "a")]
    statistics_of(np.frombuffer(data, np.float32).reshape(shape) for _, shape, data in files)
    return facts, counts, files


def _write_pack(path: Path) -> None:
    """A pack of cached embeddings; a reader finds it by its name, which damage leaves as it is."""
    cache = EmbeddingCache(path.parent / "written", {}, ["embedding"])
    for number in range(10):
        rows = _VECTORS[4 * number : 4 * number + 4].astype(np.float32)
        cache.put(f"{number:040}", Entry(np.arange(4.0), {"embedding": rows}))
    cache.flush()
    (pack,) = (path.parent / "written").rglob("*.pack")
    shutil.copy(pack, path)


def _read_pack(path: Path) -> object:
    (pack,) = (path.parent / "written").rglob("*.pack")
    root = path.parent / "read"
    (root / pack.parent.name).mkdir(parents=True, exist_ok=True)
    shutil.copy(path, root / pack.parent.name / pack.name)
    cache = EmbeddingCache(root, {}, ["embedding"])
    keys = [f"{number:040}" for number in range(10)]
    cache.look_up(keys)
    found = [cache.get(key) for key in keys]
    for entry, rows in zip(found, np.split(_VECTORS.astype(np.float32), 10), strict=True):
        assert entry is None or entry.vectors["embedding"].tobytes() == rows.tobytes()
    if None in found:
        raise FadError("some files are embedded again")
    return len(found)


SUBJECTS = {
    "pack of the cache": Subject(".pack", _write_pack, _read_pack, checksums=True),
    "npz": Subject(".npz", _write_ours, _read_statistics, checksums=True),
    "npz of fadtk": Subject(
        ".npz", partial(_write_foreign, ["vggish", "clap-laion-audio"]), _read_statistics, checksums=True
    ),
    "npz of pytorch-fid": Subject(".npz", partial(_write_foreign, []), _read_statistics, checksums=True),
    "npy": Subject(".npy", _write_npy, _read_npy, checksums=False),
    "statistics": Subject(".parquet", _write_ours, _read_statistics, checksums=True),
    "embeddings": Subject(".parquet", _write_embeddings, _read_embeddings, checksums=True),
    "distances": Subject(".parquet", _write_distances, partial(read_table, DISTANCES), checksums=True),
    "distances as CSV": Subject(".csv", _write_distances, partial(read_table, DISTANCES), checksums=False),
    "manifest": Subject(".parquet", _write_manifest, lambda path: read_manifests([path]), checksums=True),
}


def mutate(rng: np.random.Generator, data: bytes, suffix: str) -> tuple[bytes, bool]:
    """Damage a file at random.

    Args:
        rng: decides how.
        data: of the file.
        suffix: of its name.

    Returns:
        What it is then, and whether the damage has valid checksums.
    """
    if suffix == ".npz" and rng.random() < 0.5:
        return _rebuilt(rng, data), True
    if suffix == ".npy" and rng.random() < 0.5:
        return _with_other_header(rng, data), False
    ways = (_flipped, _cut, _overwritten, _inserted, _without, _footer_flipped)
    return ways[rng.integers(len(ways))](rng, data), False


def _flipped(rng: np.random.Generator, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(int(rng.choice([1, 1, 1, 2, 8]))):
        changed[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _footer_flipped(rng: np.random.Generator, data: bytes) -> bytes:
    """One bit of the last third, where archives and Parquet say what lies where."""
    changed = bytearray(data)
    changed[rng.integers(2 * len(data) // 3, len(data))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _cut(rng: np.random.Generator, data: bytes) -> bytes:
    return data[: rng.integers(len(data))]


def _overwritten(rng: np.random.Generator, data: bytes) -> bytes:
    start, length = int(rng.integers(len(data))), int(rng.integers(1, 64))
    filling = (
        bytes(length) if rng.random() < 0.3 else b"\xff" * length if rng.random() < 0.3 else rng.bytes(length)
    )
    return (data[:start] + filling + data[start + length :])[: len(data)]


def _inserted(rng: np.random.Generator, data: bytes) -> bytes:
    start = int(rng.integers(len(data) + 1))
    return data[:start] + rng.bytes(int(rng.integers(1, 32))) + data[start:]


def _without(rng: np.random.Generator, data: bytes) -> bytes:
    start = int(rng.integers(len(data)))
    return data[:start] + data[start + int(rng.integers(1, 64)) :]


_HEADERS = (
    "{'descr': '<f8', 'fortran_order': False, 'shape': (%d, %d), }",
    "{'descr': '<f8', 'fortran_order': True, 'shape': (%d, %d), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }",
    "{'descr': '>f4', 'fortran_order': False, 'shape': (%d, %d), }",
    "{'descr': '<c16', 'fortran_order': False, 'shape': (%d,), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (%d,), }",
    "{'descr': '<U%d', 'fortran_order': False, 'shape': (), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (%d,), }",
    "{'descr': '<m8[%d]', 'fortran_order': False, 'shape': (), }",
    "{'descr': [('a', '<f4', (%d,))], 'fortran_order': False, 'shape': (%d,), }",
    "{'descr': ('<f4', (%d,)), 'fortran_order': False, 'shape': (%d,), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (-%d, %d), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (%dL, %d), }",
    "{'descr': '<f8', 'fortran_order': False, 'shape': " + "(" * 200 + "%d" + ")" * 200 + "}",
    "{'descr': '<f8', 'shape': (%d,",
    "'''%d",
    "%d" + "-" * 3000 + "1",
)
_SIZES = (0, 1, 2, 6, 20, 36, 128, 2**16, 2**31, 2**62, 10**30)


def _with_other_header(rng: np.random.Generator, data: bytes) -> bytes:
    """A `.npy` array whose header says something else, or is edited in one place."""
    start = data.index(b"\n") + 1
    if rng.random() < 0.3:
        head = bytearray(data[:start])
        head[rng.integers(6, start)] = int(rng.integers(32, 127))
        return bytes(head) + data[start:]
    template = str(rng.choice(np.array(_HEADERS)))
    text = (
        template % tuple(int(rng.choice(np.array(_SIZES, object))) for _ in range(template.count("%d")))
    ).encode()
    if rng.random() < 0.5:
        return b"\x93NUMPY\x01\x00" + (len(text) + 1).to_bytes(2, "little") + text + b"\n" + data[start:]
    claimed = int(rng.choice(np.array([len(text) + 1, 2**32 - 1])))
    return b"\x93NUMPY\x02\x00" + claimed.to_bytes(4, "little") + text + b"\n" + data[start:]


def _rebuilt(rng: np.random.Generator, data: bytes) -> bytes:
    """An archive with valid checksums, one of whose members is not what it was."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    names = sorted(members)
    one, other = (str(name) for name in rng.choice(np.array(names), 2))
    method = zipfile.ZIP_STORED
    way = rng.integers(7)
    if way == 0:
        members[one], members[other] = members[other], members[one]
    elif way == 1:
        members[one] = _with_other_header(rng, members[one])
    elif way == 2:
        method = int(rng.choice(np.array([zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])))
        members[one] = _bomb(rng)
    elif way == 3:
        method = zipfile.ZIP_DEFLATED
        members["unused.npy"] = _bomb(rng)
    elif way == 4:
        del members[one]
    elif way == 5:
        scale = float(rng.choice(np.array([1e200, 1e308, 1e-320, np.inf, np.nan, -1.0])))
        members[one] = _scaled(members[one], scale)
    else:
        members[one] = _flipped(rng, members[one])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return packed.getvalue()


def _bomb(rng: np.random.Generator) -> bytes:
    """32 MB of zeros that say to be more."""
    side = int(rng.choice(np.array([2000, 10_000, 100_000])))
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({side}, {side}), }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(32_000_000)


def _scaled(member: bytes, scale: float) -> bytes:
    array = np.load(io.BytesIO(member), allow_pickle=False)
    if array.dtype.kind != "f":
        return member
    changed = io.BytesIO()
    with np.errstate(all="ignore"):
        np.save(changed, array * scale)
    return changed.getvalue()


def outcomes(seeds: range, folder: Path) -> Iterator[tuple[int, str, str]]:
    """Damage one file for each seed and read it.

    Yields:
        The seed, the kind of file, and what came of it: "refused", "equal", "other", or a fault.
    """
    originals: dict[str, tuple[bytes, object]] = {}
    for name, subject in SUBJECTS.items():
        # Under the same name as the damaged file: a set's name is its path.
        path = folder / f"case{subject.suffix}"
        subject.write(path)
        originals[name] = (path.read_bytes(), subject.read(path))
    most = _peak_kb() + MEMORY_KB
    for seed in seeds:
        rng = np.random.default_rng(seed)
        name = str(rng.choice(np.array(list(SUBJECTS))))
        subject, (data, expected) = SUBJECTS[name], originals[name]
        path = folder / f"case{subject.suffix}"
        damage, valid = mutate(rng, data, subject.suffix)
        path.write_bytes(damage)
        yield seed, name, "started"
        # Ends the process, should a reader never return to Python.
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            outcome = "equal" if subject.read(path) == expected else "other"
        except FadError:
            outcome = "refused"
        except Exception as error:  # noqa: BLE001 - what is looked for
            outcome = f"fault: {type(error).__name__}: {str(error)[:200]}"
        signal.setitimer(signal.ITIMER_PROF, 0)
        if outcome == "other" and subject.checksums and not valid:
            outcome = "fault: read as something else"
        if _peak_kb() > most:
            outcome, most = "fault: memory", _peak_kb() + MEMORY_KB
        yield seed, name, outcome


def _peak_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


Outcomes = Callable[[range, Path], Iterator[tuple[int, str, str]]]


def _work(outcomes_of: Outcomes, seeds: range, results: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            for item in outcomes_of(seeds, Path(folder)):
                results.send(item)
        except Exception:  # noqa: BLE001  its stderr leads nowhere
            results.send((-1, "", traceback.format_exc()))


def watched(outcomes_of: Outcomes, seeds: range) -> Iterator[tuple[str, str]]:
    """Try all seeds in a process of its own, which is started again if it ends.

    Args:
        outcomes_of: yields of each seed that it is started, then its outcome, as `outcomes` does.
        seeds: what to try.

    Yields:
        The kind of file and the outcome of each seed; a fault begins with the seed.
    """
    context = multiprocessing.get_context("fork")
    while seeds:
        receiver, sender = context.Pipe(duplex=False)
        worker = context.Process(target=_work, args=(outcomes_of, seeds, sender))
        worker.start()
        sender.close()
        running: tuple[int, str, str] | None = None
        try:
            while True:
                try:
                    seed, name, outcome = item = receiver.recv()
                except EOFError:
                    break
                if seed < 0:
                    raise RuntimeError(f"the trials themselves failed:\n{outcome}")
                if outcome == "started":
                    running = item
                    continue
                running, seeds = None, range(seed + 1, seeds.stop)
                yield name, f"seed {seed}: {outcome}" if outcome.startswith("fault") else outcome
        finally:
            if sys.exc_info()[0] is GeneratorExit:
                worker.kill()
            worker.join()
        if running is not None:
            seeds = range(running[0] + 1, seeds.stop)
            yield running[1], f"seed {running[0]}: fault: the process ended ({worker.exitcode})"
        elif seeds:
            raise RuntimeError(f"the worker ended with {worker.exitcode} between two cases")


def main() -> int:
    """Run it by hand."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    counts = Counter(watched(outcomes, range(given.seed, given.seed + given.count)))
    kinds = ("refused", "equal", "other")
    print(f"{'':20}" + "".join(f"{kind:>9}" for kind in kinds))
    for name in SUBJECTS:
        print(f"{name:20}" + "".join(f"{counts[name, kind]:9}" for kind in kinds))
    faults = [f"{name}: {outcome}" for name, outcome in counts if outcome not in kinds]
    print(*faults[:50], sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
