"""Make `fad_core/models/FAMILY/golden_text.npz` anew, with the original package.

    make reference-env
    python tests/golden/make_golden_text.py --reference-python .venv-reference/bin/python --family msclap

The original embeds captions with seeded weights of all models of the family and the minimal vocabulary. Run
twice, it writes the same bytes. Half a minute a model; 1 GB of temporary files.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from fad_study.script_main import run

TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / "live_clap_score"), str(TESTS.parent / "scripts")]

from captions import captions_for  # noqa: E402
from make_golden import write_npz  # noqa: E402
from original import Original  # noqa: E402

from fad_core.models import TEXT_SUFFIX, text_models  # noqa: E402


def main(reference_python: Path, family: str, output: Path | None = None) -> None:
    """Embed the captions with the original package and store the result.

    Args:
        reference_python: interpreter of the original's environment, such as that of envs/reference.txt
        family: of the models, clap or msclap
        output: where to write; the file that the models name (VerificationFacts.golden) if not given
    """
    models = [model for model in text_models() if model.family == family]
    captions = captions_for(family)
    entries: dict[str, Any] = {}
    meta: dict[str, Any] = {"captions": captions, "weights_sha256": {}}
    path = output
    for model in models:
        audio = model.name.removesuffix(TEXT_SUFFIX)
        with tempfile.TemporaryDirectory() as temporary:
            arrays, facts = Original(reference_python, audio, Path(temporary)).run(captions)
        lengths = arrays["attended"].sum(axis=1)
        ids = [row[:length].tolist() for row, length in zip(arrays["ids"], lengths, strict=True)]
        entries[model.name] = arrays["text"]
        meta["weights_sha256"][model.name] = model.checkpoints[0].seeded_sha256
        meta |= {"ids": ids, "versions": facts["versions"]}
        path = path or model.verification.golden
    entries["meta"] = np.array(json.dumps(meta, sort_keys=True))
    assert path is not None, "there are models, which name a golden file"
    write_npz(entries, path)
    sys.stdout.write(f"{path}: {path.stat().st_size} bytes\n")


run(main, globals())
