# What the rules of papers.smk share: inputs and targets of the tables for papers.


def paper_inputs(*names):
    """Which of the tables distances, repeats, published and correlations this study has, by name; [] for none."""
    there = {
        "distances": STUDY.models,
        "repeats": PAPERS.repeats,
        "published": PAPERS.published,
        "correlations": CORRELATIONS,
    }
    return {
        name: f"{STUDY_DIR}/tables/{name}.parquet" if there[name] else []
        for name in names
    }


def paper_tables():
    """The tables that are written for papers."""
    there = paper_inputs("distances", "published", "correlations")
    return expand(
        f"{STUDY_DIR}/tables/{{name}}.{{suffix}}",
        name=[name for name, path in there.items() if path],
        suffix=["md", "tex"],
    )


def correlation_inputs(own):
    """The tables that are correlated; the distances are the study's `own` where it gives none."""
    if not CORRELATIONS:
        return {"distances": own, "ratings": [], "published": []}
    return {
        "distances": CORRELATIONS.distances or own,
        "ratings": CORRELATIONS.ratings,
        "published": CORRELATIONS.published or [],
    }


def correlation_params():
    """How correlations are made."""
    names = ("tolerance", "resamples", "confidence")
    chosen = {name: getattr(CORRELATIONS, name) for name in names if CORRELATIONS}
    return {**chosen, "seed": STUDY.settings["seed"], "threads": THREADS}


def paper_targets():
    """All of a study's results that are for papers."""
    made = paper_inputs("repeats", "published", "correlations")
    tables = [path for path in made.values() if path]
    return [
        *tables,
        *(path.replace(".parquet", ".csv") for path in tables),
        *paper_tables(),
        *expand(f"{STUDY_DIR}/tables/methods.{{suffix}}", suffix=["md", "tex"]),
        *([f"{STUDY_DIR}/figures/correlations.svg"] if CORRELATIONS else []),
    ]
