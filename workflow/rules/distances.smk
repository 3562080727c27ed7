# Every pair of data sets by every metric; one job for each model.


rule compute_distances:
    input:
        statistics=statistics_of,
        embeddings=vectors_of,
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
        **request(factors_mb, minutes=60),
    params:
        **DISTANCES,
    script:
        "../../scripts/compute_distances.py"
