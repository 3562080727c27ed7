"""Verify every exported model in a folder, at the levels eager and golden."""

from pathlib import Path
from typing import TYPE_CHECKING

from fad_study.script_main import run

if TYPE_CHECKING:
    from fad_core.models.base import EmbeddingModel
    from fad_core.runner.pt2 import Identity
    from fad_core.weights import Weights


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

    from fad_core.errors import ModelError
    from fad_core.models import get_model
    from fad_core.runner.pt2 import export_model, read_identity
    from fad_core.verification.check import require_passed
    from fad_core.verification.table import print_verification, write_verification
    from fad_core.verification.verify import verify_eager, verify_golden
    from fad_core.weights import fetch_weights, locate_weights

    torch.set_num_threads(threads)
    paths = sorted(ckpt_dir.glob("[!.]*.pt2"))
    if not paths:
        raise ModelError(f"there is no .pt2 file in {ckpt_dir.resolve()}; scripts/export_model.py makes one")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        seeded = {}
        for path in paths:
            identity = read_identity(path)
            model = get_model(identity.model)
            weights = fetch_weights(_weights(identity, model, ckpt_dir), progress=False)
            found = verify_eager(path, model, weights)
            if identity.weights != "seeded" and model.name not in seeded:
                seeded[model.name] = Path(folder) / f"{model.name}.pt2"
                export_model(model, fetch_weights(locate_weights(model, "seeded")), seeded[model.name])
            golden = path if identity.weights == "seeded" else seeded[model.name]
            found += verify_golden(golden)
            print_verification(path.name, found)
            rows += found
    if table is not None:
        write_verification(rows, table)
    require_passed(rows)


def _weights(identity: "Identity", model: "EmbeddingModel", ckpt_dir: Path) -> "Weights":
    """Return the weights that a .pt2 names: from the folder, or from that of torch.hub."""
    from fad_core.weights import checkpoint_path, locate_weights

    if identity.weights == "seeded":
        return locate_weights(model, "seeded")
    if identity.weights != "official":
        return locate_weights(model, str(ckpt_dir / identity.weights))
    there = checkpoint_path(model.checkpoints[0], ckpt_dir).is_file()
    return locate_weights(model, "official", ckpt_dir if there else None)


run(main, globals())
