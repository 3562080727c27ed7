"""Fetch the statistics of a reference set that another package publishes."""

from pathlib import Path

from fad_study.script_main import run


def main(reference: str, output: Path) -> None:
    """Download the file of a reference unless it is there, check its hash, and copy it.

    Args:
        reference: its name (fma_pop).
        output: the copy to write.
    """
    import shutil

    from fad_core.embedding.named_references import NAMED_REFERENCES, fetch_reference
    from fad_core.util.atomic import atomic_path

    found = fetch_reference(NAMED_REFERENCES[reference])
    with atomic_path(output) as temporary:
        shutil.copyfile(found, temporary)


run(main, globals())
