"""Remove the locks that a killed run of Snakemake has left behind, and leave those of a running one.

Snakemake locks its working directory by files, which remain if its process is killed; the next run then
refuses to start without `--unlock`. Every run therefore also holds a lock of the operating system, which ends
with its process however that ends.
"""

from __future__ import annotations

import fcntl
import platform
from pathlib import Path
from typing import TextIO


def clear_stale_locks(folder: Path) -> TextIO:
    """Remove the locks of a dead run; leave those of a run that may be alive.

    Nothing is removed if a run is in progress, if the locks were made on another machine (whose locks the
    operating system may not see), or if the file system does not support locks. Snakemake then decides.

    Args:
        folder: `.snakemake` in the working directory, created if missing.

    Returns:
        An open file that holds this process's share of the lock: keep it as long as the process lives.
    """
    folder.mkdir(parents=True, exist_ok=True)
    running = (folder / "running").open("a+", encoding="utf-8")
    try:
        fcntl.flock(running, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _clear(folder / "locks", running)
        # Shared: runs of studies without common outputs may be in progress in one folder.
        fcntl.flock(running, fcntl.LOCK_SH)
    except BlockingIOError:
        fcntl.flock(running, fcntl.LOCK_SH)
    except OSError:  # no locks on this file system
        pass
    return running


def hold_running(folder: Path) -> TextIO | None:
    """Take a job's share of the lock, which then stays if the run is killed while the job is not.

    Args:
        folder: `.snakemake` in the working directory.

    Returns:
        An open file to keep as long as the job lives; None if there is no lock.
    """
    try:
        running = (folder / "running").open("a+", encoding="utf-8")
        fcntl.flock(running, fcntl.LOCK_SH)
    except OSError:
        return None
    return running


def _clear(locks: Path, running: TextIO) -> None:
    """Remove locks of this machine; without locks, record its name, because the next ones will be its own."""
    machine = platform.node()
    running.seek(0)
    if running.read() == machine:
        for lock in sorted(locks.glob("*.lock")):
            lock.unlink(missing_ok=True)
    if not any(locks.glob("*.lock")):
        running.truncate(0)
        running.write(machine)
        running.flush()
