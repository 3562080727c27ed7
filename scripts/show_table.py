"""Print a study's distances, the counts of its files, and the path of its report."""

from pathlib import Path

from fad_study.script_main import run


def main(results: Path) -> None:
    """Print the tables of a study that has been run.

    Args:
        results: folder of the study's results, such as results/demo.
    """
    import shutil

    from fad_study.report.terminal import results_text

    print(results_text(results, shutil.get_terminal_size((140, 24)).columns), end="")


run(main, globals())
