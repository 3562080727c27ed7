"""Run `CLAPScore` of the original package in its own environment, without the network.

    python -I run_original.py JOB.json OUT.npz

JOB.json has `arguments` of the constructor, `ckpt_dir`, `vocabulary` (a folder of vocab.json and merges.txt),
`captions`, and, for a score, `table` (.csv) and `audio` (a folder).

OUT.npz has `ids` and `attended` `[N, 77]`, `text` `[N, 512]`, and `meta`: the versions, and of a score the
`score`, its `order` of files and `repeated`, the score from its stored embeddings, which are `stored_text`
and `stored_audio`.
"""

import json
import os
import platform
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import original_embeddings  # noqa: F401 - sets the environment of this process
from originals import offline


def main(job_path, out):
    out = Path(out).resolve()
    job = json.loads(Path(job_path).read_text())
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        offline.write_tokenizers(folder)
        offline.write_hub(folder / "hub", Path(job["ckpt_dir"]))
        offline.write_text_network(folder)
        for name in ("vocab.json", "merges.txt"):
            shutil.copy(Path(job["vocabulary"]) / name, folder / "roberta-base" / name)
        os.chdir(folder)  # the tokenizers are looked for in the current folder
        import numpy as np
        import torch
        from frechet_audio_distance import CLAPScore

        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        clap = CLAPScore(ckpt_dir=str(folder / "hub"), **job["arguments"])
        meta = {"versions": {name: version(name) for name in offline.PACKAGES}}
        meta["versions"]["python"] = platform.python_version()
        tokens = clap.model.tokenizer(job["captions"])
        arrays = {"ids": tokens["input_ids"].numpy(), "attended": tokens["attention_mask"].numpy()}
        arrays["text"] = clap.get_text_embeddings(job["captions"])
        if "audio" in job:
            paths = {
                f"{name}_embds_path": str(folder / "stored" / f"{name}.npy") for name in ("text", "audio")
            }
            meta["order"] = os.listdir(job["audio"])  # noqa: PTH208 - as the original lists it
            meta["score"] = list(map(float, clap.score(job["table"], job["audio"], **paths)))
            meta["repeated"] = list(map(float, clap.score("/nowhere", "/nowhere", **paths)))
            arrays |= {
                f"stored_{name}": np.load(folder / "stored" / f"{name}.npy") for name in ("text", "audio")
            }
        os.chdir("/")
        np.savez(out, meta=np.array(json.dumps(meta)), **arrays)


main(*sys.argv[1:])
