# (n, mean, factor) of a data set's embeddings. Files are taken in order whatever their shard.


rule compute_statistics:
    input:
        embeddings=shards_of(
            f"{STUDY_DIR}/embeddings/{{model}}/{{dataset}}/{{shard}}.parquet"
        ),
        settings=f"{STUDY_DIR}/settings/compute_statistics/{{model}}.json",
    output:
        statistics=f"{STUDY_DIR}/statistics/{{model}}/{{dataset}}.parquet",
    log:
        f"{LOGS}/compute_statistics/{{model}}/{{dataset}}.log",
    benchmark:
        f"{BENCHMARKS}/compute_statistics/{{model}}/{{dataset}}.tsv"
    conda:
        "../../envs/core.yaml"
    threads: THREADS
    resources:
        mem_mb=attempts_of(SCRIPT_MB),
        runtime=attempts_of(60),
    params:
        dataset="{dataset}",
        model="{model}",
        threads=THREADS,
        code=code("compute_statistics.py"),
    script:
        "../../scripts/compute_statistics.py"
