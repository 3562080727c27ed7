"""Score two folders with exported models, where nothing but the five core packages is installed.

    python tests/minimal_score.py REFERENCE EVALUATION MODEL.pt2 …

The last line is a JSON object: the bare values by the models' ids.
"""

import json
import sys

from fad_core.command import limit_threads

limit_threads(1)


def main(reference: str, evaluation: str, *models: str) -> None:
    import torch

    from fad_core.exported import ExportedModel
    from fad_core.scoring import score

    torch.set_num_threads(1)
    values = {}
    for path in models:
        row = score(reference, evaluation, ExportedModel(path)).row
        print(row)
        values[row["model"]] = row["value"]
    print(json.dumps(values))


main(*sys.argv[1:])
