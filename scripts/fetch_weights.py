"""Fetch a model's checkpoint files and check their hashes."""

from pathlib import Path

from fad_study.script_main import run


def main(model: str, record: Path, weights: str = "official", ckpt_dir: Path | None = None) -> None:
    """Download the missing files of a model's official weights, or check a file of your own.

    Args:
        model: id of the model (`fad models` lists them).
        record: the JSON file to write, with the files and their sha256.
        weights: official, seeded, or the path of a checkpoint file.
        ckpt_dir: folder of the official checkpoints; by default that of torch.hub.
    """
    import json

    from fad_core.models import find_network
    from fad_core.models.text_model import TextModel
    from fad_core.util.atomic import write_text
    from fad_core.weights import fetch_weights, locate_weights

    described = find_network(model)
    found = fetch_weights(locate_weights(described, weights, ckpt_dir), ckpt_dir)
    if isinstance(described, TextModel):
        from fad_core.api.text_model import tokenizer_of

        tokenizer_of(described, weights, ckpt_dir, progress=True)  # downloads its vocabulary
    files = [
        {"filename": file.checkpoint.filename, "path": file.path and str(file.path), "sha256": file.sha256}
        for file in found.files
    ]
    facts = {"model": model, "weights": found.label, "kind": found.kind, "files": files}
    write_text(record, json.dumps(facts, indent=1) + "\n")


run(main, globals())
