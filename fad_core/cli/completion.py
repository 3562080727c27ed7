"""`fad completion`: print a completion script for a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from fad_core.cli.group import Command
from fad_core.cli.output import print_text


@click.command(
    cls=Command,
    examples=(
        'eval "$(fad completion bash)"      # in ~/.bashrc',
        'eval "$(fad completion zsh)"       # in ~/.zshrc',
        "fad completion fish > ~/.config/fish/completions/fad.fish",
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a completion script for SHELL.

    With it, the shell completes commands, options, models and files.
    """
    kind = get_completion_class(shell)
    assert kind is not None, shell
    print_text(kind(context.find_root().command, {}, "fad", "_FAD_COMPLETE").source())
