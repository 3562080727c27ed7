"""Time this package and the original on the same recordings, in turns."""

from pathlib import Path
from typing import Any

from fad_study.script_main import run

MODELS = ["vggish", "pann-16k", "pann-32k", "encodec-24k", "encodec-48k", "clap-630k-audioset"]


def main(
    output: Path = Path("results/benchmark"),
    audio: str = "/usr/share/sonic-pi/samples",
    reference_python: str = "",
    models: list[str] = MODELS,
    repeats: int = 3,
    threads: int = 2,
    programs: bool = True,
    parts: bool = True,
    growth: bool = True,
    other: list[str] = [],  # noqa: B006 - read only
) -> None:
    """Write a table of programs, one of parts, curves of growth, and what they were measured on.

    Args:
        output: the folder to write: programs.csv and .svg, parts.csv, growth-*.csv and .svg, benchmark.md.
        audio: a folder or a glob of recordings; those of a second and more are taken.
        reference_python: interpreter of the original packages (`make reference-env`); without it, this
            package is timed alone.
        models: ids of the models.
        repeats: runs of each program; the table has their medians.
        threads: numeric threads of each program.
        programs: time the programs.
        parts: time resampling and distances too.
        growth: time ever more files, longer files, more sets and more dimensions too: about ten minutes.
        other: further packages, NAME=PYTHON:SCRIPT, where SCRIPT scores as scripts/score_repeatedly.py does.
    """
    import sys
    import tempfile

    import torch
    from benchmarks import floor, plots, tables
    from benchmarks import growth as growths
    from benchmarks.material import write_sets
    from benchmarks.packages import Package
    from benchmarks.programs import time_in_turns
    from fad_study.steps.reference import write_checkpoints

    from fad_core.models import get_model
    from fad_core.weights import locate_weights

    torch.set_num_threads(threads)
    packages = [Package("fad_core", sys.executable)]
    packages += [Package("original", reference_python)] if reference_python else []
    packages += map(Package.parse, other)
    rate = floor.matrix_rate()
    rows: list[dict[str, Any]] = []
    for model_id in models if programs else []:
        with tempfile.TemporaryDirectory() as folder:
            model = get_model(model_id)
            # Of a stereo file, the original resamples the channels for a model of stereo.
            *sets, seconds = write_sets(Path(audio), Path(folder), mono=model.channels > 1)
            checkpoints = Path(folder) / "checkpoints"
            write_checkpoints(locate_weights(model, "seeded"), checkpoints)
            timings = time_in_turns(packages, model_id, checkpoints, sets, threads, repeats)
            files = [path for one in sets for path in sorted(one.iterdir())]
            least = floor.operations(model_id, files) / rate
        rows.append(tables.program_row(model_id, len(files), seconds, least, timings))
        tables.write(rows, output / "programs.csv")
        plots.plot_programs(rows, output / "programs.svg")
    measured = tables.parts_rows(repeats) if parts else []
    tables.write(measured, output / "parts.csv")
    if growth:
        growths.write_all(packages, models, Path(audio), threads, output)
    text = tables.document(rows, measured, threads, rate)
    (output / "benchmark.md").write_text(text, encoding="utf-8")
    print(text)


run(main, globals())
