"""Run `program.py` with the original package, in its own environment and without the network.

    python -I run_original.py FAMILY CKPT_DIR JOB.json OUT [older-scipy]

`older-scipy` has SciPy's matrix square root answer as it did before 1.17, as the original takes it, and then
scores the embeddings that it has stored with the installed one.
"""

import contextlib
import os
import runpy
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "scripts"))

import original_embeddings  # noqa: E402, F401 - sets the environment of this process
from originals import offline  # noqa: E402


def main(family, ckpt_dir, job, out, scipy=""):
    given = Path(ckpt_dir).resolve()
    arguments = ["frechet_audio_distance", "hub", str(Path(job).resolve()), str(Path(out).resolve())]
    with tempfile.TemporaryDirectory() as temporary:
        offline.write_tokenizers(Path(temporary))
        offline.write_hub(Path(temporary) / "hub", given)
        os.chdir(temporary)  # the tokenizers are looked for in the current folder
        if family == "clap":
            offline.write_text_network(Path.cwd())
        if family == "vggish":
            offline.write_pca(Path("hub"), given)
        arguments[1] = str(Path("hub").resolve())
        sys.argv = ["program.py", *arguments]
        with offline.older_sqrtm() if scipy == "older-scipy" else contextlib.nullcontext():
            program = runpy.run_path(str(HERE / "program.py"), run_name="__main__")
        if scipy == "older-scipy":
            program["run"](["installed_scipy"])
        os.chdir("/")


main(*sys.argv[1:])
