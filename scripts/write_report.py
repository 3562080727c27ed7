"""Write a study's report, one self-contained HTML file."""

from pathlib import Path

from fad_study.script_main import run


def main(
    study: str,
    verifications: list[Path],
    matrices: list[Path],
    heatmaps: list[Path],
    statistics: list[Path],
    html: Path,
    distances: Path | None = None,
    files: Path | None = None,
    datasets: Path | None = None,
    published: Path | None = None,
    correlations: Path | None = None,
    bars: Path | None = None,
    curves: list[Path] | None = None,
    ranking: Path | None = None,
    agreement: Path | None = None,
    rankings: list[Path] | None = None,
    per_file: Path | None = None,
    extrapolation: Path | None = None,
    maps: list[Path] | None = None,
    spreads: list[Path] | None = None,
    monotonicity: list[Path] | None = None,
    near_copies: Path | None = None,
    categories: Path | None = None,
    clap_score: Path | None = None,
    places: str = "{}",
    players_mb: float = 0,
) -> None:
    """Write tables and figures as one page.

    Args:
        study: the configuration as JSON.
        verifications: tables of verification.
        matrices: matrices of distances, .../{model}.{metric}.matrix.csv.
        heatmaps: heat maps, .../{model}.{metric}.heatmap.svg.
        statistics: tables of statistics, one row each.
        html: the page to write.
        distances: the table of distances.
        files: the table of files.
        datasets: the table of counts.
        published: the table of published figures.
        correlations: the table of correlations.
        bars: the figure of correlations.
        curves: figures of distances along series of data sets, .../{metric}.curves.svg.
        ranking: the table of ranks.
        agreement: the table of rank correlations.
        rankings: figures of ranks, .../{metric}.ranking.svg.
        per_file: the table of single files.
        extrapolation: the figure of distances of parts.
        maps: maps of files, .../{model}.map.svg.
        spreads: figures of single files, .../{measure}.per_file.svg.
        monotonicity: tables of whether metrics get worse from level to level, .../{metric}.monotonicity.csv.
        near_copies: the table of near copies.
        categories: the table of systems by category.
        clap_score: the table of CLAP scores.
        places: where the audio of data sets is, by their labels, as JSON.
        players_mb: size that recordings may have in the page, in MB.
    """
    import json

    from fad_study.report import Sources, write_report

    sources = Sources(
        distances,
        files,
        datasets,
        verifications,
        matrices,
        heatmaps,
        statistics,
        published,
        correlations,
        bars,
        curves or (),
        ranking,
        agreement,
        rankings or (),
        per_file,
        extrapolation,
        maps or (),
        spreads or (),
        monotonicity or (),
        near_copies,
        categories,
        clap_score,
    )
    write_report(json.loads(study), sources, html, json.loads(places), players_mb)


run(main, globals())
