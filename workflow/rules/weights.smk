# Checkpoints: downloaded once into the cache that the original packages use, or seeded, or the user's.


rule fetch_weights:
    output:
        record="results/models/{id}-{key}.weights.json",
    log:
        f"{LOGS}/fetch_weights/{{id}}-{{key}}.log",
    conda:
        "../../envs/core.yaml"
    params:
        model="{id}",
        weights=weights_choice,
        ckpt_dir=unrecorded(CKPT_DIR),
    script:
        "../../scripts/fetch_weights.py"
