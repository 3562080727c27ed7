"""Score two folders with an exported model, where nothing but the five core packages is installed.

    python tests/minimal_score.py MODEL.pt2 REFERENCE EVALUATION

The last line is the bare value.
"""

import sys

from fad_core.command import limit_threads

limit_threads(1)


def main(model: str, reference: str, evaluation: str) -> None:
    import torch

    from fad_core.exported import ExportedModel
    from fad_core.scoring import score

    torch.set_num_threads(1)
    row = score(reference, evaluation, ExportedModel(model)).row
    print(row)
    print(repr(row["value"]))


main(*sys.argv[1:])
