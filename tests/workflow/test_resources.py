"""What jobs ask of a cluster, and which of them stay beside Snakemake."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import write_clip
from snakemake_runs import REPOSITORY, Run, WorkingFolder

from fad_core.models import get_model

SETS = {name: {"path": f"audio/{name}"} for name in ("a", "bb")}
PROFILE = REPOSITORY / "workflow/profiles/slurm/config.yaml"
_ANNOUNCED = re.compile(r"^(?:local)?rule (\w+):\n((?: {4}.*\n)*)", re.MULTILINE)


def asked_for(run: Run, rule: str) -> list[dict[str, str]]:
    """Threads and resources of a rule's jobs, in the order in which they were announced."""
    found = []
    for name, details in _ANNOUNCED.findall(run.text):
        if name == rule:
            listed = re.findall(r"(\w+)=([^,\n]+)", details.partition("    resources: ")[2])
            threads = re.findall(r"^    (threads): (\d+)$", details, re.MULTILINE)
            found.append(dict(listed + threads))
    return found


@pytest.fixture
def place(tmp_path: Path, code: Path) -> WorkingFolder:
    """A workplace with audio, where nothing was done."""
    made = WorkingFolder(tmp_path / "work", code)
    for name in SETS:
        write_clip(made.root / f"audio/{name}/one.wav", seed=len(name))
    return made


def planned(place: WorkingFolder, cores: int = 2, **keys: Any) -> Run:
    """What a study of these sets would do."""
    place.write_study("planned", datasets=SETS, **keys)
    run = place.run("--dry-run", study="planned", cores=cores)
    assert run.status == 0, run.text
    return run


def test_memory_is_by_model(place: WorkingFolder) -> None:
    models = ["vggish", "pann-16k", "encodec-48k", "clap-music-audioset"]
    run = planned(place, models=[{"id": model, "weights": "seeded"} for model in models], on_short_file="pad")
    weights = sorted(get_model(model).weights_bytes / 1e6 for model in models)
    for rule, count in (("export_model", 1), ("verify_eager", 1), ("verify_golden", 1), ("embed_files", 2)):
        asked = sorted(int(resources["mem_mb"]) for resources in asked_for(run, rule))
        assert len(asked) == count * len(models)
        # More for larger networks, and more than their weights twice: as saved, and as they are run.
        assert len(set(asked)) == len(models)
        assert all(mb > 2 * size + 1000 for mb, size in zip(asked[::count], weights, strict=True))
    # Of 128, 512 and 2048 dimensions.
    assert len({resources["mem_mb"] for resources in asked_for(run, "compute_distances")}) == 3


def test_a_model_that_shares_what_is_cached_waits_for_the_other(place: WorkingFolder) -> None:
    models = [{"id": name, "weights": "seeded"} for name in ("cdpam-content", "cdpam-acoustic", "vggish")]
    waiting = {}
    for cached in (True, False):
        run = planned(place, models=models, on_short_file="pad", embedding_cache=cached)
        jobs = re.findall(r"^rule embed_files:\n    input: (.*)\n    output: (\S+)$", run.text, re.MULTILINE)
        assert len(jobs) == 6
        waiting[cached] = {output: re.findall(r"\S+/embeddings/[^\s,]+", given) for given, output in jobs}
    for output, before in waiting[True].items():
        shared = [output.replace("cdpam-content", "cdpam-acoustic")] if "cdpam-content" in output else []
        assert before == shared
    assert not any(waiting[False].values())


def test_processors_are_the_threads_of_the_configuration(place: WorkingFolder) -> None:
    run = planned(place, cores=4, threads=3)
    assert {resources["threads"] for resources in asked_for(run, "embed_files")} == {"3"}
    assert {resources["threads"] for resources in asked_for(run, "compute_distances")} == {"3"}


@pytest.mark.parametrize(("device", "gpus"), [("cpu", "0"), ("cuda", "1")])
def test_a_gpu_is_asked_for_where_the_study_embeds_and_verifies_on_one(
    place: WorkingFolder, device: str, gpus: str
) -> None:
    run = planned(place, device=device)
    assert {resources["gpu"] for resources in asked_for(run, "embed_files")} == {gpus}
    for verification in ("verify_eager", "verify_golden"):
        assert {resources["gpu"] for resources in asked_for(run, verification)} == {gpus}


def test_a_further_attempt_asks_for_as_much_again(place: WorkingFolder, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pth"
    broken.write_bytes(b"no checkpoint")
    place.write_study("broken", datasets=SETS, models=[{"id": "vggish", "weights": str(broken)}])
    key = hashlib.sha256(broken.read_bytes()).hexdigest()[:8]
    run = place.run("--retries", "2", f"results/models/vggish-{key}.pt2", study="broken")
    assert run.status != 0
    attempts = asked_for(run, "export_model")
    first, *further = [int(resources["mem_mb"]) for resources in attempts]
    assert further == [2 * first, 3 * first]
    assert [int(resources["runtime"]) for resources in attempts] == [30, 60, 90]


def test_the_profile_is_for_slurm_and_tries_again() -> None:
    profile = yaml.safe_load(PROFILE.read_text(encoding="utf-8"))
    assert profile["executor"] == "slurm"
    assert profile["retries"] >= 1
