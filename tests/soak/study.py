"""Damage what a finished study holds, step by step, and kill studies: results are the same, or it is refused.

    python tests/soak/run.py --seconds 3600 study

A study of two sets by two models and two metrics is run once by Snakemake. A trial damages one of its files,
or replaces it by that of another batch, data set or model, and runs a step that reads it. The step raises a
`FadError`, or writes the same bytes as before. In turns with these, studies are killed (`study_kills`).

The records of weights (`.weights.json`) are left out: no step reads them.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
sys.path.insert(0, str(Path(__file__).parents[1] / "workflow"))

from conftest import write_clip
from fad_study.batches import read_batches, share_batches, shared_batches
from fad_study.shards import batch_token, seen_path
from snakemake_runs import WorkingFolder, copy_code
from study_kills import killed_studies
from tables import mutate, watched
from third_party import install_metric, install_small_model

from fad_core import models
from fad_core.datasets import Dataset
from fad_core.errors import FadError

SECONDS = 30
"""Of processor time that a step may take."""
HEAD_START = 20
"""Seconds of damage before the first kill: a short run has no time for many."""
METRICS = ("fad", "mean_shift")
SETS = {"a": {"path": "audio/a", "shards": 2}, "b": {"path": "audio/b"}}
POLICY = {"on_bad_file": "skip", "on_short_file": "pad"}

_KINDS = {
    "*.pt2": "exported model",
    "*.eager.csv": "verdicts, eager",
    "*.golden.csv": "verdicts, golden",
    "*/fad_batches/*": "batches",
    "*.seen.json": "record of a scan",
    "*/manifests/*": "manifest",
    "*/decisions.parquet": "decisions",
    "*.pack": "pack of the cache",
    "*/embeddings/*": "embeddings",
    "*/statistics/*": "statistics",
    "*/parts/*": "distances of a model",
    "*/tables/distances.parquet": "distances",
    "*/files.*": "files",
    "*/datasets.*": "counts of files",
    "*.matrix.csv": "matrix",
    "*.svg": "heat map",
}
_SHOWN = {"verdicts, eager", "verdicts, golden", "heat map"}
"""Files without checksums, of which the report shows what they hold."""


@dataclass(frozen=True)
class Step:
    """A step of the pipeline.

    Attributes:
        reads: paths of its inputs.
        run: runs it, with its outputs in a folder.
        weight: how often it is tried, relative to the others.
    """

    reads: Sequence[Path]
    run: Callable[[Path], object]
    weight: float = 1.0


def make_study(folder: Path) -> WorkingFolder:
    """Run a small study: a bad file, one that is padded, two models, and a metric of vectors beside FAD."""
    import torch

    torch.set_num_threads(1)
    site = install_metric(install_small_model(folder / "site"))
    place = WorkingFolder(folder / "work", copy_code(folder / "code"), (site,))
    write_audio(place.root)
    _know(site)
    from small_model import MODELS

    from fad_core.weights import load_state, locate_weights

    state = load_state(locate_weights(MODELS[0], "seeded"))
    torch.save({name: 2 * tensor for name, tensor in state.items()}, place.root / "other.pth")
    models = [{"id": "small", "weights": "seeded"}, {"name": "other", "id": "small", "weights": "other.pth"}]
    place.write_study(datasets=SETS, models=models, metrics=list(METRICS), **POLICY)
    place.complete()
    return place


def write_audio(root: Path) -> None:
    """Write sets a, b and c; c has files of both others."""
    for number in range(4):
        write_clip(root / f"audio/a/{number}.wav", number, seconds=2.2)
    for number in range(3):
        write_clip(root / f"audio/b/{number}.flac", 10 + number, seconds=3.0)
    write_clip(root / "audio/b/short.wav", 20, seconds=0.5)
    (root / "audio/b/bad.wav").write_bytes(b"RIFF")
    (root / "audio/c").mkdir()
    for name in ("a/1.wav", "a/2.wav", "b/2.flac"):
        shutil.copy(root / "audio" / name, root / "audio/c")
    write_clip(root / "audio/c/own.wav", 30, seconds=2.0)


def _know(site: Path) -> None:
    """Let this process know the model and the metric of a folder of packages."""
    sys.path.insert(0, str(site))
    importlib.invalidate_caches()
    for name in [name for name in sys.modules if name.startswith("small_model")]:
        del sys.modules[name]  # that of the tests has no golden embeddings
    models._installed.cache_clear()


def steps(place: WorkingFolder) -> dict[str, Step]:
    """The steps of the study by their names; they run in its folder."""
    study, verification = Path("results/study"), Path("results/verification")
    (shared,) = Path(".snakemake/fad_batches").glob("*.json")
    batches = read_batches(shared)
    exported = {"small": Path(place.exported)}
    (exported["other"],) = set(Path("results/models").glob("*.pt2")) - {exported["small"]}
    weights = {"small": "seeded", "other": "other.pth"}
    use = [f"{model}=small" for model in exported]
    golden = verification / "small.golden.csv"
    verdicts = {name: [verification / f"{path.stem}.eager.csv", golden] for name, path in exported.items()}
    all_verdicts = sorted(set(chain(*verdicts.values())))
    manifests = {batch: study / f"manifests/{batch}.parquet" for batch in batches}
    scanned = list(manifests.values())
    decisions = study / "decisions.parquet"
    packs: dict[str, list[Path]] = {}
    for context in Path("results/cache").rglob("context.json"):
        model = "other" if "other.pth" in context.read_text(encoding="utf-8") else "small"
        packs[model] = sorted(context.parent.glob("*.pack"))
    embeddings = {m: [study / f"embeddings/{m}/{batch}.parquet" for batch in batches] for m in exported}
    all_embeddings = list(chain(*embeddings.values()))
    statistics = {m: [study / f"statistics/{m}/{name}.parquet" for name in SETS] for m in exported}
    all_statistics = list(chain(*statistics.values()))
    parts = [study / f"tables/parts/{model}.distances.parquet" for model in exported]
    differences = [study / f"tables/parts/{model}.differences.parquet" for model in exported]
    distances = study / "tables/distances.parquet"
    files, counts = study / "tables/files.parquet", study / "tables/datasets.parquet"
    keys = [(model, metric) for model in exported for metric in METRICS]
    matrices = [study / f"tables/{model}.{metric}.matrix.csv" for model, metric in keys]
    figures = [study / f"figures/{model}.{metric}.heatmap.svg" for model, metric in keys]
    config = json.dumps(yaml.safe_load((place.root / "study.yaml").read_text()))
    found = {"batches": Step([shared], partial(_read_batches, batches), 0.5)}

    def step(
        name: str, reads: Sequence[Path], weight: float = 1.0, *, script: str = "", **given: Any
    ) -> None:
        found[name] = Step(reads, partial(_run_script, script or name, given), weight)

    for batch, manifest in manifests.items():
        shards = [
            {"dataset": name, "path": [SETS[name]["path"]], "shards": SETS[name].get("shards", 1), "shard": n}
            for name, n in batches[batch]
        ]
        scan = partial(_scan, json.dumps(shards), batches[batch], manifest)
        found[f"scan {batch}"] = Step([seen_path(manifest)], scan, 0.3)
        for model, path in exported.items():
            needed = {"exported": path, "manifest": manifest, "decisions": decisions}
            reads = [*needed.values(), *verdicts[model]]
            given = {**needed, "model": model, "shards": json.dumps(shards), "verdicts": verdicts[model]}
            step(
                f"embed {batch} by {model}",
                reads,
                0.1,
                script="embed_files",
                embeddings="out.parquet",
                **given,
            )
            step(
                f"embed {batch} by {model}, cached", packs[model], 0.1,
                script="embed_files", embeddings="out.parquet", cache="cache", **given,
            )  # fmt: skip
    for model, path in exported.items():
        step(
            f"statistics by {model}", embeddings[model], 1, script="compute_statistics",
            embeddings=embeddings[model], datasets=list(SETS), model=model,
            statistics=["a.parquet", "b.parquet"],
        )  # fmt: skip
        step(
            f"distances by {model}", [*statistics[model], *embeddings[model]], 2, script="compute_distances",
            statistics=statistics[model], model=model, pairs=["a:b"], metrics=list(METRICS),
            distances="d.parquet", differences="e.parquet", ranked=["a"], embeddings=embeddings[model],
        )  # fmt: skip
        for level in ("eager", "golden")[: 1 + (model == "small")]:
            step(
                f"verify {model}, {level}", [path], 0.03, script="verify_model", exported=path, level=level,
                table="v.csv", weights=weights[model],
            )  # fmt: skip
    for (model, metric), matrix in zip(keys, matrices, strict=True):
        named = {"model": model, "metric": metric, "distances": distances}
        step(
            f"matrix of {model} by {metric}", [distances], 0.3, script="write_matrix", **named,
            datasets=list(SETS), matrix="m.csv",
        )  # fmt: skip
        step(
            f"heat map of {model} by {metric}", [distances, matrix, counts], 0.02, script="plot_heatmap",
            **named, datasets=counts, matrix=matrix, svg="f.svg", png="f.png",
        )  # fmt: skip
    step(
        "check_files", scanned, manifests=scanned, datasets=list(SETS), models=use, decisions="d.parquet",
        policy=" ".join(f"{name}={value}" for name, value in POLICY.items()),
    )  # fmt: skip
    step(
        "collect_distances", [*parts, *all_verdicts], parts=parts, verdicts=all_verdicts, models=use,
        parquet="d.parquet", csv="d.csv",
    )  # fmt: skip
    step(
        "rank_systems", [distances, *differences], distances=distances, parts=differences, ranked=["a"],
        differences=["d.csv"], ranking=["r.csv"], agreement=["a.csv"],
    )  # fmt: skip
    step(
        "score_files", [*all_statistics, *all_embeddings], statistics=all_statistics, models=list(exported),
        embeddings=all_embeddings, pairs=["a:b"], measures=["nearest"], per_file=["f.parquet"],
    )  # fmt: skip
    step(
        "collect_files", [*scanned, *all_embeddings, decisions], manifests=scanned, embeddings=all_embeddings,
        decisions=decisions, names=list(SETS), models=use, files=["f.csv", "f.parquet"],
        datasets=["d.csv", "d.parquet"], labels=json.dumps({name: name for name in SETS}),
    )  # fmt: skip
    step(
        "write_methods",
        [distances, counts],
        outputs=["m.md"],
        models=use,
        distances=distances,
        datasets=counts,
    )
    step(
        "write_paper_tables", [distances, counts], 0.5, study="study", outputs=["distances.md"],
        distances=distances, datasets=counts,
    )  # fmt: skip
    shown = {
        "verifications": all_verdicts,
        "matrices": matrices,
        "heatmaps": figures,
        "statistics": all_statistics,
    }
    tables = {"distances": distances, "files": files, "datasets": counts}
    step(
        "write_report",
        [*chain(*shown.values()), *tables.values()],
        0.4,
        study=config,
        html="r.html",
        **shown,
        **tables,
    )
    return found


_OUTPUTS = (
    "embeddings",
    "statistics",
    "distances",
    "table",
    "matrix",
    "figure",
    "decisions",
    "parquet",
    "csv",
)
_OUTPUTS += ("files", "datasets", "outputs", "html", "cache")  # fmt: skip


def _run_script(script: str, given: dict[str, Any], out: Path) -> None:
    """Call the `main` of a script; the outputs are those arguments that are plain text and name outputs."""

    def placed(name: str, value: Any) -> Any:
        if name not in _OUTPUTS or (name == "datasets" and script != "collect_files"):
            return value
        if isinstance(value, list):
            return [out / each if isinstance(each, str) else each for each in value]
        return out / value if isinstance(value, str) else value

    if "cache" in given:
        shutil.copytree("results/cache", out / "cache")
    importlib.import_module(script).main(**{name: placed(name, value) for name, value in given.items()})
    shutil.rmtree(out / "cache", ignore_errors=True)


def _scan(shards: str, batch: Sequence[tuple[str, int]], manifest: Path, out: Path) -> None:
    """Scan a batch, if its record does not say that nothing has changed."""
    copy = out / manifest.name
    if seen_path(manifest).exists():
        shutil.copy(seen_path(manifest), seen_path(copy))
    datasets = {name: Dataset(name, entry["path"]) for name, entry in SETS.items()}
    token = batch_token(datasets, {"a": 2, "b": 1}, batch, copy)
    importlib.import_module("scan_files").main(shards, copy)
    seen_path(copy).unlink()
    # Without this, Snakemake scans again, with the same result.
    assert len(token) == 64


def _read_batches(batches: Any, out: Path) -> None:
    share_batches(batches, Path(".snakemake/fad_batches"))
    (out / "batches").write_text(repr(shared_batches()))


def outcomes(place: WorkingFolder, seeds: range, folder: Path) -> Iterator[tuple[int, str, str]]:
    """Damage one file for each seed and run a step that reads it (`tables.outcomes`)."""
    import torch

    torch.set_num_threads(1)
    # A copy: a process that ends leaves a damaged file behind.
    os.chdir(shutil.copytree(place.root, folder / "study", symlinks=True))
    sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
    out = folder / "out"
    known = steps(place)
    names = np.array(list(known))
    chances = np.array([step.weight for step in known.values()])
    expected = {name: _results(step, out) for name, step in known.items()}
    artefacts = {path: path.read_bytes() for step in known.values() for path in step.reads}
    by_kind: dict[str, list[Path]] = {}
    for path in sorted(artefacts):
        by_kind.setdefault(_kind(path), []).append(path)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        name = str(rng.choice(names, p=chances / chances.sum()))
        path = known[name].reads[rng.integers(len(known[name].reads))]
        kind = _kind(path)
        yield seed, kind, "started"
        how, target = _damage(rng, path, artefacts, by_kind[kind])
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            found = _results(known[name], out)
            outcome = "equal" if found == expected[name] else "other"
            if outcome == "other" and _is_harmless(name, kind, found, expected[name]):
                outcome = "shown"
        except FadError:
            outcome = "refused"
        except Exception as error:  # noqa: BLE001 - what is looked for
            outcome = f"{type(error).__name__}: {str(error)[:200]}"
        signal.setitimer(signal.ITIMER_PROF, 0)
        if target not in artefacts:
            target.unlink(missing_ok=True)
        for changed in {path, target} & artefacts.keys():
            changed.parent.mkdir(exist_ok=True)
            changed.write_bytes(artefacts[changed])
        good = outcome in ("equal", "refused", "shown")
        yield seed, kind, outcome if good else f"fault: {name}, {path.name} {how}: {outcome}"


def _damage(
    rng: np.random.Generator, path: Path, artefacts: dict[Path, bytes], others: Sequence[Path]
) -> tuple[str, Path]:
    """Damage a file, replace it by another one of its kind, or move one beside it; return how, and which."""
    chance = rng.random()
    if chance < 0.15 and others[1:]:
        other = [each for each in others if each != path][rng.integers(len(others) - 1)]
        target = path.with_name(other.name) if path.suffix == ".pack" and chance < 0.1 else path
        target.write_bytes(artefacts[other])
        return f"replaced by {other}", target
    if chance < 0.16:
        path.unlink()
        return "removed", path
    damaged, _ = mutate(rng, artefacts[path], path.suffix)
    path.write_bytes(damaged)
    return "damaged", path


def _results(step: Step, out: Path) -> dict[str, bytes]:
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    with contextlib.redirect_stdout(io.StringIO()):
        step.run(out)
    return {
        str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()
    }


def _is_harmless(name: str, kind: str, found: dict[str, bytes], expected: dict[str, bytes]) -> bool:
    """Whether results that differ are allowed to."""
    if kind in _SHOWN:
        return name == "write_report"
    if name.startswith("verify"):
        # The verdict names the file that it is about, and only this file may be used with it.
        return [_without_hash(each) for each in found.values()] == [
            _without_hash(each) for each in expected.values()
        ]
    return False


def _without_hash(table: bytes) -> list[bytes]:
    return [line.rpartition(b",")[0] for line in table.splitlines()]


def _kind(path: Path) -> str:
    return next(kind for pattern, kind in _KINDS.items() if fnmatch(str(path), pattern))


def trials(seed: int, folder: Path) -> Iterator[tuple[str, str]]:
    """Make a study, then damage its files and kill others like it, in turns."""
    place = make_study(folder)

    def in_turns() -> Iterator[tuple[str, str]]:
        turns = [
            watched(partial(outcomes, place), range(seed * 10**6, (seed + 1) * 10**6)),
            killed_studies(np.random.default_rng(seed), place, folder),
        ]
        spent = [0.0, 0.0]
        while True:
            turn = int(spent[1] + HEAD_START < spent[0])
            start = time.monotonic()
            yield next(turns[turn])
            spent[turn] += time.monotonic() - start

    return in_turns()
