# Scan the data sets: hash and decode every file once, and decide on all of them; before models are downloaded and
# exported, which would be in vain if a file is bad.


rule scan_files:
    output:
        manifest=f"{STUDY_DIR}/manifests/{{batch}}.parquet",
    log:
        f"{LOGS}/scan_files/{{batch}}.log",
    benchmark:
        f"{BENCHMARKS}/scan_files/{{batch}}.tsv"
    priority: 1
    conda:
        "../../envs/core.yaml"
    resources:
        **request(SCRIPT_MB, minutes=60),
    params:
        shards=shards_of_batch,
        leftovers=POLICY.leftovers,
        loudness=LOUDNESS,
        content=batch_content,
        code=code("scan_files.py"),
    script:
        "../../scripts/scan_files.py"


rule check_files:
    input:
        manifests=MANIFESTS,
    output:
        decisions=DECISIONS,
    log:
        f"{LOGS}/check_files.log",
    priority: 1
    conda:
        "../../envs/core.yaml"
    params:
        datasets=sorted(STUDY.embedded()),
        models=MODELS,
        policy=str(POLICY),
        code=code_of_models("check_files.py"),
    script:
        "../../scripts/check_files.py"
