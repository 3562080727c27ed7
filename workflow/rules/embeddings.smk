# One row for each embedding vector. A shard waits for the verdicts on its model and for the check of all files,
# but new verdicts alone do not trigger its embedding.
#
# While an ancient() input is about to be updated, Snakemake (9.27) ignores all other reasons to run a job, such as
# changed params (https://github.com/snakemake/snakemake/issues/4166). The params of the steps from here to the
# tables are therefore written to files, which are inputs without inputs of their own.


rule note_settings:
    output:
        settings=f"{STUDY_DIR}/settings/{{step}}/{{model}}.json",
    log:
        f"{LOGS}/note_settings/{{step}}/{{model}}.log",
    conda:
        "../../envs/core.yaml"
    params:
        values=noted_settings,
    script:
        "../../scripts/note_settings.py"


rule embed_files:
    input:
        unpack(verified_model),
        unpack(checked_files),
        settings=f"{STUDY_DIR}/settings/embed_files/{{model}}.json",
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
        **request(embedding_mb, minutes=240, gpu=GPUS),
    params:
        **EMBEDDING,
    script:
        "../../scripts/embed_files.py"
