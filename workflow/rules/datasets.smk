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
        on_bad_file=STUDY.settings["on_bad_file"],
        on_short_file=STUDY.settings["on_short_file"],
        # Snakemake compares params without their names: swapped, the two above would be the same.
        options="bad: {on_bad_file}, short: {on_short_file}".format(**STUDY.settings),
        code=code_of_families("check_files.py"),
    script:
        "../../scripts/check_files.py"
