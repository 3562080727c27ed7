"""Hold the scores of `minimal_score.py` (its last line, on stdin) against the table of a study.

… | tail -n 1 | python tests/check_minimal.py STUDY REFERENCE EVALUATION
"""

import json
import math
import sys

from fad_core.tables import DISTANCES, read_table


def main(study: str, reference: str, evaluation: str) -> None:
    minimal = json.load(sys.stdin)
    pair = {"reference": reference, "evaluation": evaluation, "metric": "fad"}
    table = read_table(DISTANCES, f"results/{study}/tables/distances.parquet")
    expected = {row["model"]: float(row["value"]) for row in table if pair.items() <= row.items()}
    if not expected or expected.keys() != minimal.keys():
        sys.exit(f"the study's table has {sorted(expected)} for {pair}, not {sorted(minimal)}")
    for model, value in expected.items():
        print(f"{model}: the study's table says {value!r}, the minimal environment {minimal[model]!r}")
        if not math.isclose(value, minimal[model], rel_tol=1e-6):
            sys.exit("the minimal environment's score is another one")


main(*sys.argv[1:])
