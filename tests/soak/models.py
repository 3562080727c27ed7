"""Mutate a tiny `.pt2` at random: it is refused, or embeds as before, bit for bit.

    python tests/soak/models.py [COUNT [SEED]]

Three kinds of mutation: of bytes (flips, cuts, insertions, anywhere in the file), of the archive (members
that change places or names, are doubled, compressed or pickled), and of the JSON, with right checksums
(names, types, shapes, order). The first two must never give another embedding. The third may: no reader knows
a model that was edited with care from another model. None may run code, take long or a gigabyte, or raise
anything but a FadError.
"""

from __future__ import annotations

import json
import os
import pickle
import random
import resource
import signal
import sys
import tempfile
import time
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from tiny_pt2 import export_tiny, members_of, tiny_is_known, write_members

from fad_core.errors import FadError
from fad_core.runner.exported import ExportedModel

SECONDS, GIGABYTE = 20, 1 << 20  # ru_maxrss counts KiB
SOUND = np.sin(np.arange(64 * 6, dtype=np.float32))[np.newaxis]
_JSON = [
    "models/model.json",
    "models/model.json",
    "data/weights/model_weights_config.json",
    "data/constants/model_constants_config.json",
    "extra/identity.json",
]
_CODE = "__import__('os').system('touch /tmp/evil')"
_TARGETS = [
    "torch.os.system",
    "torch.ops.aten.from_file.default",
    "torch.ops.aten.relu.default",
    "torch.ops.aten.mul.Tensor",
    "_operator.mul",
    "_operator.floordiv",
    "builtins.eval",
    "torch.load",
]
_KEYS = [
    *("target", "name", "as_int", "as_float", "as_ints", "as_name", "arg", "sizes", "strides", "dtype"),
    *("inputs", "outputs", "nodes", "kind", "path_name", "parameter_name", "out_spec", *[""] * 6),
]
"""Where an edit is sought; "" is anywhere."""
_VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 3, 10**6, 10**12, 2**63, 10**40, 0.5, 1e308, float("nan")),
    *("", "x", "Infinity", _CODE, f"x={_CODE}", f'a"){_CODE}#', "conv.weight", "../../evil"),
    *([], [[]], [1, 2], {}, {"as_int": 10**12}, {"as_expr": {"expr_str": _CODE}}, {"as_none": True}),
    *({"as_string": _CODE}, {"as_tensor": {"name": "x"}}, {"as_device": {"type": "cuda", "index": 99}}),
]
# Audit events of what a model has no business to do.
_FORBIDDEN = ("os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.mkdir", "os.remove")
_FORBIDDEN += ("subprocess.", "pickle.", "shutil.", "socket.", "urllib.")

Mutate = Callable[[random.Random, Path, Path], None]
"""Writes a mutation of the first file to the second."""

_watched: list[str] | None = None


def _late(*_: object) -> None:
    raise TimeoutError


@cache
def _watch() -> None:
    # A hook stays as long as the process.
    sys.addaudithook(_audit)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _watched is not None and event.startswith(_FORBIDDEN):
        _watched.append(f"{event} {arguments!r:.200}")


def flip_bytes(rng: random.Random, source: Path, target: Path) -> None:
    """Flip bits: anywhere, or where the archive says what it holds."""
    data = bytearray(source.read_bytes())
    first = rng.choice([0, 0, data.rindex(b"PK\5\6"), data.index(b"PK\1\2")])
    for _ in range(rng.choice([1, 1, 1, 2, 8])):
        data[rng.randrange(first, len(data))] ^= 1 << rng.randrange(8)
    target.write_bytes(data)


def flip_headers(rng: random.Random, source: Path, target: Path) -> None:
    """Change a byte in the header of a member."""
    data = bytearray(source.read_bytes())
    places = [place for place in range(len(data)) if data[place : place + 4] in (b"PK\3\4", b"PK\1\2")]
    data[rng.choice(places) + rng.randrange(60)] = rng.choice([0, 1, 8, 127, 255, rng.randrange(256)])
    target.write_bytes(data)


def shift_bytes(rng: random.Random, source: Path, target: Path) -> None:
    """Cut, insert, double or blank bytes."""
    data = source.read_bytes()
    first = rng.randrange(len(data))
    last = min(len(data), first + rng.choice([1, 4, 64, 1000, 10**6]))
    part = rng.choice([b"", bytes(last - first), data[first:last] * 2, rng.randbytes(last - first)])
    target.write_bytes(data[:first] + part + data[last:])


def change_members(rng: random.Random, source: Path, target: Path) -> None:
    """Exchange, rename, drop, double, compress, pickle or blow up members."""
    members = members_of(source)
    one, other = rng.sample(sorted(members), 2)
    compression = zipfile.ZIP_STORED
    match rng.randrange(8):
        case 0 if len(members[one]) != len(members[other]):
            members[one], members[other] = members[other], members[one]
        case 1:
            members[rng.choice([one + "x", "../" + one, "/" + one, one.upper()])] = members.pop(one)
        case 2:
            del members[one]
        case 3:
            compression = rng.choice([zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
        case 4:
            members[one] = pickle.dumps(_Evil())
        case 5:
            members["more"], compression = bytes(20_000_000), zipfile.ZIP_DEFLATED
        case 6:
            members[one] = members[one][: rng.randrange(len(members[one]) + 1)]
        case _:
            members[one] += members[other]
    write_members(target, members, compression)
    if rng.random() < 0.1:
        with zipfile.ZipFile(target, "a") as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            archive.writestr(f"archive/{one}", members.get(other, b""))


class _Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch /tmp/evil",)


def edit_json(rng: random.Random, source: Path, target: Path) -> None:
    """Edit JSON, once or a few times, and write it with a right checksum."""
    members = members_of(source)
    name = rng.choice(_JSON)
    content = json.loads(members[name])
    for node in content["graph_module"]["graph"]["nodes"] if "graph_module" in content else ():
        # Traces of where it was written, which nobody reads, are most of the file.
        node["metadata"] = {}
    if rng.random() < 0.03:
        members[name] = rng.choice([b"[" * 10**6, b'{"a":' * 10**6, b"9" * 10**5, rng.randbytes(99), b"null"])
    else:
        for _ in range(rng.choice([1, 1, 1, 2, 5])):
            _edit(rng, content)
        members[name] = json.dumps(content).encode()
    write_members(target, members)


def _edit(rng: random.Random, content: Any) -> None:
    """Edit one place of parsed JSON."""
    places = list(_places(content))
    if not places:
        return
    # As many edits of a node as of its traces, which nobody reads.
    wanted = rng.choice(
        ["target", "name", "as_int", "sizes", "dtype", "inputs", "outputs", "nodes", "", "", ""]
    )
    chosen = [place for place in places if place[1] == wanted] or places
    holder, key = rng.choice(chosen)
    match rng.randrange(8):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, list):
            rng.shuffle(holder)
        case 2 if isinstance(holder, list):
            holder.insert(0, holder[key])
        case 3 if key == "target":
            holder[key] = rng.choice(_TARGETS)
        case 4 if isinstance(holder, dict):
            holder[rng.choice([_CODE, "__class__", key + "_", "use_pickle"])] = holder.pop(key)
        case 5:
            other, place = rng.choice(places)
            holder[key] = json.loads(json.dumps(other[place]))
        case 6 if type(holder[key]) is int:
            holder[key] += rng.choice([-1, 1, 2, 7, 10**5, 10**10, -(10**10)])
        case _:
            holder[key] = json.loads(json.dumps(rng.choice(_VALUES)))


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    keys = content.keys() if isinstance(content, dict) else range(len(content))
    for key in keys:
        yield content, key
        if isinstance(content[key], (dict, list)):
            yield from _places(content[key])


KINDS: dict[str, Mutate] = {
    "flip_bytes": flip_bytes,
    "flip_headers": flip_headers,
    "shift_bytes": shift_bytes,
    "change_members": change_members,
    "edit_json": edit_json,
}


def embedded(path: Path) -> bytes:
    """What a file embeds: every bit of it, and what it calls itself."""
    model = ExportedModel(path)
    return model.embed(SOUND)["embedding"].tobytes() + model.identity.model.encode()


def trials(count: int, seed: int, folder: Path) -> Iterator[tuple[str, str]]:
    """Try so many mutations; give the kind and the outcome of each.

    Outcomes are "refused", "same", and of `edit_json` "another model"; all others are faults, in words.
    """
    global _watched
    source, target = export_tiny(folder / "tiny.pt2"), folder / "mutated.pt2"
    _watch()
    signal.signal(signal.SIGALRM, _late)
    with tiny_is_known():
        expected = embedded(source)
        for number in range(count):
            rng = random.Random(f"{seed} {number}")
            kind = ("edit_json", *KINDS)[number % (len(KINDS) + 1)]
            KINDS[kind](rng, source, target)
            before, _watched = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, []
            start = time.monotonic()
            signal.alarm(SECONDS)
            try:
                outcome = "same" if embedded(target) == expected else "another model"
            except FadError:
                outcome = "refused"
            except Exception as error:  # noqa: BLE001  each is a fault, and is reported
                outcome = f"{type(error).__name__}: {error}"
            finally:
                signal.alarm(0)
            ran, _watched = _watched, None
            if ran:
                outcome = f"ran {ran[0]}"
            elif resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before > GIGABYTE:
                outcome = "more than 1 GB"
            elif time.monotonic() - start > SECONDS:
                outcome = f"more than {SECONDS} s"
            elif outcome == "another model" and kind != "edit_json":
                outcome = "another embedding"
            yield kind, outcome if outcome in OUTCOMES else f"seed {seed}, number {number}: {outcome[:300]}"


OUTCOMES = ("refused", "same", "another model")


def main(count: int = 3000, seed: int = 1) -> int:
    """Print how often each kind had each outcome; the status is 1 if there is a fault."""
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        found = Counter(trials(count, seed, Path(folder)))
    for (kind, outcome), times in sorted(found.items()):
        sys.stdout.write(f"{kind:16} {times:6}  {outcome}\n")
    return int(any(outcome not in OUTCOMES for _, outcome in found))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
