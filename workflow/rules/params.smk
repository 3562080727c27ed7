# Functions for `params`: what a step depends on beside its inputs, in the form in which a change is seen.


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


def code(script, model=None):
    """Params function: a digest of the script and the modules it uses, those of one model's family if given."""
    if model is None:
        return lambda wildcards: step_digest(SCRIPTS / script)
    return lambda wildcards: step_digest(SCRIPTS / script, model(wildcards))


def settings_of(wildcards):
    """Params function: what a step's results depend on beside its inputs, as JSON."""
    model = model_of_entry(wildcards) if wildcards.step == "embed_files" else None
    script = SCRIPTS / f"{wildcards.step}.py"
    settings = {"code": step_digest(script, model), "threads": THREADS}
    if wildcards.step == "embed_files":
        # Not the data sets' paths: what lies there is in the manifests, and where it lies is all the same.
        settings["exported"] = exported(wildcards)
        settings["policy"] = str(POLICY.selecting)
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
    ids = {entry.id for entry in STUDY.models.values()}
    return lambda wildcards: sorted({step_digest(SCRIPTS / script, id) for id in ids})


def model_settings(wildcards):
    """Params function: how an entry's model is used, as text."""
    return STUDY.models[wildcards.model].settings


def model_of_id(wildcards):
    """Id of the model of a shared file."""
    return wildcards.id


def model_of_entry(wildcards):
    """Id of the model of a study's entry."""
    return STUDY.models[wildcards.model].id
