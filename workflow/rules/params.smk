# Functions and values for `params`: what a step depends on besides its inputs, so that a change re-runs it.
from fad_core.datasets import file_sha256, list_files
from fad_study.digest import metrics_digest, step_digest
from fad_study.shards import shard_token


def code(script, model_id=None):
    """Params function: a digest of a script and the modules that it uses.

    `model_id` is a function of the wildcards that returns the model whose modules count too.
    """
    return lambda wildcards: step_digest(SCRIPTS / script, model_id(wildcards) if model_id else None)


def code_of_models(script):
    """Params function: digests of a script with the modules of each model of the study."""
    ids = {entry.id for entry in STUDY.models.values()}
    return lambda wildcards: sorted({step_digest(SCRIPTS / script, model_id) for model_id in ids})


def id_of_file(wildcards):
    """Return the model of a shared file."""
    return wildcards.id


def id_of_entry(wildcards):
    """Return the model of an entry."""
    return STUDY.models[wildcards.model].id


def golden_sha256(wildcards):
    """Params function: the hash of the embeddings that the golden level compares with."""
    return file_sha256(get_model(wildcards.id).verification.golden)


def model_settings(wildcards):
    """Params function: how the model of an entry is used, as text."""
    return STUDY.models[wildcards.model].settings


def paths_of(wildcards):
    """Params function: the configured path or paths of a data set."""
    path = STUDY.datasets[wildcards.dataset].path
    return [path] if isinstance(path, str) else list(path)


def shards_of(wildcards):
    """Params function: the number of shards of a data set."""
    return STUDY.shards[wildcards.dataset]


def shard_content(wildcards):
    """Params function: a token that changes when a file of the shard is added, changed or removed."""
    dataset, shard = wildcards.dataset, int(wildcards.shard)
    manifest = Path(f"{STUDY_DIR}/manifests/{dataset}/{shard}.parquet")
    return shard_token(STUDY.datasets[dataset], STUDY.shards[dataset], shard, manifest)


def ignored_files(wildcards):
    """Params function: the files of the data sets' folders that are not audio files, as JSON.

    A function, because names of files may hold braces, which Snakemake would expand in a text.
    """
    listings = {name: list_files(STUDY.datasets[name]).ignored for name in STUDY.paired()}
    return json.dumps({name: ignored for name, ignored in listings.items() if ignored}, sort_keys=True)


def configuration(wildcards):
    """Params function: the configuration as JSON, in its order, which defines the pairs of `pairs: all`."""
    return json.dumps(config)


def unrecorded(value):
    """Params function: a value that does not affect a shared result.

    Snakemake does not record params that depend on the output. A recorded value would make studies with
    different values compute the shared results again in turn.
    """
    return lambda wildcards, output: value


def weights_choice(wildcards, output):
    """Params function: the weights of a shared file, which its name identifies; see `unrecorded`."""
    return WEIGHTS[wildcards.id, wildcards.key]


# Of the rules that read a checkpoint.
CHECKPOINT = {"model": "{id}", "weights": weights_choice, "ckpt_dir": unrecorded(CKPT_DIR)}


def shared_step(script, **others):
    """Return the params of a rule with a shared output of a network."""
    return {**others, "threads": unrecorded(THREADS), "code": code(script, id_of_file)}


# Of the steps from embedding to distances, which rule note_settings writes to files. The paths of data sets are
# not among them: manifests name the files and their contents, and where they are stored does not matter.
NOTED = {
    "embed_files": {
        "policy": str(POLICY.selecting),
        "settings": model_settings,
        "threads": THREADS,
        "code": code("embed_files.py", id_of_entry),
    },
    "compute_statistics": {"threads": THREADS, "code": code("compute_statistics.py")},
    "compute_distances": {
        "pairs": [f"{reference}:{evaluation}" for reference, evaluation in STUDY.pairs],
        "metrics": METRICS,
        "metric_code": metrics_digest(METRICS),
        "threads": THREADS,
        "code": code("compute_distances.py"),
    },
}
EMBEDDING = {"path": paths_of, **NOTED["embed_files"]}


def noted_settings(wildcards):
    """Params function: the params of a step by an entry, and the model that it uses, as JSON."""
    params = NOTED[wildcards.step].items()
    values = {name: value(wildcards) if callable(value) else value for name, value in params}
    return json.dumps({"exported": exported(wildcards), **values}, sort_keys=True)
