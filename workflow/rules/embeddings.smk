# One row for each embedding vector, one job for each batch and model. A job takes what it finds in the cache, so
# running it again costs little.


rule embed_files:
    input:
        unpack(embedding_model),
        manifest=rules.scan_files.output.manifest,
        decisions=DECISIONS,
    output:
        embeddings=f"{STUDY_DIR}/embeddings/{{model}}/{{batch}}.parquet",
    log:
        f"{LOGS}/embed_files/{{model}}/{{batch}}.log",
    benchmark:
        f"{BENCHMARKS}/embed_files/{{model}}/{{batch}}.tsv"
    conda:
        "../../envs/core.yaml"
    threads: THREADS
    resources:
        **request(embedding_mb, minutes=240, gpu=GPUS),
    params:
        **EMBEDDING,
    script:
        "../../scripts/embed_files.py"
