"""The facts of all models, without their code, and those that follow from their networks without torch.

They stand in `catalogue.json`, which is made from the models themselves, and held in step by a test:

    python -m fad_core.models.catalogue
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fad_core.models import get_model, model_ids
from fad_core.util.atomic import write_text

CATALOGUE = Path(__file__).with_suffix(".json")


def read_catalogue() -> list[dict[str, Any]]:
    """The facts of each model, in the registry's order."""
    rows: list[dict[str, Any]] = json.loads(CATALOGUE.read_text(encoding="utf-8"))
    return rows


def make_catalogue() -> str:
    """The text of `catalogue.json`."""
    rows = [
        {
            "id": model.name,
            "family": model.family,
            "sample_rate": model.sample_rate,
            "channels": model.channels,
            "dimensions": model.dimension,
            "weights_mb": round(model.weights_bytes / 1e6, 1),
            "minimum_seconds": round(model.minimum_samples / model.sample_rate, 6),
            "checkpoints": ", ".join(checkpoint.filename for checkpoint in model.checkpoints),
        }
        for model in map(get_model, model_ids())
    ]
    return json.dumps(rows, indent=1) + "\n"


if __name__ == "__main__":
    write_text(CATALOGUE, make_catalogue())
