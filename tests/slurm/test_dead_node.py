"""The study of real recordings on a real Slurm of three nodes, one of which dies: the bytes of the local run.

`make test-slurm` runs it, after the study was run here. It takes over the exported and verified models of
that run; with `FAD_TEST_SLURM=all` Slurm makes these too.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
from cluster import NODES, PARTITION, Cluster, SlurmJob, missing_programs
from snakemake_runs import COMPARED, REPOSITORY, WorkingFolder, copy_code, environment

STUDY = "real_recordings"
ASKED_FOR = "FAD_TEST_SLURM"
TIMEOUT = 1200
PLUGIN = "snakemake_executor_plugin_slurm"

pytestmark = pytest.mark.skipif(
    ASKED_FOR not in os.environ, reason=f"takes minutes and a Slurm; make test-slurm sets {ASKED_FOR}"
)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    assert not missing_programs(), "apt-get install slurm-wlm munge"
    assert find_spec(PLUGIN), "pip install -r envs/slurm.txt"
    with Cluster(tmp_path / "slurm") as running:
        yield running


def test_a_study_on_slurm_survives_a_node_and_ends_in_the_bytes_of_the_local_run(
    cluster: Cluster, tmp_path: Path
) -> None:
    here = WorkingFolder(REPOSITORY, REPOSITORY)
    assert here.results(STUDY), f"run the study here first: --configfile workflow/studies/{STUDY}.yaml"
    place = WorkingFolder(copy_code(tmp_path / "checkout"), tmp_path / "checkout")
    if os.environ[ASKED_FOR] != "all":
        for shared in ("models", "verification"):
            shutil.copytree(REPOSITORY / "results" / shared, place.root / "results" / shared)
    shutil.copy2(place.code / f"workflow/studies/{STUDY}.yaml", place.root / f"{STUDY}.yaml")

    began = time.monotonic()
    with started(place, cluster) as run:
        victim = wait_for_victim(cluster, run)
        victims = cluster.kill_node(victim.node)
        print(f"\n{victim.node} dies with {victims} processes after {time.monotonic() - began:.0f} s")
        print(f"    it was running job {victim.id}, {victim.comment}")
        status = run.wait(TIMEOUT)
    print(f"the study ends after {time.monotonic() - began:.0f} s")

    text = log_of(place).read_text()
    assert status == 0, text[-8000:]
    jobs = {job.id: job for job in cluster.jobs()}
    assert jobs[victim.id].state == "NODE_FAIL"
    assert f"SLURM-job '{victim.id}' failed due to a node failure" in text
    assert cluster.node_states()[victim.node] == "down"
    nodes = {job.node for job in jobs.values() if job.state == "COMPLETED"}
    assert nodes == set(NODES)
    print(f"{len(jobs)} Slurm jobs: {count(job.state for job in jobs.values())}")
    print(f"by node: {count(job.node for job in jobs.values())}")

    local, remote = here.results(STUDY), place.results(STUDY)
    print_digests(local, remote)
    assert local.keys() == remote.keys()
    assert [name for name in local if local[name] != remote[name]] == []


@contextmanager
def started(place: WorkingFolder, cluster: Cluster) -> Iterator[subprocess.Popen[str]]:
    """The study by the profile, with what fits this little cluster for some values; killed at the end."""
    command = [
        *(sys.executable, "-m", "snakemake", "--directory", str(place.root)),
        *("--snakefile", str(place.code / "Snakefile"), "--configfile", str(place.root / f"{STUDY}.yaml")),
        *("--workflow-profile", str(place.code / "workflow/profiles/slurm")),
        *("--jobs", "12"),
        *("--default-resources", "mem_mb=1000", "runtime=10", f"slurm_partition={PARTITION}"),
        *("--slurm-init-seconds-before-status-checks", "7", "--latency-wait", "10"),
    ]
    run = subprocess.Popen(
        command,
        cwd=place.root,
        env=cluster.environment(environment()),
        stdin=subprocess.DEVNULL,
        stdout=log_of(place).open("w"),
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    try:
        yield run
    finally:
        run.kill()
        run.wait()


def wait_for_victim(cluster: Cluster, run: subprocess.Popen[str]) -> SlurmJob:
    """A job that is embedding at this moment, once every node has done something."""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        assert run.poll() is None, "the run ended before a node could die"
        jobs = cluster.jobs()
        done = {job.node for job in jobs if job.state == "COMPLETED"}
        for job in jobs:
            embeds = job.state == "RUNNING" and "embed_files" in job.comment
            if embeds and done == set(NODES) and runs(cluster, job.node, "embed_files.py"):
                return job
        time.sleep(0.5)
    raise AssertionError("no job ever embedded")


def runs(cluster: Cluster, node: str, script: str) -> bool:
    """Whether a node is past a job's start."""
    for process in cluster.processes(node):
        with suppress(psutil.NoSuchProcess):
            if any(argument.endswith(script) for argument in process.cmdline()):
                return True
    return False


def log_of(place: WorkingFolder) -> Path:
    return place.root / "snakemake.log"


def count(values: Iterable[str]) -> str:
    listed = list(values)
    return ", ".join(f"{listed.count(value)} {value}" for value in sorted(set(listed)))


def print_digests(local: Mapping[str, bytes], remote: Mapping[str, bytes]) -> None:
    """Hashes of both runs: of every table, and of every folder of what is not one."""
    print(f"\n{'':45} {'files':>5}  {'local':20}  {'slurm':20}")
    tables = sorted(name for name in local.keys() | remote.keys() if name.startswith("tables/"))
    for part in [part for part in COMPARED if part != "tables"] + tables:
        ours, theirs = part_of(local, part), part_of(remote, part)
        print(f"{part:45} {len(ours):5}  {digest(ours):20}  {digest(theirs):20}")


def part_of(results: Mapping[str, bytes], part: str) -> dict[str, bytes]:
    """A file of this name, or all files in a folder of this name."""
    return {name: content for name, content in results.items() if f"{name}/".startswith(f"{part}/")}


def digest(contents: Mapping[str, bytes]) -> str:
    together = hashlib.sha256()
    for name, content in sorted(contents.items()):
        together.update(f"{name}\0{hashlib.sha256(content).hexdigest()}\n".encode())
    return together.hexdigest()[:20]
