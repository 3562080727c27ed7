"""How every command ends: what is said on stderr, and the exit status.

| status | meaning |
|---|---|
| 0 | done |
| 1 | the input is at fault: a file, a data set, weights, a full disk; the message says how |
| 2 | the call is: an unknown option, a missing argument, a model or metric that does not exist |
| 3 | a verification failed: a model or a checkpoint is not what it should be |
| 130 | interrupted (Ctrl-C) |
| 143 | ended by SIGTERM |
| 141 | whoever read the results has gone, as with `| head` |

Anything else that goes wrong is a fault of the program and shows a traceback.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import click

from fad_core.errors import FadError, UnknownNameError, VerificationError

INPUT_FAULT = 1
CALL_FAULT = 2
VERIFICATION_FAILED = 3
INTERRUPTED = 130
READER_GONE = 141

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)

CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class _WithExamples:
    """Shows examples in the help, each on a line of its own."""

    examples: Sequence[str] = ()

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the examples."""
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")


class Command(_WithExamples, click.Command):
    """A command with examples."""

    def __init__(self, *given: Any, examples: Sequence[str] = (), **named: Any) -> None:
        super().__init__(*given, **named)
        self.examples = examples


class Group(_WithExamples, click.Group):
    """A group of commands; the outermost turns what goes wrong into a line and an exit status."""

    command_class = Command

    def __init__(self, *given: Any, examples: Sequence[str] = (), **named: Any) -> None:
        super().__init__(*given, **named)
        self.examples = examples

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a reader of the results that has gone is no fault, and nobody is there to tell."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            _abandon_stdout()
            return READER_GONE

    def main(self, args: Sequence[str] | None = None, *others: Any, **more: Any) -> NoReturn:
        """Run the command and exit."""
        _tolerate_odd_names()
        more["standalone_mode"] = False
        sys.exit(_status(lambda: super(Group, self).main(args, *others, **more)))


def _status(run: Callable[[], Any]) -> int:
    try:
        status = run()
    except click.Abort:
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except VerificationError as error:
        return _failed(VERIFICATION_FAILED, error)
    except UnknownNameError as error:
        return _failed(CALL_FAULT, error)
    except FadError as error:
        return _failed(INPUT_FAULT, error)
    except OSError as error:
        if error.errno not in _NO_ROOM or error.filename is not None:
            raise
        _abandon_stdout()
        return _failed(INPUT_FAULT, f"cannot write the results: {error.strerror}")
    return status if isinstance(status, int) else 0


def _failed(status: int, error: FadError | str) -> int:
    text = error if isinstance(error, str) else error.written(_as_option)
    click.echo(f"{style('error:', fg='red', bold=True)} {text}", err=True)
    return status


def _as_option(setting: str, value: object) -> str:
    return option_name(setting) if value is True else f"{option_name(setting)} {value}"


def option_name(setting: str) -> str:
    """Return the option of a setting."""
    return "--" + setting.replace("_", "-")


def style(text: str, **how: Any) -> str:
    """Colour for a text on a terminal; none with NO_COLOR (https://no-color.org) set to anything.

    click takes it out again where the text goes to a file or a pipe.
    """
    return text if os.environ.get("NO_COLOR") else click.style(text, **how)


def _tolerate_odd_names() -> None:
    """Have a file's name that the terminal has no characters for spelled out."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _abandon_stdout() -> None:
    """Let what is left in the buffer go nowhere, or Python would complain of it when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
