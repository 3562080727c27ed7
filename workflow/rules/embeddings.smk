# One row a vector. A shard waits for the verdicts on its model and on all files, but is not
# embedded anew when only these are given anew.


rule embed_files:
    input:
        exported=exported,
        manifest=f"{STUDY_DIR}/manifests/{{dataset}}/{{shard}}.parquet",
        verdicts=ancient(verifications),
        checked=ancient(rules.check_files.output.checked),
    output:
        embeddings=f"{STUDY_DIR}/embeddings/{{model}}/{{dataset}}/{{shard}}.parquet",
    log:
        f"{LOGS}/embed_files/{{model}}/{{dataset}}/{{shard}}.log",
    benchmark:
        f"{BENCHMARKS}/embed_files/{{model}}/{{dataset}}/{{shard}}.tsv"
    conda:
        "../../envs/core.yaml"
    threads: THREADS
    params:
        path=paths_of,
        dataset="{dataset}",
        on_short_file=STUDY.settings["on_short_file"],
        threads=THREADS,
        code=code("embed_files.py", family_of_entry),
    script:
        "../../scripts/embed_files.py"
