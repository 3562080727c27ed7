# (n, mean, factor) of a data set's embeddings, in the order of file names whatever their shards.


rule compute_statistics:
    input:
        embeddings=embeddings_of,
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
        **request(SCRIPT_MB, minutes=60),
    params:
        **NOTED["compute_statistics"],
    script:
        "../../scripts/compute_statistics.py"
