# Scan the data sets: hash and decode every file once, and check all of them; before models are downloaded and
# exported, which would be in vain if a file is bad.


rule scan_files:
    output:
        manifest=f"{STUDY_DIR}/manifests/{{dataset}}/{{shard}}.parquet",
    log:
        f"{LOGS}/scan_files/{{dataset}}/{{shard}}.log",
    benchmark:
        f"{BENCHMARKS}/scan_files/{{dataset}}/{{shard}}.tsv"
    priority: 1
    conda:
        "../../envs/core.yaml"
    resources:
        **request(SCRIPT_MB, minutes=60),
    params:
        path=paths_of,
        shards=shards_of,
        leftovers=POLICY.leftovers,
        content=shard_content,
        code=code("scan_files.py"),
    script:
        "../../scripts/scan_files.py"


rule check_files:
    input:
        manifests=MANIFESTS,
    output:
        checked=CHECKED,
    log:
        f"{LOGS}/check_files.log",
    priority: 1
    conda:
        "../../envs/core.yaml"
    params:
        models=MODELS,
        policy=str(POLICY),
        code=code_of_models("check_files.py"),
    script:
        "../../scripts/check_files.py"
