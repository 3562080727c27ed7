# Models as .pt2 files, and the two levels of verification that gate embedding.


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
        **request(network_mb, minutes=30),
    params:
        **shared_step("export_model.py", **CHECKPOINT),
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
        **request(network_mb, minutes=30, gpu=GPUS),
    params:
        **shared_step("verify_model.py", **CHECKPOINT, level="eager", device=DEVICE, isa=ISA),
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
        **request(network_mb, minutes=30, gpu=GPUS),
    params:
        **shared_step("verify_model.py", level="golden", golden=golden_sha256, device=DEVICE, isa=ISA),
    script:
        "../../scripts/verify_model.py"
