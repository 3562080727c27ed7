# The original package live, on the same checkpoint and clips: a level of verification that is asked for with
# `snakemake verify_reference`, or always run where the configuration names an interpreter for it.

REFERENCE_PYTHON = STUDY.settings.get("reference_python")
COMPARED = sorted(
    {exported_of(entry.id, entry.weights) for entry in STUDY.models.values()}
)


# `summary` could be a model's id.
ruleorder: verify_reference > collect_verification


rule write_verification_clips:
    output:
        clips=temp(directory("results/verification/original/{id}.clips")),
    log:
        f"{LOGS}/write_verification_clips/{{id}}.log",
    conda:
        "../../envs/core.yaml"
    resources:
        mem_mb=attempts_of(SCRIPT_MB),
        runtime=attempts_of(60),
    params:
        model="{id}",
        code=code("write_verification_clips.py", model_of_id),
    script:
        "../../scripts/write_verification_clips.py"


rule write_checkpoints:
    input:
        record=rules.fetch_weights.output.record,
    output:
        checkpoints=temp(
            directory("results/verification/original/{id}-{key}.checkpoints")
        ),
    log:
        f"{LOGS}/write_checkpoints/{{id}}-{{key}}.log",
    conda:
        "../../envs/core.yaml"
    resources:
        mem_mb=attempts_of(ORIGINAL_MB),
        runtime=attempts_of(60),
    params:
        model="{id}",
        weights=weights_choice,
        ckpt_dir=unrecorded(CKPT_DIR),
        code=code("write_checkpoints.py", model_of_id),
    script:
        "../../scripts/write_checkpoints.py"


# In the original's own environment, which knows nothing of this package: -I keeps out what the jobs inherit.
rule run_original:
    input:
        clips=rules.write_verification_clips.output.clips,
        checkpoints=rules.write_checkpoints.output.checkpoints,
        # The original trusts whatever a checkpoint holds: what cannot be exported does not reach it.
        exported=rules.export_model.output.output,
        script=SCRIPTS / "original_embeddings.py",
    output:
        original=temp("results/verification/original/{id}-{key}.npz"),
    log:
        f"{LOGS}/run_original/{{id}}-{{key}}.log",
    benchmark:
        f"{BENCHMARKS}/run_original/{{id}}-{{key}}.tsv"
    conda:
        "../../envs/reference.yaml"
    threads: THREADS
    resources:
        mem_mb=attempts_of(ORIGINAL_MB),
        runtime=attempts_of(60),
    params:
        python=unrecorded(REFERENCE_PYTHON or ""),
    shell:
        "( command -v {params.python:q} || {{ echo 'reference_python: is no program; make reference-env makes"
        " .venv-reference/bin/python' ; exit 1 ; }} ; {params.python:q} -I {input.script:q}"
        " --model {wildcards.id} --ckpt-dir {input.checkpoints:q} --clips {input.clips:q}"
        " --output {output.original:q} ) >{log:q} 2>&1"


rule compare_with_original:
    input:
        exported=rules.export_model.output.output,
        clips=rules.write_verification_clips.output.clips,
        original=rules.run_original.output.original,
    output:
        table="results/verification/{id}-{key}.reference.csv",
        distances="results/verification/{id}-{key}.reference.json",
    log:
        f"{LOGS}/compare_with_original/{{id}}-{{key}}.log",
    benchmark:
        f"{BENCHMARKS}/compare_with_original/{{id}}-{{key}}.tsv"
    conda:
        "../../envs/core.yaml"
    threads: THREADS
    resources:
        mem_mb=attempts_of(network_mb),
        runtime=attempts_of(60),
    params:
        threads=unrecorded(THREADS),
        code=code("verify_reference.py", model_of_id),
    script:
        "../../scripts/verify_reference.py"


rule collect_verification:
    input:
        tables=lambda wildcards: sorted(
            {
                path
                for name, entry in STUDY.models.items()
                if entry.id == wildcards.id
                for path in [
                    *verifications(Wildcards(model=name)),
                    f"results/verification/{exported_of(entry.id, entry.weights)}.reference.csv",
                ]
            }
        ),
    output:
        table="results/verification/{id}.csv",
    log:
        f"{LOGS}/collect_verification/{{id}}.log",
    conda:
        "../../envs/core.yaml"
    params:
        code=code("collect_verification.py"),
    script:
        "../../scripts/collect_verification.py"


rule verify_reference:
    input:
        tables=expand(
            "results/verification/{exported}.reference.csv", exported=COMPARED
        ),
        distances=expand(
            "results/verification/{exported}.reference.json", exported=COMPARED
        ),
        levels=expand(
            rules.collect_verification.output.table,
            id=sorted({entry.id for entry in STUDY.models.values()}),
        ),
    output:
        summaries=[
            "results/verification/summary.csv",
            "results/verification/summary.md",
        ],
    log:
        f"{LOGS}/verify_reference.log",
    conda:
        "../../envs/core.yaml"
    params:
        code=code("summarise_verification.py"),
    script:
        "../../scripts/summarise_verification.py"
