# Every pair of data sets by every metric, and single files by their distance; one job for each model.


rule compute_distances:
    input:
        statistics=statistics_of,
        embeddings=vectors_of,
    output:
        **DISTANCE_PARTS,
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


rule score_files:
    input:
        statistics=STATISTICS,
        embeddings=EMBEDDINGS,
    output:
        **MAPS,
        per_file=with_csv("per_file", "per_file"),
    log:
        f"{LOGS}/score_files.log",
    conda:
        "../../envs/core.yaml"
    threads: THREADS
    resources:
        **request(2 * SCRIPT_MB, minutes=60),
    params:
        **FILE_SCORES,
    script:
        "../../scripts/score_files.py"
