# Results for papers: spreads over draws, comparisons with published figures, correlations with ratings, and tables
# and text to paste. The study determines which of them there are.


rule summarise_repeats:
    input:
        distances=rules.collect_distances.output.parquet,
    output:
        parquet=f"{STUDY_DIR}/tables/repeats.parquet",
        csv=report(f"{STUDY_DIR}/tables/repeats.csv", category="Tables", caption="../report/repeats.rst"),
    log:
        f"{LOGS}/summarise_repeats.log",
    conda:
        "../../envs/core.yaml"
    params:
        repeats=json.dumps(PAPERS.repeats),
        code=code("summarise_repeats.py"),
    script:
        "../../scripts/summarise_repeats.py"


rule compare_published:
    input:
        **tables_of("repeats"),
        figures=PAPERS.published.tables if PAPERS.published else [],
        distances=rules.collect_distances.output.parquet,
    output:
        parquet=f"{STUDY_DIR}/tables/published.parquet",
        csv=report(f"{STUDY_DIR}/tables/published.csv", category="Tables", caption="../report/published.rst"),
    log:
        f"{LOGS}/compare_published.log",
    conda:
        "../../envs/core.yaml"
    params:
        tolerance=PAPERS.published.tolerance if PAPERS.published else None,
        code=code("compare_published.py"),
    script:
        "../../scripts/compare_published.py"


rule summarise_categories:
    input:
        distances=rules.collect_distances.output.parquet,
    output:
        parquet=f"{STUDY_DIR}/tables/categories.parquet",
        csv=reported("tables/categories.csv", "Tables", "categories"),
    log:
        f"{LOGS}/summarise_categories.log",
    conda:
        "../../envs/core.yaml"
    params:
        places=places_of_systems,
        code=code("summarise_categories.py"),
    script:
        "../../scripts/summarise_categories.py"


rule correlate:
    input:
        **correlation_inputs(rules.summarise_categories.output.parquet),
    output:
        parquet=f"{STUDY_DIR}/tables/correlations.parquet",
        csv=report(
            f"{STUDY_DIR}/tables/correlations.csv", category="Tables", caption="../report/correlations.rst"
        ),
    log:
        f"{LOGS}/correlate.log",
    conda:
        "../../envs/core.yaml"
    threads: THREADS
    params:
        **correlation_params(),
        code=code("correlate.py"),
    script:
        "../../scripts/correlate.py"


rule plot_correlations:
    input:
        correlations=rules.correlate.output.parquet,
    output:
        **drawn("correlations", "correlations"),
    log:
        f"{LOGS}/plot_correlations.log",
    conda:
        "../../envs/core.yaml"
    params:
        code=code("plot_correlations.py"),
    script:
        "../../scripts/plot_correlations.py"


rule write_paper_tables:
    input:
        **tables_of("distances", "datasets", "ranking", "repeats"),
        **tables_of("categories", "published", "correlations", "clap_score"),
    output:
        outputs=paper_tables(),
    log:
        f"{LOGS}/write_paper_tables.log",
    conda:
        "../../envs/core.yaml"
    params:
        study=STUDY.name,
        groups=json.dumps(PAPERS.repeats),
        pairs=DISTANCES["pairs"] if "reference" in config else [],
        confidence=CORRELATIONS.confidence if CORRELATIONS else 0.95,
        code=code("write_paper_tables.py"),
    script:
        "../../scripts/write_paper_tables.py"


rule write_methods:
    input:
        **tables_of("distances", "datasets", "ranking", "correlations", "clap_score"),
    output:
        outputs=METHODS,
    log:
        f"{LOGS}/write_methods.log",
    conda:
        "../../envs/core.yaml"
    params:
        models=MODELS,
        choice=json.dumps(asdict(CORRELATIONS) if CORRELATIONS else None),
        seed=STUDY.settings["seed"],
        code=code_of_models("write_methods.py"),
    script:
        "../../scripts/write_methods.py"
