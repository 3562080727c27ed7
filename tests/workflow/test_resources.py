"""What jobs ask of a cluster, and which of them stay beside Snakemake."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from snakemake_runs import REPOSITORY, Run, WorkingFolder

from fad_core.models import get_model

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


def everything(place: WorkingFolder, *arguments: str, cores: int = 2) -> Run:
    run = place.run("--dry-run", "--forceall", *arguments, cores=cores)
    assert run.status == 0, run.text
    return run


def test_a_rule_stays_beside_snakemake_or_says_what_it_asks_for() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (REPOSITORY / "workflow/rules").glob("*.smk")]
    rules = dict(re.findall(r"^rule (\w+):\n((?:(?: .*)?\n)*)", "\n".join(texts), re.MULTILINE))
    (stated,) = re.findall(r"^localrules:\n((?: {4}\w+,\n)+)", "\n".join(texts), re.MULTILINE)
    local = set(re.findall(r"\w+", stated))
    assert local <= rules.keys() | {"all"}
    for name, body in rules.items():
        asks = {key for key in ("mem_mb", "runtime") if f"        {key}=" in body}
        assert asks == (set() if name in local else {"mem_mb", "runtime"}), name
    # The network may be missing on a node.
    assert "fetch_weights" in local


def test_memory_is_by_model(finished: WorkingFolder) -> None:
    models = ["vggish", "pann-16k", "encodec-48k", "clap-music-audioset"]
    finished.write_study(
        "four",
        datasets={"a": {"path": "audio/a"}, "b": {"path": "audio/b"}},
        models=[{"id": model, "weights": "seeded"} for model in models],
        on_short_file="pad",
    )
    run = finished.run("--dry-run", "--forceall", study="four")
    assert run.status == 0, run.text
    for rule, count in (("export_model", 1), ("verify_eager", 1), ("verify_golden", 1), ("embed_files", 2)):
        asked = sorted(int(resources["mem_mb"]) for resources in asked_for(run, rule))
        weights = sorted(get_model(model).weights_bytes / 1e6 for model in models)
        assert len(asked) == count * len(models)
        # More for larger networks, and more than their weights twice: as saved, and as they are run.
        assert len(set(asked)) == len(models)
        assert all(mb > 2 * size + 1000 for mb, size in zip(asked[::count], weights, strict=True))
    # Of 2048 dimensions the factors are large, the more the more data sets there are.
    assert len({resources["mem_mb"] for resources in asked_for(run, "compute_distances")}) == 3


def test_processors_are_the_threads_of_the_configuration(finished: WorkingFolder) -> None:
    finished.write_study("threads", datasets={"a": {"path": "audio/a"}, "b": {"path": "audio/b"}}, threads=3)
    run = finished.run("--dry-run", "--forceall", study="threads", cores=4)
    assert {resources["threads"] for resources in asked_for(run, "embed_files")} == {"3"}
    assert {resources["threads"] for resources in asked_for(run, "compute_distances")} == {"3"}


def test_a_gpu_is_asked_for_where_the_study_embeds_on_one(finished: WorkingFolder) -> None:
    assert {resources["gpu"] for resources in asked_for(everything(finished), "embed_files")} == {"0"}
    finished.write_study("gpu", datasets={"a": {"path": "audio/a"}, "b": {"path": "audio/b"}}, device="cuda")
    run = finished.run("--dry-run", "--forceall", study="gpu")
    assert {resources["gpu"] for resources in asked_for(run, "embed_files")} == {"1"}
    assert not any("gpu" in resources for resources in asked_for(run, "verify_eager"))


def test_a_further_attempt_asks_for_as_much_again(fresh: WorkingFolder, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pth"
    broken.write_bytes(b"no checkpoint")
    fresh.write_study(
        "broken",
        datasets={"a": {"path": "audio/a"}, "b": {"path": "audio/b"}},
        models=[{"id": "vggish", "weights": str(broken)}],
    )
    run = fresh.run("--retries", "2", study="broken")
    assert run.status != 0
    attempts = asked_for(run, "export_model")
    first, *further = [int(resources["mem_mb"]) for resources in attempts]
    assert further == [2 * first, 3 * first]
    assert [int(resources["runtime"]) for resources in attempts] == [30, 60, 90]


def test_the_profile_groups_rules_that_there_are() -> None:
    profile = yaml.safe_load(PROFILE.read_text(encoding="utf-8"))
    rules = {
        name
        for path in (REPOSITORY / "workflow/rules").glob("*.smk")
        for name in re.findall(r"^rule (\w+):", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert profile["groups"].keys() <= rules
    assert set(profile["groups"].values()) == profile["group-components"].keys()
    assert profile["executor"] == "slurm"
    assert profile["retries"] >= 1
