# Every pair of data sets by every metric; one job a model.


rule compute_distances:
    input:
        statistics=lambda wildcards: [
            f"{STUDY_DIR}/statistics/{wildcards.model}/{name}.parquet"
            for name in STUDY.paired()
        ],
        # Where a metric asks for vectors.
        embeddings=shards_by_model if NEED_VECTORS else [],
        settings=f"{STUDY_DIR}/settings/compute_distances/{{model}}.json",
    output:
        distances=f"{STUDY_DIR}/tables/parts/{{model}}.distances.parquet",
    log:
        f"{LOGS}/compute_distances/{{model}}.log",
    benchmark:
        f"{BENCHMARKS}/compute_distances/{{model}}.tsv"
    conda:
        "../../envs/core.yaml"
    threads: THREADS
    resources:
        mem_mb=attempts_of(factors_mb),
        runtime=attempts_of(60),
    params:
        pairs=[f"{reference}:{evaluation}" for reference, evaluation in STUDY.pairs],
        metrics=METRICS,
        threads=THREADS,
        code=code("compute_distances.py"),
    script:
        "../../scripts/compute_distances.py"
