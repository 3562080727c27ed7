"""Verify every exported model in a folder, at the levels eager and golden."""

from pathlib import Path

from fad_study.script_main import run


def main(ckpt_dir: Path = Path(), table: Path | None = None, threads: int = 1) -> None:
    """Verify the .pt2 files of a folder; the exit status is 1 if one of them fails, or if there is none.

    Args:
        ckpt_dir: folder of the .pt2 files, and of the checkpoints that they were exported from, unless these
            are seeded, or official ones in the folder of torch.hub.
        table: CSV table of all comparisons to write.
        threads: number of numeric threads.
    """
    import tempfile

    import torch

    from fad_core.api.model_cache import ModelCache
    from fad_core.errors import ModelError
    from fad_core.models import get_model
    from fad_core.runner.identity import read_identity
    from fad_core.verification.check import require_passed
    from fad_core.verification.table import verification_text, write_verification
    from fad_core.verification.verify import ON_CPU, weights_of
    from fad_core.weights import checkpoint_path

    torch.set_num_threads(threads)
    paths = sorted(ckpt_dir.glob("[!.]*.pt2"))
    if not paths:
        raise ModelError(f"there is no .pt2 file in {ckpt_dir.resolve()}; scripts/export_model.py makes one")
    checks = []
    with tempfile.TemporaryDirectory() as folder:
        cache = ModelCache(Path(folder), ckpt_dir, lambda line: print(line, flush=True))
        for path in paths:
            identity = read_identity(path)
            first = get_model(identity.model).checkpoints[0]
            official = ckpt_dir if checkpoint_path(first, ckpt_dir).is_file() else None
            choice = None if identity.weights in ("official", "seeded") else str(ckpt_dir / identity.weights)
            found = cache.verify(path, weights_of(path, choice, official), ON_CPU)
            print(verification_text(path.name, found), end="", flush=True)
            checks += found
    if table is not None:
        write_verification(checks, paths, table)
    require_passed(checks)


run(main, globals())
