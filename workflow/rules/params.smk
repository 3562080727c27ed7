# Functions and values for `params`: what a step depends on besides its inputs, so that a change re-runs it.
from fad_core.datasets import file_sha256, list_files
from fad_study.digest import metrics_digest, step_digest
from fad_study.given_sets import content_of
from fad_study.shards import batch_token


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
    return file_sha256(find_network(wildcards.id).verification.golden)


def model_settings(wildcards):
    """Params function: how the model of an entry is used, as text."""
    return STUDY.models[wildcards.model].settings


def metrics_of_entry(wildcards):
    """Params function: the metrics that are computed by a model, with their options as text."""
    return list(STUDY.models[wildcards.model].metrics.values())


def metric_code(wildcards):
    """Params function: digests of the code of these metrics."""
    return metrics_digest(STUDY.models[wildcards.model].metrics)


def shards_of_batch(wildcards):
    """Params function: the shards of a batch, and where their data sets are, as JSON."""
    entries = []
    for name, shard in BATCHES[wildcards.batch]:
        path = STUDY.datasets[name].path
        paths = [path] if isinstance(path, str) else list(path)
        entries.append({"dataset": name, "path": paths, "shards": STUDY.shards[name], "shard": shard})
    return json.dumps(entries)


def places_of_batch(wildcards, output):
    """Params function: `shards_of_batch`, not recorded: it does not matter to embeddings where files are stored."""
    return shards_of_batch(wildcards)


def places_of_audio(wildcards, output):
    """Params function: where the audio of each data set is, by its label, as JSON; not recorded, as above."""
    played = STUDY.embedded() if PLAYERS_MB else []
    return json.dumps({STUDY.labels[name]: STUDY.datasets[name].path for name in played})


def batch_content(wildcards):
    """Params function: a token that changes when a file of the batch is added, changed or removed."""
    manifest = Path(f"{STUDY_DIR}/manifests/{wildcards.batch}.parquet")
    return batch_token(STUDY.datasets, STUDY.shards, BATCHES[wildcards.batch], manifest)


def given_content(wildcards):
    """Params function: the hash of a file of statistics; a file that replaces it may have an older time."""
    return content_of(STUDY.given_path(wildcards.dataset, wildcards.model))


def captions_content(wildcards):
    """Params function: the hashes of the tables of captions; as above."""
    return [file_sha256(path) for path in STUDY.captions.values()]


def assumed(wildcards):
    """Params function: whether statistics of another package are taken for those of the study's model."""
    return wildcards.dataset in STUDY.assumed


def ignored_files(wildcards):
    """Params function: the files of the data sets' folders that are not audio files, as JSON.

    A function, because names of files may hold braces, which Snakemake would expand in a text.
    """
    listings = {name: list_files(STUDY.datasets[name]).ignored for name in STUDY.embedded()}
    return json.dumps({name: ignored for name, ignored in listings.items() if ignored}, sort_keys=True)


def labels(wildcards):
    """Params function: what tables for people call the data sets, as JSON; for braces, as above."""
    return json.dumps(STUDY.labels)


def places_of_systems(wildcards):
    """Params function: system and category of data sets, as JSON; for braces, as above."""
    return json.dumps(STUDY.systems)


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


MIXED_NUMERICS = STUDY.settings["mixed_numerics"]
EMBEDDING = {
    "shards": places_of_batch,
    "settings": model_settings,
    "threads": unrecorded(THREADS),
    "isa": ISA,
    "mixed_numerics": unrecorded(MIXED_NUMERICS),
    "cache": unrecorded(CACHE),
    "cache_gb": unrecorded(STUDY.settings["embedding_cache_gb"]),
    "code": code("embed_files.py", id_of_entry),
}
STATISTICS_PARAMS = {
    "datasets": STUDY.embedded(),
    "threads": THREADS,
    "isa": ISA,
    "mixed_numerics": MIXED_NUMERICS,
    "code": code("compute_statistics.py"),
}
# The tables of a model that later steps collect.
DISTANCE_PARTS = {
    name: f"{STUDY_DIR}/tables/parts/{{model}}.{name}.parquet"
    for name in ("distances", "differences", "extrapolation", "file_values", "near_copies")
    if name != "near_copies" or NEAR_COPIES
}
NEAR_COPY_PARTS = expand(DISTANCE_PARTS["near_copies"], model=COMPARING) if NEAR_COPIES else []
CAPTION_VALUES = f"{STUDY_DIR}/tables/parts/caption_values.parquet"
FILE_VALUE_PARTS = [
    *(expand(DISTANCE_PARTS["file_values"], model=COMPARING) if OF_FILES else []),
    *([CAPTION_VALUES] if CAPTIONING else []),
]
DISTANCES = {
    "pairs": [f"{reference}:{evaluation}" for reference, evaluation in STUDY.pairs],
    "metrics": metrics_of_entry,
    "ranked": list(STUDY.ranked),
    "tables": list(DISTANCE_PARTS),  # the notes of distances change with them
    "metric_code": metric_code,
    "threads": THREADS,
    "isa": ISA,
    "mixed_numerics": MIXED_NUMERICS,
    "code": code("compute_distances.py"),
}
FILE_SCORES = {
    "models": list(STUDY.models),
    "pairs": DISTANCES["pairs"],
    "measures": PER_FILE,
    "labels": labels,
    "threads": THREADS,
    "isa": ISA,
    "code": code("score_files.py"),
}
CAPTION_SCORES = {
    "models": list(CAPTIONING),
    "weights": [STUDY.models[name].weights for name in CAPTIONING],
    "settings": [STUDY.models[name].settings for name in CAPTIONING],
    "datasets": list(STUDY.captions),
    "contents": captions_content,
    "ckpt_dir": unrecorded(CKPT_DIR),
    "threads": THREADS,
    "isa": ISA,
    "mixed_numerics": MIXED_NUMERICS,
    "code": code("score_captions.py"),
}
REPORT = {
    "study": configuration,
    "places": places_of_audio,
    "players_mb": PLAYERS_MB,
    "code": code("write_report.py"),
}
LISTING = {
    "names": STUDY.paired(),
    "models": MODELS,
    "labels": labels,
    "ignored": ignored_files,
    "code": code_of_models("collect_files.py"),
}
