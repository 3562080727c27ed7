"""Compare an exported model with the original package on the same clips and weights."""

from pathlib import Path

from fad_study.script_main import run


def main(exported: Path, clips: Path, original: Path, table: Path, distances: Path, threads: int = 1) -> None:
    """Compare frontend, network, embeddings and distance; fail if a difference exceeds its tolerance.

    Args:
        exported: the .pt2 file, exported from the checkpoint that the original was run with.
        clips: folder written by write_verification_clips.py.
        original: the .npz file written by original_embeddings.py.
        table: the table of comparisons to write.
        distances: the JSON file of distances to write, by both packages.
        threads: number of numeric threads.
    """
    import torch
    from fad_study.reference.live import OriginalRun, verify_reference
    from fad_study.steps.reference import write_distances

    from fad_core.models.options import Options
    from fad_core.runner.exported import ExportedModel
    from fad_core.verification.check import require_passed
    from fad_core.verification.table import verification_text, write_verification

    torch.set_num_threads(threads)
    run_of_original = OriginalRun.load(original)
    model = ExportedModel(exported, origin="own")
    imitating = ExportedModel(exported, Options(compatibility="frechet-audio-distance"), origin="own")
    checks, values = verify_reference(
        model, clips, run_of_original, lambda case: print(case, flush=True), imitating=imitating
    )
    write_verification(checks, [exported], table)
    write_distances(values, run_of_original.meta["versions"], distances)
    print(verification_text(exported.name, checks), end="", flush=True)
    print(distances.read_text(encoding="utf-8"))
    require_passed(checks)


run(main, globals())
