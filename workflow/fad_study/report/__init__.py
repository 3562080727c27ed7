"""The report of a study: one HTML page that needs no network and no other file.

The same tables, figures and packages give the same bytes: the page holds no times, and no paths except those
of the study's configuration.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import yaml
from markupsafe import Markup

from fad_core.metrics import get_metric
from fad_core.metrics.per_file import MEASURES
from fad_core.tables import CLAP_SCORE, DISTANCES, NEAR_COPIES, PER_FILE, STATISTICS, VERIFICATION
from fad_core.util.atomic import write_text
from fad_core.util.formatting import (
    Footnotes,
    aligned,
    counted,
    duration,
    one_line,
    significant,
    weights_text,
)
from fad_study.categories import category_tables
from fad_study.correlations import POOLS
from fad_study.monotonicity import monotonicity_columns
from fad_study.papers.tables import verdict_sentence
from fad_study.provenance import provenance
from fad_study.ranking import UNRANKED
from fad_study.report.answer import agreements, headlines, rank_overviews, ranking_tables, warnings
from fad_study.report.details import LEVELS, datasets_shown, files_apart, totals_of, verification_lines
from fad_study.report.matrix import Row
from fad_study.report.players import Places, Players, add_players, near_copies_played
from fad_study.report.sources import Results, Sources, read_results
from fad_study.report.svg import PageFigures
from fad_study.schemas.categories import CATEGORIES, MEAN
from fad_study.schemas.files import DATASETS, FILES
from fad_study.schemas.papers import CORRELATIONS, PUBLISHED
from fad_study.schemas.ranking import AGREEMENT, RANKING
from fad_study.versions import versions

__all__ = ["Sources", "write_report"]

_PAIRS_LISTED = 5000
"""Pairs that are listed, by all models and metrics together, and at most a tenth of these by each."""
_MATRIX_CELLS = 40_000
"""Cells of all matrices; if these have more, large matrices are left out."""
_FIGURE_BYTES = 4_000_000
"""Size of all figures; those that would exceed it are left out."""
_SCHEMAS = (
    *(VERIFICATION, STATISTICS, FILES, CORRELATIONS, PUBLISHED, DATASETS, PER_FILE, RANKING, AGREEMENT),
    *(CATEGORIES, NEAR_COPIES, CLAP_SCORE, DISTANCES),
)


def write_report(
    study: Mapping[str, Any],
    sources: Sources,
    html: Path | str,
    places: Places | None = None,
    players_mb: float = 0,
) -> None:
    """Write the report of a study.

    Args:
        study: its configuration.
        sources: the tables and figures to show.
        html: the page to write.
        places: where the audio of data sets is, by their labels.
        players_mb: size that recordings may have in the page, in MB.

    Raises:
        FadError: a table or figure is missing, or does not belong to the study.
    """
    results = read_results(study, sources)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda value: "–" if value is None else value,
    )
    environment.filters |= {
        "number": significant,
        "duration": duration,
        "line": one_line,
        "counted": counted,
        "weights": weights_text,
    }
    figures = PageFigures(_FIGURE_BYTES)
    players = Players(results.files, places or {}, players_mb)
    script = (Path(__file__).parent / "page.js").read_text(encoding="utf-8")
    page = environment.get_template("template.html").render(
        study=study["study"],
        subject=_subject(results),
        script=Markup(script),
        script_hash="sha256-" + b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        sections=_sections(results),
        models=results.models,
        seeded=[model.name for model in results.models if model.weights == "seeded"],
        pairs=len({(row["reference"], row["evaluation"]) for row in results.distances}),
        sets=list(dict.fromkeys(row["dataset"] for row in results.datasets)),
        totals={model.name: totals_of(results, model) for model in results.models},
        headlines=headlines(results.ranking),
        unranked=UNRANKED,
        warnings=warnings(results.distances),
        overviews=list(rank_overviews(results.ranking)),
        ranking_tables=list(ranking_tables(results.ranking)),
        corrected_metrics={row["metric"] for row in results.ranking if row["corrected"] is not None},
        agreement=list(agreements(results.agreement)),
        categories=list(category_tables(results.categories)),
        mean=MEAN,
        rankings=figures.by_metric(results.rankings, "r", "systems in the order of {}"),
        curves=figures.by_metric(results.curves, "s", "curves of {} along each series"),
        monotonicity=monotonicity_columns(results.monotonicity),
        extrapolation=[
            figures.take(figure, "x", "distances of parts over one divided by their sizes")
            for figure in (results.extrapolation,)
            if figure
        ],
        correlations=_correlations(results, figures),
        comparisons=[
            _comparison(results, figures, *key, index) for index, key in enumerate(results.matrices)
        ],
        spreads=[
            (measure, figures.take(figure, f"p{k}", f"{measure} of the files of each set"))
            for k, (measure, figure) in enumerate(results.spreads.items())
        ],
        maps=[
            (model, figures.take(figure, f"m{k}", f"map of files by {model}"))
            for k, (model, figure) in enumerate(results.maps.items())
        ],
        clap_score=results.clap_score,
        clap_notes=Footnotes.of(row["note"] for row in results.clap_score),
        near_copies=results.near_copies,
        copies=near_copies_played(results.near_copies or (), players),
        ends=add_players(results.per_file, players),
        end_measures=[m for m in MEASURES if any(row[m] is not None for row in results.per_file)],
        datasets=datasets_shown(results),
        published=results.published,
        agreeing=_agreeing(results.published),
        verification=[line for model in results.models for line in verification_lines(results, model)],
        levels=LEVELS,
        hints={
            column.name: f"{column.description}{f' Unit: {column.unit}.' if column.unit else ''}"
            for schema in _SCHEMAS
            for column in schema.columns
        },
        config=yaml.safe_dump(json.loads(json.dumps(study)), sort_keys=False, allow_unicode=True, width=100),
        versions=versions(),
        provenance=provenance(),
        **files_apart(results),
    )
    write_text(html, page)


def _subject(results: Results) -> str:
    """Return what the page is about: the title of the study's first metric, if its models have any."""
    if results.distances:
        return get_metric(results.distances[0]["metric"]).title
    return "CLAP score" if results.clap_score else "Fréchet Audio Distance"


def _agreeing(published: Sequence[Row]) -> str:
    """Return a sentence on how many published figures agree; "" if there are none that are comparable."""
    if not published or published[0]["verdict"] == "not comparable":
        return verdict_sentence(published)
    return f"{verdict_sentence(published).rstrip('.')} within {100 * published[0]['tolerance']:g} %."


def _sections(results: Results) -> list[tuple[str, str]]:
    """Return the anchors and titles of the sections that the page has."""
    embeds = bool(results.models)
    sections = {
        ("categories", "By category"): results.categories,
        ("ranking", "Ranking"): results.ranking,
        ("curves", "Curves"): results.curves or results.extrapolation,
        ("published", "Published figures"): results.published,
        ("correlations", "Correlations"): results.bars,
        ("clap", "CLAP score"): results.clap_score,
        ("copies", "Near copies"): results.near_copies is not None,
        ("ends", "Nearest and farthest files"): results.per_file,
        ("distances", "Distances"): results.distances,
        ("datasets", "Data sets"): embeds,
        ("files", "Files"): embeds,
        ("verification", "Verification"): embeds,
        ("reading", "How to read this"): embeds,
        ("reproduction", "Reproduction"): True,
    }
    return [place for place, there in sections.items() if there]


def _comparison(
    results: Results, figures: PageFigures, model: str, metric: str, index: int
) -> dict[str, Any]:
    """Return the template's variables on one model's distances by one metric.

    Args:
        results: all results.
        figures: those of the page.
        model: name of the model.
        metric: name of the metric.
        index: of this comparison among all, for ids that are unique in the page.
    """
    rows = [row for row in results.distances if (row["model"], row["metric"]) == (model, metric)]
    chosen = get_metric(metric)
    valued = [row for row in rows if row["value"] is not None]
    number = len(results.matrices)
    shown = rows[: max(20, min(_PAIRS_LISTED // 10, _PAIRS_LISTED // number))]
    matrix = results.matrices[model, metric]
    ordered = sorted(valued, key=lambda row: float(row["value"]))
    return {
        "model": model,
        "metric": metric,
        "title": chosen.title,
        "label": chosen.label,
        "higher_is_better": chosen.higher_is_better,
        "weights": rows[0]["weights"],
        "rows": shown,
        "count": len(rows),
        "values": aligned([row["value"] for row in shown], 6),
        "intervals": any(row["ci_low"] is not None for row in rows),
        "corrected": any(row["corrected"] is not None for row in rows),
        "notes": Footnotes.of(row["note"] for row in shown),
        "nearest": ordered[0] if ordered else None,
        "farthest": ordered[-1] if ordered else None,
        "matrix": matrix,
        "show_matrix": len(matrix.references) * len(matrix.evaluations) * number <= _MATRIX_CELLS,
        "figure": figures.take(
            results.heatmaps[model, metric], f"f{index}", f"heat map of {metric} by {model}"
        ),
    }


def _correlations(results: Results, figures: PageFigures) -> dict[str, Any] | None:
    """Return the template's variables on correlations: Pearson's, over all categories."""
    if results.bars is None:
        return None
    return {
        "rows": [
            row for row in results.correlations if row["statistic"] == "pearson" and row["category"] in POOLS
        ],
        "verdicts": verdict_sentence(results.correlations),
        "figure": figures.take(results.bars, "c", "bars of the correlations of distances with ratings"),
    }
