"""Embed captions with an original package in its own environment, without the network, and score files.

    python -I run_original.py JOB.json OUT.npz

JOB.json has the model's `family`, `arguments` of the original's class, `ckpt_dir`, `vocabulary` (a folder of
vocab.json and merges.txt), `captions`, and, for a score, `table` (.csv) and `audio` (a folder).

OUT.npz has `ids` and `attended` `[N, L]`, `text` `[N, D]`, and `meta`: the versions, the `seconds` of
processor time of all captions after a first one, and of a score the `score` and its `order` of files.
`stored_text` and `stored_audio` are the embeddings that were scored.
"""

import csv
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

import original_embeddings  # noqa: F401 - sets the environment of this process
from originals import msclap, offline


def frechet_audio_distance(job, folder):
    """Run its class `CLAPScore`; return its packages, the arrays, and of a score what `meta` has."""
    offline.write_tokenizers(folder)
    offline.write_hub(folder / "hub", Path(job["ckpt_dir"]))
    offline.write_text_network(folder)
    put_vocabulary(job, folder / "roberta-base")
    import numpy as np
    from frechet_audio_distance import CLAPScore

    clap = CLAPScore(ckpt_dir=str(folder / "hub"), **job["arguments"])
    tokens = clap.model.tokenizer(job["captions"])
    arrays = {"ids": tokens["input_ids"].numpy(), "attended": tokens["attention_mask"].numpy()}
    arrays["text"], seconds = timed(clap.get_text_embeddings, job["captions"])
    meta = {"seconds": seconds}
    if "audio" in job:
        paths = {f"{name}_embds_path": str(folder / f"stored/{name}.npy") for name in ("text", "audio")}
        meta["order"] = os.listdir(job["audio"])  # noqa: PTH208 - as the original lists it
        meta["score"] = list(map(float, clap.score(job["table"], job["audio"], **paths)))
        arrays |= {f"stored_{name}": np.load(folder / f"stored/{name}.npy") for name in ("text", "audio")}
    return offline.PACKAGES, arrays, meta


def microsoft(job, folder):
    """Run the package msclap, each caption by itself; the score is the mean of the cosines."""
    offline.write_gpt2(folder, layers=12)
    put_vocabulary(job, folder / "gpt2")
    import torch
    from msclap import CLAP

    (checkpoint,) = Path(job["ckpt_dir"]).iterdir()
    clap = CLAP(checkpoint, use_cuda=False, **job["arguments"])
    tokens = [clap.preprocess_text([caption]) for caption in job["captions"]]
    text, seconds = timed(
        lambda captions: torch.cat([clap.get_text_embeddings([each]) for each in captions]), job["captions"]
    )
    arrays = {
        name: torch.nn.utils.rnn.pad_sequence([each[key][0] for each in tokens], batch_first=True).numpy()
        for name, key in (("ids", "input_ids"), ("attended", "attention_mask"))
    }
    arrays["text"] = text.numpy()
    meta = {"seconds": seconds}
    if "audio" in job:
        with Path(job["table"]).open(encoding="utf-8", newline="") as stream:
            meta["order"] = [row["file"] for row in csv.DictReader(stream)]
        sound = torch.cat([clap.get_audio_embeddings([f"{job['audio']}/{name}"]) for name in meta["order"]])
        cosines = torch.cosine_similarity(text, sound, dim=-1)
        meta["score"] = [float(cosines.mean()), float(cosines.std(correction=0))]
        arrays |= {"stored_text": text.numpy(), "stored_audio": sound.numpy()}
    return msclap.PACKAGES, arrays, meta


def timed(embed, captions):
    embed(captions[:1])
    start = time.process_time()
    return embed(captions), time.process_time() - start


def put_vocabulary(job, folder):
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(Path(job["vocabulary"]) / name, folder / name)


def main(job_path, out):
    out = Path(out).resolve()
    job = json.loads(Path(job_path).read_text())
    with tempfile.TemporaryDirectory() as temporary:
        os.chdir(temporary)  # the tokenizers are looked for in the current folder
        import numpy as np
        import torch

        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        original = {"clap": frechet_audio_distance, "msclap": microsoft}[job["family"]]
        packages, arrays, meta = original(job, Path(temporary))
        os.chdir("/")
    meta["versions"] = {name: version(name) for name in packages} | {"python": platform.python_version()}
    np.savez(out, meta=np.array(json.dumps(meta)), **arrays)


main(*sys.argv[1:])
