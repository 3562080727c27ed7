"""Locks that a killed run of Snakemake left behind, told from those of a run that is going on.

Snakemake locks its working directory by files, which outlive a process that is killed; the next start
would then refuse to go on until somebody says `--unlock`. Beside them, every start therefore holds a lock
of the operating system, which ends with its process whatever ends that.
"""

from __future__ import annotations

import fcntl
import platform
from pathlib import Path
from typing import TextIO


def clear_stale_locks(folder: Path) -> TextIO:
    """Remove the locks of a run that is dead; leave those of a run that may be alive.

    Removed is nothing where a run goes on, where the locks were made on another machine (whose locks the
    operating system may not see), or where the file system knows no locks: then it is Snakemake that decides.

    Args:
        folder: `.snakemake` in the working directory; made if need be.

    Returns:
        An open file that holds this process's share of the lock: keep it as long as the process lives.
    """
    folder.mkdir(parents=True, exist_ok=True)
    running = (folder / "running").open("a+", encoding="utf-8")
    try:
        fcntl.flock(running, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _clear(folder / "locks", running)
        # Shared: several runs may go on in one folder, of studies that have no output in common.
        fcntl.flock(running, fcntl.LOCK_SH)
    except BlockingIOError:
        fcntl.flock(running, fcntl.LOCK_SH)
    except OSError:  # no locks on this file system
        pass
    return running


def hold_running(folder: Path) -> TextIO | None:
    """Take a job's share of the lock, so that it outlives a run that is killed while the job is not.

    Args:
        folder: `.snakemake` in the working directory.

    Returns:
        An open file to keep as long as the job lives; None where there is nothing to hold.
    """
    try:
        running = (folder / "running").open("a+", encoding="utf-8")
        fcntl.flock(running, fcntl.LOCK_SH)
    except OSError:
        return None
    return running


def _clear(locks: Path, running: TextIO) -> None:
    """Remove locks of this machine; note its name where there are none, as those to come are its own."""
    machine = platform.node()
    running.seek(0)
    if running.read() == machine:
        for lock in sorted(locks.glob("*.lock")):
            lock.unlink(missing_ok=True)
    if not any(locks.glob("*.lock")):
        running.truncate(0)
        running.write(machine)
        running.flush()
