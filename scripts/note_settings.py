"""Write the settings on which the results of a step depend to a file, as an input of the step."""

from pathlib import Path

from fad_study.script_main import run


def main(values: str, settings: Path) -> None:
    """Write the settings; results older than the file are computed again.

    Args:
        values: the settings as JSON.
        settings: the file to write.
    """
    from fad_core.util.atomic import write_text

    write_text(settings, values + "\n")


run(main, globals())
