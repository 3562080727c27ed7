"""Print a study's distances, what became of its files, and where its report lies."""

from pathlib import Path

from fad_study.script_main import run


def main(results: Path) -> None:
    """Print the tables of a study that has been run.

    Args:
        results: the study's folder, such as results/demo.
    """
    import shutil

    from fad_study.report.terminal import results_text

    print(results_text(results, shutil.get_terminal_size((140, 24)).columns), end="")


run(main, globals())
