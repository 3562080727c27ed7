# (n, mean, factor) of the embeddings of every data set, in the order of file names; one job for each model.


rule compute_statistics:
    input:
        embeddings=embeddings_of,
    output:
        statistics=statistics_by("{model}", STUDY.embedded()),
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


# References that other packages publish.
rule fetch_reference:
    output:
        output="results/references/{reference}.npz",
    log:
        f"{LOGS}/fetch_reference/{{reference}}.log",
    conda:
        "../../envs/core.yaml"
    params:
        code=code("fetch_reference.py"),
    script:
        "../../scripts/fetch_reference.py"


# Data sets that are given as files of statistics.
rule take_statistics:
    input:
        unpack(given_statistics),
    output:
        statistics=f"{STUDY_DIR}/statistics/{{model}}/{{dataset}}.parquet",
    log:
        f"{LOGS}/take_statistics/{{model}}/{{dataset}}.log",
    wildcard_constraints:
        dataset=one_of(STUDY.given()),
    conda:
        "../../envs/core.yaml"
    params:
        settings=model_settings,
        assume=assumed,
        content=given_content,
        code=code("take_statistics.py"),
    script:
        "../../scripts/take_statistics.py"
