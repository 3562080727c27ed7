"""Runs a command with all its processes as one: what would end this process ends them, in order, and once.

Ctrl-C goes to all processes in the terminal's foreground, `kill` and most supervisors' signals to one of
them. A command in a group of its own gets neither; it gets what this process passes on, so that both come to
the same, and none arrives twice.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SAME_SECONDS = 1.0
"""What comes so soon after another is the same: `timeout` signals its command, and then all of its group."""


class _Passing:
    """Hands signals on to a process and all that it starts.

    Attributes:
        received: the ending signals that came, and were passed on.
    """

    def __init__(self) -> None:
        self.received: list[int] = []
        self._last = -_SAME_SECONDS
        self._process: subprocess.Popen[bytes] | None = None

    def to(self, process: subprocess.Popen[bytes]) -> None:
        """Hand on what has come before, and what will come."""
        self._process = process
        if self.received:
            self._send(signal.SIGINT)

    def end(self, number: int, _frame: FrameType | None) -> None:
        """Interrupt them all, which is what has Snakemake and its jobs end in order, whatever the signal was.

        SIGTERM would have Snakemake wait for its jobs, hours it may be, after which a supervisor kills.
        """
        now = time.monotonic()
        if now - self._last < _SAME_SECONDS:
            return
        self._last = now
        self.received.append(number)
        self._send(signal.SIGINT)

    def abort(self, number: int, _frame: FrameType | None) -> None:
        """End them all at once, as Ctrl-Backslash asks."""
        self.received.append(number)
        self._send(number)

    def stop(self, _number: int, _frame: FrameType | None) -> None:
        """Stop with them all, as Ctrl-Z asks, and go on with them."""
        self._send(signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGSTOP)
        self._send(signal.SIGCONT)

    def _send(self, number: int) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


def run_group(command: Sequence[str]) -> int:
    """Run a command to its end; what interrupts, ends or stops this process does so to it, and is waited for.

    Returns:
        Its exit status; 128 + n if signal n ended it, or came here and made it fail.
    """
    with _signals_to(_Passing()) as passing:
        # Not in the foreground, it would be stopped for reading from the terminal.
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)
        passing.to(process)
        status = process.wait()
    if passing.received and status != 0:
        return 128 + passing.received[0]
    return status if status >= 0 else 128 - status


@contextmanager
def _signals_to(passing: _Passing) -> Iterator[_Passing]:
    """Have the signals of this process seen to by `passing`, but for those that it was started to ignore.

    What is ignored is ignored by a handler, too, which a command does not inherit: Snakemake must be able to
    be interrupted also where this process was started in a script's background, without ears for Ctrl-C.
    """
    handlers: dict[int, Any] = dict.fromkeys(_ENDING, passing.end)
    handlers |= {signal.SIGQUIT: passing.abort, signal.SIGTSTP: passing.stop}
    before = {number: signal.getsignal(number) for number in handlers}
    for number, handler in handlers.items():
        signal.signal(number, _ignore if before[number] is signal.SIG_IGN else handler)
    try:
        yield passing
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Do nothing."""
