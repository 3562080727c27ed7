# What the rules share: the study, its paths, and what a rule's params say of the code and the files.
import json
import sys
from dataclasses import asdict
from functools import cache
from pathlib import Path

ROOT = Path(workflow.basedir)
SCRIPTS = ROOT / "scripts"

# The package of this checkout, also where it is not installed or another one is.
sys.path.insert(0, str(ROOT))

from fad_core.code_digest import code_digest
from fad_core.command import limit_threads, prefer_package
from fad_core.config import read_yaml, validate_config
from fad_core.datasets import list_files
from fad_core.errors import FadError
from fad_core.models import family_of, get_model
from fad_core.datasets.shards import shard_token
from fad_core.stale_locks import clear_stale_locks, hold_running
from fad_core.study import require_available, study_of
from fad_core.weights import locate_weights


def load_study():
    """The study of the configuration, all it names found; or one message with all that is wrong."""
    try:
        for path in workflow.configfiles:
            read_yaml(Path(path))  # again, for keys given twice
        study = study_of(
            validate_config(config, ROOT / "workflow/schemas/config.schema.yaml")
        )
        require_available(study)
    except FadError as error:
        # The message alone: an exception would have Snakemake add lines of this file to it.
        sys.exit(f"\n{error}\n")
    return study


# A job, wherever it runs, belongs to a run that is going on, though its machine may not see that run's lock.
take_part = clear_stale_locks if workflow.is_main_process else hold_running
RUNNING = take_part(Path(".snakemake"))
STUDY = load_study()
PAPERS = STUDY.papers
CORRELATIONS = PAPERS.correlations
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
prefer_package(ROOT)
THREADS = STUDY.settings["threads"]
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


# Which choice of weights a pair of id and key stands for. The golden level needs the seeded ones too.
WEIGHTS = {}
for entry in STUDY.models.values():
    for choice in ("seeded", entry.weights):
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
    return [
        f"results/verification/{exported_of(entry.id, entry.weights)}.eager.csv",
        f"results/verification/{entry.id}.golden.csv",
    ]


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
    return lambda wildcards: [
        pattern.format(shard=shard, **wildcards)
        for shard in range(STUDY.datasets[wildcards.dataset].shards)
    ]


def every_shard(pattern):
    """A path for every shard of every data set that is compared."""
    return [
        pattern.format(dataset=name, shard=shard)
        for name in STUDY.paired()
        for shard in range(STUDY.datasets[name].shards)
    ]


def shard_content(wildcards):
    """A token that changes when a file of the shard is added, changed or removed, but not when it is touched."""
    manifest = Path(
        f"{STUDY_DIR}/manifests/{wildcards.dataset}/{wildcards.shard}.parquet"
    )
    return shard_token(
        STUDY.datasets[wildcards.dataset], int(wildcards.shard), manifest
    )


def ignored_files():
    """What lies in the data sets' folders and is no audio file, for the table of files."""
    listings = {name: list_files(STUDY.datasets[name]) for name in STUDY.paired()}
    return {
        name: listing.ignored for name, listing in listings.items() if listing.ignored
    }


def paths_of(wildcards):
    """The configured path or paths of a data set."""
    path = STUDY.datasets[wildcards.dataset].path
    return [path] if isinstance(path, str) else list(path)


def code(script, family=None):
    """Params function: a digest of the script and the modules it uses, of one model family if given."""
    if family is None:
        return lambda wildcards: code_digest(SCRIPTS / script)
    return lambda wildcards: code_digest(SCRIPTS / script, family(wildcards))


def settings_of(wildcards):
    """Params function: what a step's results depend on beside its inputs, as JSON."""
    family = family_of_entry(wildcards) if wildcards.step == "embed_files" else None
    script = SCRIPTS / f"{wildcards.step}.py"
    settings = {"code": code_digest(script, family), "threads": THREADS}
    if wildcards.step == "embed_files":
        # Not the data sets' paths: what lies there is in the manifests, and where it lies is all the same.
        settings["exported"] = exported(wildcards)
        settings["on_short_file"] = STUDY.settings["on_short_file"]
        settings["settings"] = model_settings(wildcards)
    elif wildcards.step == "compute_distances":
        settings |= {"pairs": STUDY.pairs, "metrics": METRICS}
    return json.dumps(settings, sort_keys=True)


def unrecorded(value):
    """Params function for shared results: a value on which they do not depend.

    Snakemake does not record what depends on the output; recorded, it would have studies that differ in it
    make the shared results anew in turn.
    """
    return lambda wildcards, output: value


def weights_choice(wildcards, output):
    """Params function: the weights of a shared file. Which they are is in its name; see `unrecorded`."""
    return WEIGHTS[wildcards.id, wildcards.key]


def code_of_families(script):
    """Params function: a digest of the script with each family that the study uses."""
    families = sorted({family_of(entry.id) for entry in STUDY.models.values()})
    return lambda wildcards: [
        code_digest(SCRIPTS / script, family) for family in families
    ]


def model_settings(wildcards):
    """Params function: how an entry's model is used, as text."""
    return str(STUDY.models[wildcards.model].settings)


def family_of_id(wildcards):
    """Model family of a shared file's id."""
    return family_of(wildcards.id)


def family_of_entry(wildcards):
    """Model family of a study's entry."""
    return family_of(STUDY.models[wildcards.model].id)


def models_with(suffix):
    """A path in the tables' folder for every model of the study."""
    return [f"{STUDY_DIR}/tables/parts/{name}.{suffix}" for name in STUDY.models]


def paper_inputs(*names):
    """Which of the tables distances, repeats, published and correlations this study has, by name; [] for none."""
    there = {
        "distances": STUDY.models,
        "repeats": PAPERS.repeats,
        "published": PAPERS.published,
        "correlations": CORRELATIONS,
    }
    return {
        name: f"{STUDY_DIR}/tables/{name}.parquet" if there[name] else []
        for name in names
    }


def paper_tables():
    """The tables that are written for papers."""
    there = paper_inputs("distances", "published", "correlations")
    return expand(
        f"{STUDY_DIR}/tables/{{name}}.{{suffix}}",
        name=[name for name, path in there.items() if path],
        suffix=["md", "tex"],
    )


def correlation_inputs(own):
    """The tables that are correlated; the distances are the study's `own` where it gives none."""
    if not CORRELATIONS:
        return {"distances": own, "ratings": [], "published": []}
    return {
        "distances": CORRELATIONS.distances or own,
        "ratings": CORRELATIONS.ratings,
        "published": CORRELATIONS.published or [],
    }


def correlation_params():
    """How correlations are made."""
    names = ("tolerance", "resamples", "confidence")
    chosen = {name: getattr(CORRELATIONS, name) for name in names if CORRELATIONS}
    return {**chosen, "seed": STUDY.settings["seed"], "threads": THREADS}


def paper_targets():
    """All of a study's results that are for papers."""
    made = paper_inputs("repeats", "published", "correlations")
    tables = [path for path in made.values() if path]
    return [
        *tables,
        *(path.replace(".parquet", ".csv") for path in tables),
        *paper_tables(),
        *expand(f"{STUDY_DIR}/tables/methods.{{suffix}}", suffix=["md", "tex"]),
        *([f"{STUDY_DIR}/figures/correlations.svg"] if CORRELATIONS else []),
    ]
