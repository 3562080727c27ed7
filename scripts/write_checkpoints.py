"""Lay out a model's checkpoints as the original package expects them."""

from pathlib import Path

from fad_study.script_main import run


def main(model: str, checkpoints: Path, weights: str = "official", ckpt_dir: Path | None = None) -> None:
    """Write seeded checkpoints, or link existing ones, under their official names.

    Args:
        model: id of the model.
        checkpoints: the folder to write.
        weights: official, seeded, or the path of a checkpoint file.
        ckpt_dir: folder of the official checkpoints; by default that of torch.hub.
    """
    from fad_study.steps.reference import write_checkpoints

    from fad_core.models import get_model
    from fad_core.weights import fetch_weights, locate_weights

    located = locate_weights(get_model(model), weights, ckpt_dir)
    write_checkpoints(fetch_weights(located, ckpt_dir), checkpoints)


run(main, globals())
