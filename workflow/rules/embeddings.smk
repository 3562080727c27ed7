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
    params:
        path=paths_of,
        dataset="{dataset}",
        on_short_file=STUDY.settings["on_short_file"],
        threads=THREADS,
        code=code("embed_files.py", family_of_entry),
    log:
        f"{LOGS}/embed_files/{{model}}/{{dataset}}/{{shard}}.log",
    benchmark:
        f"{BENCHMARKS}/embed_files/{{model}}/{{dataset}}/{{shard}}.tsv"
    threads: THREADS
    script:
        "../../scripts/embed_files.py"
