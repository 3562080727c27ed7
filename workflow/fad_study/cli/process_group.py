"""Run a command and all its processes as one group, and pass signals on to it, each once.

A terminal sends Ctrl-C to all processes in the foreground; `kill` and most supervisors send a signal to one
process. A command in a group of its own receives neither, only the signals that this process passes on. Both
then have the same effect, and no signal arrives twice.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import IO, Any

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SAME_SECONDS = 1.0
"""Signals within this time count as one: `timeout` signals its command, and then the whole group."""


class _SignalForwarder:
    """Pass signals on to the group of a process.

    Attributes:
        received: numbers of the ending signals that were passed on.
    """

    def __init__(self) -> None:
        self.received: list[int] = []
        self._last = -_SAME_SECONDS
        self._process: subprocess.Popen[bytes] | None = None

    def to(self, process: subprocess.Popen[bytes]) -> None:
        """Set the process, and pass on a signal that has arrived before it was started."""
        self._process = process
        if self.received:
            self._send(signal.SIGINT)

    def end(self, number: int, _frame: FrameType | None) -> None:
        """Interrupt the group, whatever the signal was: Snakemake then ends its jobs in order.

        After SIGTERM it would wait for its jobs, possibly for hours, until a supervisor kills it.
        """
        now = time.monotonic()
        if now - self._last < _SAME_SECONDS:
            return
        self._last = now
        self.received.append(number)
        self._send(signal.SIGINT)

    def abort(self, number: int, _frame: FrameType | None) -> None:
        """End the group immediately, as Ctrl-Backslash asks."""
        self.received.append(number)
        self._send(number)

    def stop(self, _number: int, _frame: FrameType | None) -> None:
        """Stop the group and this process, as Ctrl-Z asks, and continue the group with it."""
        self._send(signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGSTOP)
        self._send(signal.SIGCONT)

    def _send(self, number: int) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


def run_group(
    command: Sequence[str],
    *,
    stderr: IO[bytes] | None = None,
    pass_fds: Collection[int] = (),
    meanwhile: Callable[[Sequence[int]], None] | None = None,
) -> int:
    """Run a command to its end; signals that interrupt, end or stop this process do so to the command.

    Args:
        command: program and arguments.
        stderr: file for its standard error; None for that of this process.
        pass_fds: file descriptors that it inherits.
        meanwhile: called after its start with the numbers of the signals that are passed on, a list that
            grows; if it fails, the command is interrupted.

    Returns:
        Its exit status; 128 + n if signal n ended it, or arrived here and made it fail.
    """
    with _signals_to(_SignalForwarder()) as forwarder:
        # A process in the background is stopped if it reads from the terminal.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stderr=stderr, pass_fds=pass_fds, process_group=0
        )
        forwarder.to(process)
        try:
            if meanwhile is not None:
                meanwhile(forwarder.received)
        except BaseException:
            forwarder.end(signal.SIGINT, None)
            raise
        finally:
            status = process.wait()
    if forwarder.received and status != 0:
        return 128 + forwarder.received[0]
    return status if status >= 0 else 128 - status


@contextmanager
def _signals_to(forwarder: _SignalForwarder) -> Iterator[_SignalForwarder]:
    """Handle the signals of this process by a forwarder, except those that it was started to ignore.

    These are ignored by a handler, which the command does not inherit: Snakemake must be interruptible also
    if this process was started in the background of a script, where Ctrl-C is ignored.
    """
    handlers: dict[int, Any] = dict.fromkeys(_ENDING, forwarder.end)
    handlers |= {signal.SIGQUIT: forwarder.abort, signal.SIGTSTP: forwarder.stop}
    before = {number: signal.getsignal(number) for number in handlers}
    for number, handler in handlers.items():
        signal.signal(number, _ignore if before[number] is signal.SIG_IGN else handler)
    try:
        yield forwarder
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Do nothing."""
