"""Export an embedding model with its weights as one .pt2 file."""

from pathlib import Path

from fad_study.script_main import run


def main(
    model: str, output: Path, weights: str = "official", ckpt_dir: Path | None = None, threads: int = 1
) -> None:
    """Export a model with torch.export; the file can be loaded with a plain torch.export.load.

    Args:
        model: id of the model (`fad models` lists them).
        output: the .pt2 file to write.
        weights: official (downloaded if missing), seeded, or the path of a checkpoint file.
        ckpt_dir: folder of the official checkpoints; by default that of torch.hub.
        threads: number of numeric threads.
    """
    import torch

    from fad_core.models import find_network
    from fad_core.runner.pt2 import export_model
    from fad_core.weights import fetch_weights, locate_weights

    torch.set_num_threads(threads)
    described = find_network(model)
    fetched = fetch_weights(locate_weights(described, weights, ckpt_dir), ckpt_dir)
    identity = export_model(described, fetched, output)
    print(f"{output}: {identity.model}, {identity.weights} weights, sha256 {identity.weights_sha256}")


run(main, globals())
