# (n, mean, factor) of the embeddings of every data set, in the order of file names; one job for each model.


rule compute_statistics:
    input:
        embeddings=embeddings_of,
    output:
        statistics=statistics_by("{model}"),
    log:
        f"{LOGS}/compute_statistics/{{model}}.log",
    benchmark:
        f"{BENCHMARKS}/compute_statistics/{{model}}.tsv"
    conda:
        "../../envs/core.yaml"
    threads: THREADS
    resources:
        **request(SCRIPT_MB, minutes=60),
    params:
        **STATISTICS_PARAMS,
    script:
        "../../scripts/compute_statistics.py"
