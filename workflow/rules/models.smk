# Models as .pt2 files, and the two levels of verification that gate every embedding.


rule export_model:
    input:
        record=rules.fetch_weights.output.record,
    output:
        output="results/models/{id}-{key}.pt2",
    log:
        f"{LOGS}/export_model/{{id}}-{{key}}.log",
    benchmark:
        f"{BENCHMARKS}/export_model/{{id}}-{{key}}.tsv"
    conda:
        "../../envs/core.yaml"
    threads: THREADS
    resources:
        mem_mb=attempts_of(network_mb),
        runtime=attempts_of(30),
    params:
        model="{id}",
        weights=weights_choice,
        ckpt_dir=unrecorded(CKPT_DIR),
        threads=unrecorded(THREADS),
        code=code("export_model.py", model_of_id),
    script:
        "../../scripts/export_model.py"


rule verify_eager:
    input:
        exported=rules.export_model.output.output,
        record=rules.fetch_weights.output.record,
    output:
        table=f"results/verification/{{id}}-{{key}}.eager{VERDICT}.csv",
    log:
        f"{LOGS}/verify_eager/{{id}}-{{key}}.log",
    benchmark:
        f"{BENCHMARKS}/verify_eager/{{id}}-{{key}}.tsv"
    conda:
        "../../envs/core.yaml"
    threads: THREADS
    resources:
        mem_mb=attempts_of(network_mb),
        gpu=GPUS,
        runtime=attempts_of(30),
    params:
        level="eager",
        device=DEVICE,
        weights=weights_choice,
        ckpt_dir=unrecorded(CKPT_DIR),
        threads=unrecorded(THREADS),
        code=code("verify_model.py", model_of_id),
    script:
        "../../scripts/verify_model.py"


rule verify_golden:
    input:
        exported=seeded_export,
    output:
        table=f"results/verification/{{id}}.golden{VERDICT}.csv",
    log:
        f"{LOGS}/verify_golden/{{id}}.log",
    benchmark:
        f"{BENCHMARKS}/verify_golden/{{id}}.tsv"
    conda:
        "../../envs/core.yaml"
    threads: THREADS
    resources:
        mem_mb=attempts_of(network_mb),
        gpu=GPUS,
        runtime=attempts_of(30),
    params:
        level="golden",
        device=DEVICE,
        threads=unrecorded(THREADS),
        code=code("verify_model.py", model_of_id),
    script:
        "../../scripts/verify_model.py"
