"""Score two sets of files where nothing but the five core packages is installed.

    python tests/minimal_score.py REFERENCE EVALUATION MODEL.pt2 …

Once with each of the exported models, as they are, with short files padded; and by the class
`FrechetAudioDistance`, which exports and verifies VGGish with seeded weights on the way. The last line is a
JSON object: the bare values by the models' ids.
"""

import json
import sys
import tempfile

from fad_study.script_main import limit_threads

limit_threads(1)


def main(reference: str, evaluation: str, *models: str) -> None:
    import torch

    from fad_core import FrechetAudioDistance
    from fad_core.api.scoring import score
    from fad_core.datasets.policy import FilePolicy
    from fad_core.runner.exported import ExportedModel

    torch.set_num_threads(1)
    values = {}
    for path in models:
        value = score(reference, evaluation, ExportedModel(path), policy=FilePolicy(on_short_file="pad"))
        print(value.row)
        values[value.row["model"]] = float(value)
    with tempfile.TemporaryDirectory() as folder:
        frechet = FrechetAudioDistance(cache_dir=folder, weights="seeded", device="cpu", on_short_file="pad")
        value = frechet.score(reference, evaluation)
        print(f"exported, verified and scored by the class: {json.dumps(value.to_dict())[:400]} …")
        if values.setdefault("vggish", float(value)) != value:
            sys.exit(f"the class says {float(value)!r}, the exported model {values['vggish']!r}")
    print(json.dumps(values))


main(*sys.argv[1:])
