"""Run Snakemake on a small study in a folder of its own, and say what it did."""

from __future__ import annotations

import csv
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from fad_study.batches import read_batches
from fad_study.provenance import without_provenance
from small_model import MODELS

REPOSITORY = Path(__file__).parents[2]
# What a run reads of a checkout.
PARTS = ("Snakefile", "config.yaml", "envs", "fad_core", "scripts", "workflow")
# The export of VGGish with seeded weights.
MODEL = "vggish-00b8a942"
# Results whose bytes must be the same whatever happens on the way to them; logs and times are not among them.
COMPARED = ("embeddings", "figures", "manifests", "report.html", "statistics", "tables")
_JOB = re.compile(r"^(?:local)?rule (\w+):\n((?: {4}.*\n)*)", re.MULTILINE)


def reference_python() -> str | None:
    """The interpreter of the original packages: the one that is named, or that of `make reference-env`."""
    named = os.environ.get("REFERENCE_PYTHON")
    default = REPOSITORY / ".venv-reference/bin/python"
    return named or (str(default) if default.is_file() else None)


@dataclass(frozen=True)
class Run:
    """One call of Snakemake.

    Attributes:
        status: its exit status.
        text: all it printed.
        batches: the shards of each batch, as "set/number", by the batch's name.
        jobs: those it ran or, in a dry run, would run, as "rule wildcard/wildcard"; the shards of a batch
            stand for its name.
    """

    status: int
    text: str
    batches: Mapping[str, str]

    @property
    def jobs(self) -> set[str]:
        found = set()
        for rule, details in _JOB.findall(self.text):
            wildcards = re.search(r"^    wildcards: (.*)$", details, re.MULTILINE)
            values = [item.split("=", 1)[1] for item in wildcards[1].split(", ")] if wildcards else []
            named = (self.batches.get(value, value) for value in values)
            found.add(f"{rule} {'/'.join(named)}".strip())
        return found - {"all"}

    @property
    def rules(self) -> set[str]:
        return {job.split(" ")[0] for job in self.jobs}


@dataclass(frozen=True)
class WorkingFolder:
    """A working directory, and the checkout whose workflow runs in it.

    Attributes:
        root: the working directory.
        code: the checkout.
        sites: folders of further packages that are installed.
    """

    root: Path
    code: Path
    sites: tuple[Path, ...] = ()

    @property
    def model(self) -> str:
        """The model of its studies: the small one where that is installed."""
        return "small" if any((site / "small_model").is_dir() for site in self.sites) else "vggish"

    @property
    def exported(self) -> str:
        """The path of its exported model."""
        if self.model == "vggish":
            return f"results/models/{MODEL}.pt2"
        return f"results/models/small-{MODELS[0].checkpoints[0].seeded_sha256[:8]}.pt2"

    @property
    def batches(self) -> dict[str, str]:
        """The shards of all batches that a study has had, as "set/number", by the names of the batches."""
        found = {}
        for path in (self.root / ".snakemake/fad_batches").glob("*.json"):
            for name, shards in read_batches(path).items():
                found[name] = " ".join(f"{dataset}/{number}" for dataset, number in shards)
        return found

    def batch(self, shards: str) -> str:
        """The name of the batch of some shards."""
        return next(name for name, named in self.batches.items() if named == shards)

    @property
    def verdicts(self) -> list[str]:
        """The paths of its model's verdicts: compared with the network, and with golden embeddings."""
        names = (f"{Path(self.exported).stem}.eager.csv", f"{self.model}.golden.csv")
        return [f"results/verification/{name}" for name in names]

    def write_study(self, name: str = "study", **keys: Any) -> Path:
        """Write {name}.yaml: the model with seeded weights, a job for each shard, and what is given."""
        defaults = {"models": [{"id": self.model, "weights": "seeded"}], "batch_mb": 1e-6}
        path = self.root / f"{name}.yaml"
        path.write_text(yaml.safe_dump({"study": name, **defaults, **keys}, sort_keys=False))
        return path

    def command(self, *arguments: str, study: str = "study", cores: int = 2) -> list[str]:
        fixed = [sys.executable, "-m", "snakemake", "-s", str(self.code / "Snakefile"), "-d", str(self.root)]
        # --cores stands between: --configfile would take targets for further files.
        return [*fixed, "--configfile", str(self.root / f"{study}.yaml"), "--cores", str(cores), *arguments]

    def run(
        self,
        *arguments: str,
        study: str = "study",
        cores: int = 2,
        folder: Path | None = None,
        all_powerful: bool = True,
    ) -> Run:
        done = subprocess.run(
            self.command(*arguments, study=study, cores=cores),
            cwd=folder or self.root,
            env=environment(*self.sites),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=300,
            preexec_fn=None if all_powerful else respect_permissions,
        )
        return Run(done.returncode, done.stdout, self.batches)

    def plan(self, *arguments: str, study: str = "study") -> Run:
        """What would be done now; it must not be an error to ask."""
        run = self.run("--dry-run", *arguments, study=study)
        assert run.status == 0, run.text
        return run

    def complete(self, *arguments: str, study: str = "study", cores: int = 2) -> Run:
        """Run to the end, which must be reached."""
        run = self.run(*arguments, study=study, cores=cores)
        assert run.status == 0, run.text
        return run

    def kill_when(self, reached: Callable[[], bool], *arguments: str) -> None:
        """Start a run and kill it with all its jobs, without a warning, once `reached` says so."""
        log = (self.root / "killed.log").open("w")
        process = subprocess.Popen(
            self.command(*arguments),
            cwd=self.root,
            env=environment(*self.sites),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        deadline = time.monotonic() + 120
        try:
            while not reached():
                assert process.poll() is None, (self.root / "killed.log").read_text()
                assert time.monotonic() < deadline, "what the kill waits for never came"
                time.sleep(0.02)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def results(self, study: str = "study") -> dict[str, bytes]:
        """Path → bytes of all that must be the same in every run of a study."""
        folder = self.root / "results" / study
        found = [path for part in COMPARED for path in [folder / part, *(folder / part).rglob("*")]]
        return {
            str(path.relative_to(folder)): without_provenance(path.read_bytes())
            for path in sorted(found)
            # Beside a manifest lies what its scan saw, with times of files; and a killed job may leave the
            # hidden file that it was writing to.
            if path.is_file() and not path.name.endswith(".seen.json") and not path.name.startswith(".")
        }

    def embedded(self, study: str = "study") -> int:
        """How many files the last jobs of a study have embedded, and not taken from the cache."""
        logs = (self.root / f"results/{study}/logs/embed_files").rglob("*.log")
        return sum(int(re.findall(r"files?: (\d+) embedded", path.read_text())[-1]) for path in logs)

    def table(self, name: str, study: str = "study") -> list[dict[str, str]]:
        """A CSV table of a study."""
        with (self.root / f"results/{study}/tables/{name}.csv").open(newline="", encoding="utf-8") as stream:
            return list(csv.DictReader(stream))

    def copy_to(self, root: Path, code: Path | None = None) -> WorkingFolder:
        """The same workplace elsewhere, with all times; the exported model is shared, not copied."""
        shutil.copytree(self.root, root, symlinks=True, copy_function=_link_or_copy)
        return WorkingFolder(root, code or self.code, self.sites)


def copy_code(target: Path, source: Path = REPOSITORY) -> Path:
    """A checkout of its own, which can be edited.

    With it comes what was compiled, which takes up to a minute; not what a process is writing just now.
    """
    unfinished = shutil.ignore_patterns("*.tmp.*", "*.pyc.*")
    for part in PARTS:
        if (source / part).is_dir():
            shutil.copytree(source / part, target / part, ignore=unfinished)
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / part, target / part)
    return target


def environment(*sites: Path) -> Mapping[str, str]:
    """This one, without what makes the workflow find another checkout or other files, and with sites."""
    hidden = (
        "PYTHONPATH",
        "SNAKEMAKE_PROFILE",
        "TORCH_HOME",
        "COVERAGE_PROCESS_START",
        "COVERAGE_PROCESS_CONFIG",
    )
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    return environment | ({"PYTHONPATH": os.pathsep.join(map(str, sites))} if sites else {})


def respect_permissions() -> None:
    """Make root, as whom tests may run, a user who cannot read what is closed to him; as another: nothing.

    CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH leave the set that a new program may have.
    """
    drop = 24  # PR_CAPBSET_DROP
    for capability in (1, 2):
        ctypes.CDLL(None).prctl(drop, capability, 0, 0, 0)


def _link_or_copy(source: str, target: str) -> str:
    if source.endswith(".pt2"):
        os.link(source, target)
        return target
    return shutil.copy2(source, target)
