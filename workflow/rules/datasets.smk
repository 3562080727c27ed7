# What the data sets hold: every file hashed and decoded once, and one verdict on all of them; before models are
# downloaded and exported, which would be for nothing where a file is bad.


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
        mem_mb=attempts_of(SCRIPT_MB),
        runtime=attempts_of(60),
    params:
        dataset="{dataset}",
        path=paths_of,
        shards=lambda wildcards: STUDY.datasets[wildcards.dataset].shards,
        shard="{shard}",
        leftovers=POLICY.leftovers,
        content=shard_content,
        code=code("scan_files.py"),
    script:
        "../../scripts/scan_files.py"


rule check_files:
    input:
        manifests=every_shard(f"{STUDY_DIR}/manifests/{{dataset}}/{{shard}}.parquet"),
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
        code=code_of_families("check_files.py"),
    script:
        "../../scripts/check_files.py"
