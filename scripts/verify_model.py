"""Verify one exported model at one level."""

from pathlib import Path
from typing import Literal

from fad_study.script_main import run


def main(
    exported: Path,
    level: Literal["eager", "golden"],
    table: Path,
    weights: str = "seeded",
    device: str = "cpu",
    ckpt_dir: Path | None = None,
    threads: int = 1,
) -> None:
    """Compare an exported model with what it must reproduce; fails if it does not.

    Args:
        exported: the .pt2 file. At the level golden, one with seeded weights.
        level: eager (the network rebuilt from the checkpoint) or golden (the original package's embeddings).
        table: the table of comparisons to write.
        weights: what it was exported with: official, seeded, or the path of a checkpoint file.
        device: cpu or cuda. On a CPU it is always verified.
        ckpt_dir: folder of the official checkpoints; torch.hub's if not given.
        threads: numeric threads.
    """
    import torch

    from fad_core.runner.device import resolve_device
    from fad_core.verification.check import require_passed
    from fad_core.verification.table import write_verification
    from fad_core.verification.verify import verified_backends, verify, weights_of

    torch.set_num_threads(threads)
    device = resolve_device(device)
    checks = []
    for check in verify(level, exported, weights_of(exported, weights, ckpt_dir), verified_backends(device)):
        print(f"{level}: {check.case}, {check.quantity}: {check.verdict}", flush=True)
        checks.append(check)
    write_verification(checks, table, device)
    require_passed(checks)


run(main, globals())
