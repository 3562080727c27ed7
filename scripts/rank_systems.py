"""Rank the systems that are compared with one reference."""

from pathlib import Path

from fad_study.script_main import run


def main(
    distances: Path,
    parts: list[Path],
    ranked: list[str],
    differences: list[Path],
    ranking: list[Path],
    agreement: list[Path],
) -> None:
    """Write the tables of ranks, of differences of systems, and of the agreement of models and metrics.

    Args:
        distances: table of distances of all models.
        parts: tables of differences, one for each model.
        ranked: references whose systems are ranked.
        differences: tables of all differences to write, .parquet and .csv.
        ranking: tables of ranks to write, .parquet and .csv.
        agreement: tables of rank correlations to write, .parquet and .csv.
    """
    from fad_study.steps.ranking import rank_systems

    rank_systems(distances, parts, ranked, differences, ranking, agreement)


run(main, globals())
