# Checkpoints: downloaded once into the cache of the original packages, or seeded, or files of the user's.


rule fetch_weights:
    output:
        record="results/models/{id}-{key}.weights.json",
    log:
        f"{LOGS}/fetch_weights/{{id}}-{{key}}.log",
    conda:
        "../../envs/core.yaml"
    params:
        **CHECKPOINT,
    script:
        "../../scripts/fetch_weights.py"
