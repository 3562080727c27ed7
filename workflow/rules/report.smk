# Tables, figures and the report.


rule collect_distances:
    input:
        parts=expand(rules.compute_distances.output.distances, model=COMPARING),
        verdicts=COMPARING_VERDICTS,
    output:
        parquet=f"{STUDY_DIR}/tables/distances.parquet",
        csv=report(f"{STUDY_DIR}/tables/distances.csv", category="Tables", caption="../report/distances.rst"),
    log:
        f"{LOGS}/collect_distances.log",
    conda:
        "../../envs/core.yaml"
    params:
        models=MODELS,
        code=code("collect_distances.py"),
    script:
        "../../scripts/collect_distances.py"


rule collect_near_copies:
    input:
        parts=NEAR_COPY_PARTS,
    output:
        tables=with_csv("near_copies", "near_copies"),
    log:
        f"{LOGS}/collect_near_copies.log",
    conda:
        "../../envs/core.yaml"
    params:
        schema="near_copies",
        code=code("collect_tables.py"),
    script:
        "../../scripts/collect_tables.py"


rule collect_file_values:
    input:
        parts=FILE_VALUE_PARTS,
    output:
        tables=with_csv("file_values", "file_values"),
    log:
        f"{LOGS}/collect_file_values.log",
    conda:
        "../../envs/core.yaml"
    params:
        schema="file_values",
        code=code("collect_tables.py"),
    script:
        "../../scripts/collect_tables.py"


rule rank_systems:
    input:
        distances=rules.collect_distances.output.parquet,
        parts=expand(rules.compute_distances.output.differences, model=COMPARING),
    output:
        differences=with_csv("differences", "ranking"),
        ranking=with_csv("ranking", "ranking"),
        agreement=with_csv("agreement", "ranking"),
    log:
        f"{LOGS}/rank_systems.log",
    conda:
        "../../envs/core.yaml"
    params:
        ranked=list(STUDY.ranked),
        code=code("rank_systems.py"),
    script:
        "../../scripts/rank_systems.py"


rule plot_extrapolation:
    input:
        **tables_of("datasets"),
        parts=expand(rules.compute_distances.output.extrapolation, model=COMPARING),
    output:
        **drawn("extrapolation", "extrapolation"),
        tables=with_csv("extrapolation", "extrapolation"),
    log:
        f"{LOGS}/plot_extrapolation.log",
    conda:
        "../../envs/core.yaml"
    params:
        code=code("plot_extrapolation.py"),
    script:
        "../../scripts/plot_extrapolation.py"


rule plot_ranking:
    input:
        **tables_of("ranking", "datasets"),
    output:
        **drawn_each([f"{metric}.ranking" for metric in METRICS], "ranking"),
    log:
        f"{LOGS}/plot_ranking.log",
    conda:
        "../../envs/core.yaml"
    params:
        code=code("plot_ranking.py"),
    script:
        "../../scripts/plot_ranking.py"


rule plot_per_file:
    input:
        **tables_of("per_file", "datasets"),
    output:
        **drawn("{measure}.per_file", "per_file"),
    log:
        f"{LOGS}/plot_per_file/{{measure}}.log",
    conda:
        "../../envs/core.yaml"
    params:
        code=code("plot_per_file.py"),
    script:
        "../../scripts/plot_per_file.py"


rule collect_files:
    input:
        manifests=MANIFESTS,
        embeddings=EMBEDDINGS,
        given=GIVEN,
        decisions=DECISIONS,
    output:
        files=with_csv("files"),
        datasets=with_csv("datasets"),
    log:
        f"{LOGS}/collect_files.log",
    conda:
        "../../envs/core.yaml"
    params:
        **LISTING,
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
        datasets=STUDY.paired(),
        code=code("write_matrix.py"),
    script:
        "../../scripts/write_matrix.py"


rule plot_heatmap:
    input:
        **tables_of("distances", "datasets"),
        matrix=rules.write_matrix.output.matrix,
    output:
        **drawn("{model}.{metric}.heatmap", "heatmap"),
    log:
        f"{LOGS}/plot_heatmap/{{model}}.{{metric}}.log",
    conda:
        "../../envs/core.yaml"
    params:
        code=code("plot_heatmap.py"),
    script:
        "../../scripts/plot_heatmap.py"


rule plot_curves:
    input:
        **tables_of("distances", "datasets"),
    output:
        **drawn("{metric}.curves", "curves"),
        table=reported("tables/{metric}.curves.csv", "Tables", "curves"),
        monotonicity=reported("tables/{metric}.monotonicity.csv", "Tables", "monotonicity"),
    log:
        f"{LOGS}/plot_curves/{{metric}}.log",
    conda:
        "../../envs/core.yaml"
    params:
        series=json.dumps(STUDY.series),
        code=code("plot_curves.py"),
    script:
        "../../scripts/plot_curves.py"


rule write_report:
    input:
        **REPORTED,
        verifications=[*VERDICTS, *TEXT_VERDICTS],
        matrices=expand(rules.write_matrix.output.matrix, zip, **COMPUTED),
        heatmaps=expand(rules.plot_heatmap.output.svg, zip, **COMPUTED),
        curves=expand(rules.plot_curves.output.svg, metric=METRICS if STUDY.series else []),
        extrapolation=rules.plot_extrapolation.output.svg if EXTRAPOLATED else [],
        rankings=rules.plot_ranking.output.svg if STUDY.ranked else [],
        statistics=STATISTICS,
    output:
        html=f"{STUDY_DIR}/report.html",
    log:
        f"{LOGS}/write_report.log",
    conda:
        "../../envs/core.yaml"
    params:
        **REPORT,
    script:
        "../../scripts/write_report.py"
