# Tables, figures and the report.


rule collect_distances:
    input:
        parts=models_with("distances.parquet"),
        # Made anew with the verdicts and refused unless all passed, so that nothing from here on rests on what an
        # ancient() input hides.
        verdicts=all_verifications(),
        checked=CHECKED,
    output:
        parquet=f"{STUDY_DIR}/tables/distances.parquet",
        csv=report(
            f"{STUDY_DIR}/tables/distances.csv",
            category="Tables",
            caption="../report/distances.rst",
        ),
    log:
        f"{LOGS}/collect_distances.log",
    conda:
        "../../envs/core.yaml"
    params:
        models=MODELS,
        code=code("collect_distances.py"),
    script:
        "../../scripts/collect_distances.py"


rule collect_files:
    input:
        manifests=rules.check_files.input.manifests,
        embeddings=[
            path.replace("MODEL", name)
            for name in STUDY.models
            for path in every_shard(
                f"{STUDY_DIR}/embeddings/MODEL/{{dataset}}/{{shard}}.parquet"
            )
        ],
        verdicts=all_verifications(),
        checked=CHECKED,
    output:
        files=report(
            f"{STUDY_DIR}/tables/files.csv",
            category="Tables",
            caption="../report/files.rst",
        ),
        datasets=report(
            f"{STUDY_DIR}/tables/datasets.csv",
            category="Tables",
            caption="../report/files.rst",
        ),
    log:
        f"{LOGS}/collect_files.log",
    conda:
        "../../envs/core.yaml"
    params:
        models=MODELS,
        policy=str(POLICY),
        # As text, and by a function: names of files may hold braces, which Snakemake would expand.
        ignored=lambda wildcards: json.dumps(ignored_files(), sort_keys=True),
        code=code_of_families("collect_files.py"),
    script:
        "../../scripts/collect_files.py"


rule write_matrix:
    input:
        distances=rules.collect_distances.output.parquet,
    output:
        matrix=report(
            f"{STUDY_DIR}/tables/{{model}}.{{metric}}.matrix.csv",
            category="Tables",
            caption="../report/matrix.rst",
        ),
    log:
        f"{LOGS}/write_matrix/{{model}}.{{metric}}.log",
    conda:
        "../../envs/core.yaml"
    params:
        model="{model}",
        metric="{metric}",
        datasets=STUDY.paired(),
        code=code("write_matrix.py"),
    script:
        "../../scripts/write_matrix.py"


rule plot_heatmap:
    input:
        matrix=rules.write_matrix.output.matrix,
        distances=rules.collect_distances.output.parquet,
    output:
        figure=report(
            f"{STUDY_DIR}/figures/{{model}}.{{metric}}.heatmap.svg",
            category="Figures",
            caption="../report/heatmap.rst",
        ),
    log:
        f"{LOGS}/plot_heatmap/{{model}}.{{metric}}.log",
    conda:
        "../../envs/core.yaml"
    params:
        model="{model}",
        metric="{metric}",
        code=code("plot_heatmap.py"),
    script:
        "../../scripts/plot_heatmap.py"


rule write_report:
    input:
        **paper_inputs("distances", "published", "correlations"),
        files=rules.collect_files.output.files if STUDY.models else [],
        datasets=rules.collect_files.output.datasets if STUDY.models else [],
        bars=f"{STUDY_DIR}/figures/correlations.svg" if CORRELATIONS else [],
        verifications=all_verifications(),
        matrices=expand(
            rules.write_matrix.output.matrix, model=STUDY.models, metric=METRICS
        ),
        heatmaps=expand(
            rules.plot_heatmap.output.figure, model=STUDY.models, metric=METRICS
        ),
        statistics=expand(
            f"{STUDY_DIR}/statistics/{{model}}/{{dataset}}.parquet",
            model=STUDY.models,
            dataset=STUDY.paired(),
        ),
    output:
        html=f"{STUDY_DIR}/report.html",
    log:
        f"{LOGS}/write_report.log",
    conda:
        "../../envs/core.yaml"
    params:
        # In the configuration's order, which decides who is the reference in `pairs: all`.
        study=lambda wildcards: json.dumps(config),
        code=code("write_report.py"),
    script:
        "../../scripts/write_report.py"
