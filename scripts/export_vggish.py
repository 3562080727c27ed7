"""Export VGGish: an alias of `export_model.py --model vggish`, by the name that earlier exporters used."""

from pathlib import Path

from fad_study.script_main import run


def main(
    output: Path = Path("vggish_exported.pt2"), weights: str = "official", ckpt_dir: Path | None = None
) -> None:
    """Export VGGish without PCA and last activation.

    Args:
        output: the .pt2 file to write.
        weights: official (downloaded if missing), seeded, or the path of a checkpoint file.
        ckpt_dir: folder of the official checkpoints; by default that of torch.hub.
    """
    from export_model import main as export_model

    export_model("vggish", output, weights, ckpt_dir)


run(main, globals())
