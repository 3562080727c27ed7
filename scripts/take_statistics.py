"""Take the statistics of a data set from a file."""

from pathlib import Path

from fad_study.script_main import run


def main(
    given: Path,
    exported: Path,
    model: str,
    dataset: str,
    statistics: Path,
    settings: str = "",
    assume: bool = False,
) -> None:
    """Write the statistics of a model that a file holds under the names of the study.

    Args:
        given: file of statistics (.npz, .parquet), or of embeddings of one data set (.parquet).
        exported: the .pt2 file of the model.
        model: name of the model in the study.
        dataset: name of the data set in the study.
        statistics: the table to write.
        settings: settings of the model that differ from the defaults, as in "crop=windows hop_seconds=5.0".
        assume: whether statistics of another package are taken for those of this model.
    """
    from fad_study.steps.statistics import take_statistics

    take_statistics(given, exported, model, settings, dataset, statistics, assume=assume)


run(main, globals())
