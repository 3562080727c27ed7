"""Compare an exported model with what the original package gave on the same clips and weights."""

from pathlib import Path

from fad_study.script_main import run


def main(exported: Path, clips: Path, original: Path, table: Path, distances: Path, threads: int = 1) -> None:
    """Compare frontend, network, embeddings and distance; fails if one is not within its tolerance.

    Args:
        exported: the .pt2 file, of the checkpoint that the original was run with.
        clips: folder that write_verification_clips.py wrote.
        original: the .npz file that original_embeddings.py wrote.
        table: the table of comparisons to write.
        distances: the JSON file of distances to write, the original's own among them.
        threads: numeric threads.
    """
    import torch
    from fad_study.steps.reference import write_distances

    from fad_core.models.options import Options
    from fad_core.runner.exported import ExportedModel
    from fad_core.verification.check import require_passed
    from fad_core.verification.live import OriginalRun, verify_reference
    from fad_core.verification.table import verification_text, write_verification

    torch.set_num_threads(threads)
    given = OriginalRun.load(original)
    model = ExportedModel(exported, origin="own")
    imitating = ExportedModel(exported, Options(compatibility="frechet-audio-distance"), origin="own")
    checks, values = verify_reference(
        model, clips, given, lambda case: print(case, flush=True), imitating=imitating
    )
    write_verification(checks, table)
    write_distances(values, given.meta["versions"], distances)
    print(verification_text(exported.name, checks), end="", flush=True)
    print(distances.read_text(encoding="utf-8"))
    require_passed(checks)


run(main, globals())
