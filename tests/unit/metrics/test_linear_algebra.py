"""A limit on the address space ends in a message, where loading the library would never end."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import resource, mmap
import numpy
from fad_core.errors import FadError
used = int(open("/proc/self/statm").read().split()[0]) * mmap.PAGESIZE
resource.setrlimit(resource.RLIMIT_AS, 2 * (used + {room} * 2**20,))
try:
    from fad_core.metrics.linear_algebra import linalg
    print(linalg.svdvals([[2.0]])[0])
except FadError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("room", "said"),
    [(100, "leaves less than the 0.27 GB that the linear algebra library needs"), (600, "2.0")],
)
def test_too_little_room_is_said_at_once(room: int, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(room=room)],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        env={"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": ":".join(sys.path)},
    )
    assert said in done.stdout
