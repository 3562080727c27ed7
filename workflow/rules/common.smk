# What the rules share: the study, its paths and its targets.
import json
import sys
from dataclasses import asdict
from functools import cache
from pathlib import Path

SCRIPTS = ROOT / "scripts"

from fad_study.digest import step_digest
from fad_core.util.process import limit_threads, spare_collections
from fad_study.script_main import prefer_packages
from fad_core.datasets import list_files
from fad_core.models import get_model
from fad_core.datasets.shards import shard_token
from fad_study.stale_locks import clear_stale_locks, hold_running
from fad_study.study import read_study
from fad_core.weights import locate_weights

spare_collections()
# A job, wherever it runs, belongs to a run that is going on, though its machine may not see that run's lock.
take_part = clear_stale_locks if workflow.is_main_process else hold_running
RUNNING = take_part(Path(".snakemake"))
STUDY = told(read_study, config, ROOT / "workflow/schemas/config.schema.yaml")
PAPERS = STUDY.papers
CORRELATIONS = PAPERS.correlations
POLICY = STUDY.policy
METRICS = STUDY.settings["metrics"]
MODELS = [entry.specification for entry in STUDY.models.values()]
CKPT_DIR = STUDY.settings.get("ckpt_dir")
STUDY_DIR = f"results/{STUDY.name}"
DISTANCE_TABLES = ["distances.parquet", "distances.csv", "files.csv", "datasets.csv"]
LOGS = f"{STUDY_DIR}/logs"
BENCHMARKS = f"{STUDY_DIR}/benchmarks"
# The verdict on all files. A path and no rule's output: ancient() would mark that for all who use it.
CHECKED = f"{STUDY_DIR}/manifests/checked.json"

# Jobs inherit the environment: the package, and the numeric threads, which are the configuration's
# whatever --cores is.
prefer_packages(PACKAGES)
THREADS = STUDY.settings["threads"]
DEVICE = STUDY.settings["device"]
GPUS = int(DEVICE == "cuda")
# Studies on a GPU and without share no verdict. What else a study chooses must not verify networks anew.
VERDICT = ".cuda" if GPUS else ""
limit_threads(THREADS)


wildcard_constraints:
    id="[a-z0-9-]+",
    key="[0-9a-f]{8}",
    model="[A-Za-z0-9._-]+",
    dataset="[A-Za-z0-9._-]+",
    shard="[0-9]+",
    metric="[a-z0-9_]+",
    step="[a-z_]+",


@cache
def weights_key(model_id, choice):
    """The first 8 digits of the weights' sha256."""
    return locate_weights(get_model(model_id), choice, CKPT_DIR).key


def resuming(targets):
    """Input function of `all`: the targets, with --rerun-incomplete taken as given.

    What a killed run was about to write is made anew without being asked for: outputs are written whole or not
    at all, so nothing of it can be worth keeping. The settings are there only when the jobs are planned.
    """

    def targets_of(wildcards):
        workflow.dag_settings.force_incomplete = True
        return targets

    return targets_of


def has_golden(model_id):
    """Whether there are embeddings of the original package, with which the golden level compares."""
    return get_model(model_id).verification.golden is not None


# Which choice of weights a pair of id and key stands for. The golden level needs the seeded ones too.
WEIGHTS = {}
for entry in STUDY.models.values():
    for choice in (*["seeded"] * has_golden(entry.id), entry.weights):
        named = (entry.id, weights_key(entry.id, choice))
        if WEIGHTS.setdefault(named, choice) != choice:
            sys.exit(
                f"\nmodels: {WEIGHTS[named]!r} and {choice!r} are the same weights of {entry.id}; "
                "name one of them\n"
            )


def exported_of(model_id, choice):
    """Path, without its suffix, of what belongs to a model with its weights."""
    return f"{model_id}-{weights_key(model_id, choice)}"


def exported(wildcards):
    """The exported model of a study's entry."""
    entry = STUDY.models[wildcards.model]
    return f"results/models/{exported_of(entry.id, entry.weights)}.pt2"


def seeded_export(wildcards):
    """The exported model with seeded weights, which the golden level compares."""
    return f"results/models/{exported_of(wildcards.id, 'seeded')}.pt2"


def verifications(wildcards):
    """The verdicts that an embedding waits for."""
    entry = STUDY.models[wildcards.model]
    eager = f"results/verification/{exported_of(entry.id, entry.weights)}.eager{VERDICT}.csv"
    golden = f"results/verification/{entry.id}.golden{VERDICT}.csv"
    return [eager, golden] if has_golden(entry.id) else [eager]


def all_verifications():
    """The verdicts of all models of the study."""
    return sorted(
        {path for name in STUDY.models for path in verifications(Wildcards(model=name))}
    )


class Wildcards:
    """Wildcards by hand, to call an input function for a target that has none."""

    def __init__(self, **values):
        self.__dict__.update(values)


def shards_of(pattern):
    """Input function: a path for every shard of the data set, in order."""
    # The wildcards may have a shard of their own. An error here would not be told: Snakemake takes outputs that
    # are there, and whose job cannot be made, for files that nothing makes.
    return lambda wildcards: [
        pattern.format(**{**dict(wildcards.items()), "shard": shard})
        for shard in range(STUDY.datasets[wildcards.dataset].shards)
    ]


def every_shard(pattern):
    """A path for every shard of every data set that is compared."""
    return [
        pattern.format(dataset=name, shard=shard)
        for name in STUDY.paired()
        for shard in range(STUDY.datasets[name].shards)
    ]


def models_with(suffix):
    """A path in the tables' folder for every model of the study."""
    return [f"{STUDY_DIR}/tables/parts/{name}.{suffix}" for name in STUDY.models]
