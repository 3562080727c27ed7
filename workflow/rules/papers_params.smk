# Inputs, params and targets of the rules of papers.smk.


def tables_of(*names):
    """Return the path of each of these tables by its name; [] for a table that the study does not have."""
    embeds = STUDY.models
    present = {
        "distances": embeds and METRICS,
        "files": embeds,
        "datasets": embeds,
        "ranking": STUDY.ranked,
        "agreement": STUDY.ranked,
        "per_file": PER_FILE,
        "near_copies": NEAR_COPIES,
        "clap_score": CAPTIONING,
        "file_values": FILE_VALUE_PARTS,
        "repeats": PAPERS.repeats,
        "categories": STUDY.systems,
        "published": PAPERS.published,
        "correlations": CORRELATIONS,
    }
    return {name: f"{STUDY_DIR}/tables/{name}.parquet" if present[name] else [] for name in names}


def written(*names):
    """Return the paths of those of these tables that the study has, as Parquet and as CSV."""
    tables = [path for path in tables_of(*names).values() if path]
    return [*tables, *(path.replace(".parquet", ".csv") for path in tables)]


# What the report is made from besides the figures and matrices of each model and metric.
REPORTED = {
    **tables_of("distances", "files", "datasets", "published", "correlations"),
    **tables_of("ranking", "agreement", "categories", "per_file", "near_copies", "clap_score"),
    "bars": f"{STUDY_DIR}/figures/correlations.svg" if CORRELATIONS else [],
    "maps": [f"{STUDY_DIR}/figures/{name}.map.svg" for name in STUDY.models if PER_FILE],
    "monotonicity": [f"{STUDY_DIR}/tables/{name}.monotonicity.csv" for name in METRICS if STUDY.series],
    "spreads": [f"{STUDY_DIR}/figures/{measure}.per_file.svg" for measure in PER_FILE],
}


METHODS = expand(f"{STUDY_DIR}/tables/{{name}}", name=["methods.md", "methods.tex", "references.bib"])


def paper_tables():
    """Return the tables that are written for papers."""
    # CLAP scores are columns of the table of distances, if there is one.
    scores = "distances" if METRICS else "clap_score"
    possible = tables_of(scores, "categories", "published", "correlations")
    names = [name for name, path in possible.items() if path]
    return expand(f"{STUDY_DIR}/tables/{{name}}.{{suffix}}", name=names, suffix=["md", "tex"])


def correlation_inputs(own):
    """Return the tables that are correlated; `own` are the distances of the study, used if no table is given."""
    if not CORRELATIONS:
        return {"distances": own, "ratings": [], "published": []}
    return {
        "distances": CORRELATIONS.distances or own,
        "ratings": CORRELATIONS.ratings,
        "published": CORRELATIONS.published or [],
    }


def correlation_params():
    """Return the options of the correlations."""
    names = ("tolerance", "resamples", "confidence")
    chosen = {name: getattr(CORRELATIONS, name) for name in names if CORRELATIONS}
    return {**chosen, "seed": STUDY.settings["seed"], "threads": THREADS}


def paper_targets():
    """Return all results of a study that are for papers."""
    return [
        *written("categories", "repeats", "published", "correlations"),
        *paper_tables(),
        *METHODS,
        *(drawn("correlations", "correlations").values() if CORRELATIONS else []),
    ]
