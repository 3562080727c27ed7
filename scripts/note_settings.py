"""Note what a step's results depend on beside its input files."""

from pathlib import Path

from fad_study.script_main import run


def main(values: str, settings: Path) -> None:
    """Write the settings, which by being newer than results have them made anew.

    Args:
        values: the settings, as JSON.
        settings: the file to write.
    """
    from fad_core.util.atomic import write_text

    write_text(settings, values + "\n")


run(main, globals())
