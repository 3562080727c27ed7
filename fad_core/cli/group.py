"""Commands that turn errors into a message on stderr and an exit status, as docs/cli.md lists them.

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


class _CommandError(click.ClickException):
    """An error of the input in a command. Settings that avoid it are shown as options.

    A setting that is not an option of the command itself is followed by the commands that have it.
    """

    def __init__(self, error: FadError, context: click.Context) -> None:
        self._root = context.find_root().command
        self._command = context.command
        super().__init__(error.written(self._as_option))
        self.status = _status_of(error)

    def _as_option(self, setting: str, value: object) -> str:
        option = option_name(setting)
        text = option if value is True else f"{option} {value}"
        if _has_option(self._command, option):
            return text
        commands = self._root.commands if isinstance(self._root, click.Group) else {}
        others = sorted(name for name, command in commands.items() if _has_option(command, option))
        return f"{text}  (an option of {', '.join(others)})" if others else text

    def show(self, file: Any = None) -> None:  # noqa: ARG002
        """Write the message to stderr."""
        _write_error(self.message)


def _has_option(command: click.Command, option: str) -> bool:
    return any(option in parameter.opts for parameter in command.params)


class Command(click.Command):
    """A command whose help shows examples, each on its own line."""

    def __init__(self, *given: Any, examples: Sequence[str] = (), **named: Any) -> None:
        super().__init__(*given, **named)
        self.examples = examples

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; its errors show settings as options of this command."""
        try:
            return super().invoke(ctx)
        except FadError as error:
            raise _CommandError(error, ctx) from error

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the examples."""
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")


class Group(Command, click.Group):
    """A group of commands; the outermost one turns every error into a message and an exit status."""

    command_class = Command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; write no error message if the reader of the results has closed the pipe."""
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
    except _CommandError as error:
        error.show()
        return error.status
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except OSError as error:
        if error.errno not in _NO_ROOM or error.filename is not None:
            raise
        _abandon_stdout()
        _write_error(f"cannot write the results: {error.strerror}")
        return INPUT_FAULT
    return status if isinstance(status, int) else 0


def _status_of(error: FadError) -> int:
    kinds = {VerificationError: VERIFICATION_FAILED, UnknownNameError: CALL_FAULT, FadError: INPUT_FAULT}
    return next(kinds[kind] for kind in kinds if isinstance(error, kind))


def _write_error(text: str) -> None:
    click.echo(f"{style('error:', fg='red', bold=True)} {text}", err=True)


def option_name(setting: str) -> str:
    """Return the name of the option for a setting."""
    return "--" + setting.replace("_", "-")


def style(text: str, **how: Any) -> str:
    """Colour a text for a terminal, unless NO_COLOR (https://no-color.org) is set.

    click removes the colour where the text goes to a file or a pipe.
    """
    return text if os.environ.get("NO_COLOR") else click.style(text, **how)


def _tolerate_odd_names() -> None:
    """Escape characters of file names that the terminal cannot show."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _abandon_stdout() -> None:
    """Discard the output that is left in the buffer, which Python could not write when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
