"""When, where and from which state of the code a report was written: all that differs from run to run."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout, if this package is not installed from a wheel."""

_LINE = re.compile(rb'<p id="provenance">.*?</p>\n', re.DOTALL)
_CPUINFO = Path("/proc/cpuinfo")


def provenance() -> list[str]:
    """Return the date and time, the commit of a checkout, and the processor of this machine, in words."""
    written = f"written {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    return [written, *_commit(), f"on {_processor()}, {os.cpu_count()} cores, {platform.system()}"]


def without_provenance(page: bytes) -> bytes:
    r"""Return a report without that line: of the same results, it has the same bytes.

    >>> without_provenance(b'<p id="provenance">written 2026-11-30</p>\n<h3>Citation</h3>')
    b'<h3>Citation</h3>'
    """
    return _LINE.sub(b"", page)


def _commit() -> list[str]:
    if not (ROOT / ".git").exists():
        return []
    try:
        commit, changes = (
            subprocess.run(
                ["git", "-C", str(ROOT), *command], capture_output=True, text=True, check=True, timeout=10
            ).stdout.strip()
            for command in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return [f"by the commit {commit}{' with changes' if changes else ''}"]


def _processor() -> str:
    """Return the name of the processor; where the system does not say it, that of its architecture."""
    try:
        lines = _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()
