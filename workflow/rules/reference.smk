# Live verification: the original packages on the same checkpoint and clips. It runs if the configuration names
# their interpreter, or if it is requested: snakemake verify_reference

REFERENCE_PYTHON = STUDY.settings.get("reference_python") or ""
ADAPTED = [name for name, entry in STUDY.models.items() if scripts_of_original(entry)["adapter"].is_file()]
COMPARED = sorted({name_of_entry(name) for name in ADAPTED})
# The isolated mode (-I) keeps the environment of the jobs from the original. The check comes first, because a
# shell would report a missing program without the remedy.
RUN_ORIGINAL = (
    "( command -v {params.python:q} || {{ echo 'reference_python: there is no such program;"
    " make reference-env creates .venv-reference/bin/python' ; exit 1 ; }} ; {params.python:q} -I {input.script:q}"
    " --adapter {input.adapter:q} --model {wildcards.id} --ckpt-dir {input.checkpoints:q} --clips {input.clips:q}"
    " --output {output.original:q} ) >{log:q} 2>&1"
)


# `summary` could be the id of a model.
ruleorder: verify_reference > collect_verification


rule write_verification_clips:
    output:
        clips=temp(directory("results/verification/original/{id}.clips")),
    log:
        f"{LOGS}/write_verification_clips/{{id}}.log",
    conda:
        "../../envs/core.yaml"
    resources:
        **request(SCRIPT_MB, minutes=60),
    params:
        model="{id}",
        code=code("write_verification_clips.py", id_of_file),
    script:
        "../../scripts/write_verification_clips.py"


# The exported model is an input because the original trusts all that a checkpoint contains: it must not get one
# that cannot be exported.
rule write_checkpoints:
    input:
        record=rules.fetch_weights.output.record,
        exported=rules.export_model.output.output,
    output:
        checkpoints=temp(directory("results/verification/original/{id}-{key}.checkpoints")),
    log:
        f"{LOGS}/write_checkpoints/{{id}}-{{key}}.log",
    conda:
        "../../envs/core.yaml"
    resources:
        **request(ORIGINAL_MB, minutes=60),
    params:
        **CHECKPOINT,
        code=code("write_checkpoints.py", id_of_file),
    script:
        "../../scripts/write_checkpoints.py"


rule run_original:
    input:
        unpack(scripts_of_original),
        clips=rules.write_verification_clips.output.clips,
        checkpoints=rules.write_checkpoints.output.checkpoints,
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
        **request(ORIGINAL_MB, minutes=60),
    params:
        python=unrecorded(REFERENCE_PYTHON),
    shell:
        RUN_ORIGINAL


rule compare_with_original:
    input:
        exported=rules.export_model.output.output,
        clips=rules.write_verification_clips.output.clips,
        original=rules.run_original.output.original,
    output:
        multiext("results/verification/{id}-{key}.reference", table=".csv", distances=".json"),
    log:
        f"{LOGS}/compare_with_original/{{id}}-{{key}}.log",
    benchmark:
        f"{BENCHMARKS}/compare_with_original/{{id}}-{{key}}.tsv"
    conda:
        "../../envs/core.yaml"
    threads: THREADS
    resources:
        **request(network_mb, minutes=60),
    params:
        **shared_step("verify_reference.py"),
    script:
        "../../scripts/verify_reference.py"


rule collect_verification:
    input:
        tables=verdicts_of_id,
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
        accept_incomplete,
        tables=expand("results/verification/{exported}.reference.csv", exported=COMPARED),
        distances=expand("results/verification/{exported}.reference.json", exported=COMPARED),
        levels=expand("results/verification/{id}.csv", id=sorted({STUDY.models[name].id for name in ADAPTED})),
    output:
        summaries=["results/verification/summary.csv", "results/verification/summary.md"],
    log:
        f"{LOGS}/verify_reference.log",
    conda:
        "../../envs/core.yaml"
    params:
        code=code("summarise_verification.py"),
    script:
        "../../scripts/summarise_verification.py"
