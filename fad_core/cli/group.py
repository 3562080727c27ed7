"""How every command ends: the message on stderr, and the exit status, as docs/cli.md lists them.

An exception that is not an error of the input is a bug of this package, and shows a traceback.
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


class Command(click.Command):
    """A command whose help shows examples, each on a line of its own."""

    def __init__(self, *given: Any, examples: Sequence[str] = (), **named: Any) -> None:
        super().__init__(*given, **named)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the examples."""
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")


class Group(Command, click.Group):
    """A group of commands; the outermost turns every error into a message and an exit status."""

    command_class = Command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; without an error message if the reader of the results has gone."""
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
    except FadError as error:
        kinds = {VerificationError: VERIFICATION_FAILED, UnknownNameError: CALL_FAULT, FadError: INPUT_FAULT}
        return _failed(next(kinds[kind] for kind in kinds if isinstance(error, kind)), error)
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
    """Colour a text for a terminal, unless NO_COLOR (https://no-color.org) is set.

    click removes the colour where the text goes to a file or a pipe.
    """
    return text if os.environ.get("NO_COLOR") else click.style(text, **how)


def _tolerate_odd_names() -> None:
    """Spell out file names that the terminal has no characters for."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _abandon_stdout() -> None:
    """Discard what is left in the buffer, of which Python would complain when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
