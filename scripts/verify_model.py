"""Verify one exported model at one level."""

from pathlib import Path
from typing import Literal

from fad_study.script_main import run

from fad_core.util.instructions import Isa


def main(
    exported: Path,
    level: Literal["eager", "golden"],
    table: Path,
    weights: str = "seeded",
    device: str = "cpu",
    ckpt_dir: Path | None = None,
    threads: int = 1,
    isa: Isa = "native",  # noqa: ARG001 - read by run
) -> None:
    """Compare an exported model with the values that it must reproduce; fail if a difference is too large.

    Args:
        exported: the .pt2 file; with seeded weights at the level golden.
        level: eager (compare with the network built from the checkpoint) or golden (compare with stored
            embeddings of the original package).
        table: the table of comparisons to write.
        weights: weights that it was exported with: official, seeded, or the path of a checkpoint file.
        device: cpu, or cuda to verify on a GPU too.
        ckpt_dir: folder of the official checkpoints; by default that of torch.hub.
        threads: number of numeric threads.
        isa: instruction set that numeric libraries use: native (all that the processor has) or avx2.
    """
    import torch

    from fad_core.runner.backend import resolve_device
    from fad_core.verification.check import require_passed
    from fad_core.verification.table import write_verification
    from fad_core.verification.verify import verified_backends, verify, weights_of

    torch.set_num_threads(threads)
    device = resolve_device(device)
    checks = []
    for check in verify(level, exported, weights_of(exported, weights, ckpt_dir), verified_backends(device)):
        print(f"{level}: {check.case}, {check.quantity}: {check.verdict}", flush=True)
        checks.append(check)
    write_verification(checks, [exported], table, device)
    require_passed(checks)


run(main, globals())
