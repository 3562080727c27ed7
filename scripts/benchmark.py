"""Time this package and the original on the same recordings, in turns."""

from pathlib import Path
from typing import Any

from fad_study.script_main import run

MODELS = ["vggish", "pann-16k", "pann-32k", "encodec-24k", "encodec-48k", "clap-630k-audioset"]
# Models whose originals compute no score.
NETWORKS = ["pann-wavegram-logmel", "passt", "msclap-2023", "cdpam-acoustic"]


def main(
    output: Path = Path("results/benchmark"),
    audio: str = "/usr/share/sonic-pi/samples",
    reference_python: str = "",
    models: list[str] = MODELS,
    networks: list[str] = NETWORKS,
    repeats: int = 3,
    threads: int = 2,
    programs: bool = True,
    parts: bool = True,
    growth: bool = True,
    studies: bool = True,
    metrics: bool = True,
    metric_packages: str = "",
    before: str = "",
    other: list[str] = [],  # noqa: B006 - read only
) -> None:
    """Write tables of programs and of single operations, curves by size, and a description of the machine.

    Args:
        output: the folder to write: programs.csv and .svg, networks.csv, parts.csv, metrics.csv,
            growth-*.csv and .svg, studies.csv, benchmark.md.
        audio: a folder or a glob of recordings, of which those of at least one second are used.
        reference_python: interpreter of the original packages (`make reference-env`); without it, only this
            package is timed.
        models: ids of the models that are timed from two folders to a distance.
        networks: ids of the models that are timed from a file to its embeddings, on up to 13 recordings.
        repeats: number of runs of each program; the table shows their medians.
        threads: number of numeric threads of each program.
        programs: whether to time the programs.
        parts: whether to time resampling and distances.
        growth: whether to measure curves by files, length, sets and dimension, which takes about ten minutes.
        studies: whether to time a study of 50 sets of 20 clips by two models, and the demo and the real
            recordings as far as their audio is there: about ten minutes.
        metrics: whether to time metrics of arrays, with their intervals.
        metric_packages: a folder with fadtk and kadtk, whose functions are timed beside these.
        before: folder of another checkout, which is timed on the first of these studies, too.
        other: further packages, NAME=PYTHON:SCRIPT, where SCRIPT scores as scripts/score_repeatedly.py does.
    """
    import sys
    import tempfile

    import torch
    from benchmarks import growth as curves
    from benchmarks import metrics as arrays
    from benchmarks import plots, roofline, tables
    from benchmarks.material import write_sets
    from benchmarks.networks import network_rows
    from benchmarks.packages import Package
    from benchmarks.programs import time_in_turns
    from benchmarks.studies import time_studies, time_study
    from fad_study.config import read_yaml
    from fad_study.steps.reference import write_checkpoints

    from fad_core.models import get_model
    from fad_core.weights import locate_weights

    torch.set_num_threads(threads)
    packages = [Package("fad_core", sys.executable)]
    packages += [Package("original", reference_python)] if reference_python else []
    packages += map(Package.parse, other)
    rate = roofline.matrix_rate()
    rows: list[dict[str, Any]] = []
    for model_id in models if programs else []:
        with tempfile.TemporaryDirectory() as folder:
            model = get_model(model_id)
            # For stereo models, the original resamples stereo files along the channels: mono ones compare.
            *sets, seconds = write_sets(Path(audio), Path(folder), mono=model.channels > 1)
            checkpoints = Path(folder) / "checkpoints"
            write_checkpoints(locate_weights(model, "seeded"), checkpoints)
            timings = time_in_turns(packages, model_id, checkpoints, sets, threads, repeats)
            files = [path for one in sets for path in sorted(one.iterdir())]
            least = roofline.count_flops(model_id, files) / rate
        rows.append(tables.program_row(model_id, len(files), seconds, least, timings))
        tables.write(rows, output / "programs.csv")
        plots.plot_programs(rows, output / "programs.svg")
    timed_networks: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        halves = write_sets(Path(audio), Path(folder), mono=True)[:2] if networks else ()
        files = sorted(path for half in halves for path in half.iterdir())[:13]
        for row in network_rows(networks, files, reference_python, threads, repeats):
            timed_networks.append(row)
            tables.write(timed_networks, output / "networks.csv")
    measured = tables.parts_rows(repeats) if parts else []
    tables.write(measured, output / "parts.csv")
    timed_metrics: list[dict[str, Any]] = []
    sys.path += [metric_packages] if metric_packages else []
    for row in arrays.rows(bool(metric_packages)) if metrics else []:
        timed_metrics.append(row)
        tables.write(timed_metrics, output / "metrics.csv")
    if growth:
        curves.write_all(packages, models, Path(audio), threads, output)
    if studies:
        root = Path(__file__).parents[1]
        checkouts = {"here": root} | ({"before": Path(before)} if before else {})
        with tempfile.TemporaryDirectory() as folder:
            timed = [*time_studies(checkouts, ["vggish", "encodec-24k"], 50, 20, threads, Path(folder))]
            for name in ("demo", "real_recordings"):
                study = read_yaml(root / f"workflow/studies/{name}.yaml")
                study["audio_root"] = str(root / study["audio_root"])  # an absolute path stays
                if Path(study["audio_root"]).is_dir():
                    timed += time_study(study, {"here": root}, threads, Path(folder))
            tables.write(timed, output / "studies.csv")
    text = tables.document(rows, measured, threads, rate, timed_metrics)
    (output / "benchmark.md").write_text(text, encoding="utf-8")
    print(text)


run(main, globals())
