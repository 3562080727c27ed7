# One row a vector. A shard waits for the verdicts on its model and on all files, but is not
# embedded anew when only these are given anew.
#
# Where an ancient() input is about to be made anew, Snakemake (9.27) does not ask whether what waits for it
# has reasons of its own to run, such as other params. These are therefore noted in files, as inputs that
# depend on nothing; every step between here and the tables has one.


rule note_settings:
    output:
        settings=f"{STUDY_DIR}/settings/{{step}}/{{model}}.json",
    log:
        f"{LOGS}/note_settings/{{step}}/{{model}}.log",
    conda:
        "../../envs/core.yaml"
    params:
        values=settings_of,
    script:
        "../../scripts/note_settings.py"


rule embed_files:
    input:
        exported=exported,
        manifest=f"{STUDY_DIR}/manifests/{{dataset}}/{{shard}}.parquet",
        # Which file of several with the same sound is embedded, only the whole set tells.
        others=(
            shards_of(f"{STUDY_DIR}/manifests/{{dataset}}/{{shard}}.parquet")
            if POLICY.on_duplicate == "drop"
            else []
        ),
        settings=f"{STUDY_DIR}/settings/embed_files/{{model}}.json",
        verdicts=ancient(verifications),
        checked=ancient(CHECKED),
    output:
        embeddings=f"{STUDY_DIR}/embeddings/{{model}}/{{dataset}}/{{shard}}.parquet",
    log:
        f"{LOGS}/embed_files/{{model}}/{{dataset}}/{{shard}}.log",
    benchmark:
        f"{BENCHMARKS}/embed_files/{{model}}/{{dataset}}/{{shard}}.tsv"
    conda:
        "../../envs/core.yaml"
    threads: THREADS
    resources:
        mem_mb=embedding_mb,
        gpu=GPUS,
        runtime=attempts_of(240),
    params:
        path=paths_of,
        dataset="{dataset}",
        policy=str(POLICY.selecting),
        settings=model_settings,
        threads=THREADS,
        code=code("embed_files.py", model_of_entry),
    script:
        "../../scripts/embed_files.py"
