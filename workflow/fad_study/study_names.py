"""The names in a configuration: which exist, and what they stand for."""

from __future__ import annotations

import difflib
import itertools
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Set
from dataclasses import replace
from typing import Any, TypeVar

from fad_core.audio.loudness import require_meter
from fad_core.datasets.captions import require_one_vector
from fad_core.metrics import choose_metric
from fad_core.metrics.base import CLAP_SCORE_NAME
from fad_core.models import TEXT_SUFFIX, get_model, model_ids, text_models
from fad_core.models.options import Options
from fad_core.models.tokenizer import require_tokenizers
from fad_study.entries import (
    compares,
    given_metrics,
    loudness_of,
    metric_texts,
    metrics_of,
    scores_captions,
)
from fad_study.given_sets import is_given, validate_given
from fad_study.messages import errors_of
from fad_study.paper_options import validate_papers
from fad_study.ratings import cells_of_sets, evaluated, repeated_cells, systems_of
from fad_study.study_models import name_and_id

_Item = TypeVar("_Item", bound=Hashable)


def validate_names(config: Mapping[str, Any], damaged: Set[str] = frozenset()) -> Iterator[str]:
    """Yield a message for each name that does not exist or is given twice, and each setting without effect.

    Args:
        config: the well-formed parts of a configuration, with all defaults filled in.
        damaged: keys that have lost parts; names that refer to these are not checked.
    """
    entries = config.get("models", [])
    for entry in entries:
        yield from (f"models: {error}" for error in errors_of(get_model, entry["id"]))
    for name in _repeated(name_and_id(entry)[0] for entry in entries):
        yield f"models: two entries are called {name!r}; give them different names with `name:`"
    given = [config["metrics"], *(entry["metrics"] for entry in entries if "metrics" in entry)]
    metrics = list(dict.fromkeys(text for each in given for text in metric_texts(each)))
    for metric in metrics:
        yield from (f"metrics: {error}" for error in errors_of(choose_metric, metric))
        by = [entry for entry in entries if metric in metrics_of(entry, config)]
        yield from (f"metrics: {error}" for error in _missing_outputs(metric, by))
    for each in given:
        for metric in _repeated(text.partition(" ")[0] for text in metric_texts(each)):
            yield f"metrics: {metric!r} is given twice; a model computes each metric once"
    yield from _validate_options(entries, config)
    if damaged & {"datasets", "pairs"}:
        return
    names = list(config.get("datasets", {}))
    pairs = pairs_of(config)
    if names:
        yield from _validate_pairs(config, pairs, names)
        yield from _validate_systems(config, pairs)
    known = [choose_metric(text).metric for text in metrics if not errors_of(choose_metric, text)]
    datasets, per_file = config.get("datasets", {}), config.get("per_file", [])
    root = config.get("audio_root", "")
    given = [name for name, entry in datasets.items() if is_given(entry["path"], root)]
    yield from validate_given(datasets, given, known, pairs)
    scored = {"per_file": [evaluation for _, evaluation in pairs if per_file]}
    scored["near_copies"] = [name for pair in pairs for name in pair if config.get("near_copies")]
    for key, wanted in scored.items():
        for name in dict.fromkeys(wanted):
            if name in given:
                yield f"{key}: the data set {name} is a file of statistics, whose single files are not known"
    yield from _validate_captions(config, given)
    if entries and not compares(config):
        paired = [key for key in ("repeats", "published") if key in config]
        paired += ["correlations"] if "distances" not in config.get("correlations", {"distances": ""}) else []
        yield from (f"{key}: no metric of two data sets is computed" for key in paired)
    yield from _validate_labels(config)
    yield from validate_papers(config, names, pairs)


def _validate_labels(config: Mapping[str, Any]) -> Iterator[str]:
    datasets, groups = config.get("datasets", {}), config.get("repeats", {})
    labels, systems = labels_of(datasets), systems_of(datasets)
    for label in _repeated(labels.values()):
        names = [name for name, each in labels.items() if each == label]
        # Two sets of one system and category are an error of their own.
        if len({systems.get(name, name) for name in names}) > 1:
            yield f"datasets: {', '.join(names)} are labelled {label!r}; give them different labels"
    for name, label in labels.items():
        if label != name and (label in labels or label in groups):
            yield f"datasets: {name} is labelled {label!r}, which is the name of another set or group"


def labels_of(datasets: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the label of each set on one line.

    By default its series and level, or its system and category, or its name.
    """
    systems = {name: ", ".join(place) for name, place in systems_of(datasets).items()}
    series = {
        name: f"{entry['series']} {entry['level']}" for name, entry in datasets.items() if "series" in entry
    }
    given = {name: entry["label"] for name, entry in datasets.items() if "label" in entry}
    chosen = systems | series | given
    return {name: " ".join(chosen.get(name, "").split()) or name for name in datasets}


def pairs_of(config: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the pairs of a configuration, (reference, evaluation).

    Args:
        config: without errors in its pairs.
    """
    datasets = config.get("datasets", {})
    if "reference" in config:
        of_category = _references(config)
        references = {name: of_category.get(place[1]) for name, place in systems_of(datasets).items()}
        pairs = [
            (references.get(name) if of_category else config["reference"], name)
            for name in datasets
            if name not in (config["reference"], *of_category.values())
        ]
        return tuple((reference, name) for reference, name in pairs if reference is not None)
    if config["pairs"] == "all":
        return tuple(itertools.combinations(datasets, 2))
    return tuple((reference, evaluation) for reference, evaluation in config["pairs"])


def _references(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the data set of each category, if `reference` is a system; none if it is a data set."""
    datasets, reference = config["datasets"], config.get("reference")
    systems = {} if reference in datasets else systems_of(datasets)
    return {category: name for name, (system, category) in systems.items() if system == reference}


def ranked_of(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the references whose evaluated sets are ranked: of at least two, unless all pairs are compared.

    Args:
        config: without errors in its pairs.
    """
    if (
        not config["ranking"]
        or not compares(config)
        or ("reference" not in config and config["pairs"] == "all")
    ):
        return ()
    systems = Counter(reference for reference, evaluation in pairs_of(config) if reference != evaluation)
    return tuple(name for name, count in systems.items() if count > 1)


def _validate_pairs(
    config: Mapping[str, Any], pairs: tuple[tuple[str, str], ...], names: list[str]
) -> Iterator[str]:
    key = "reference" if "reference" in config else "pairs"
    wanted = key == "reference" or compares(config)
    if len(names) < 2 and wanted and (key == "reference" or config["pairs"] == "all"):
        yield f"{key}: {'' if key == 'reference' else 'all '}needs at least two data sets"
    unknown = sorted({*itertools.chain.from_iterable(pairs)} - set(names))
    if unknown:
        places = systems_of(config["datasets"]).values() if key == "reference" else ()
        systems = list(dict.fromkeys(system for system, _ in places))
        kinds = {"data set": names, **({"system": systems} if systems else {})}
        close = [
            near for name in unknown for near in difflib.get_close_matches(name, [*names, *systems], n=1)
        ]
        meant = ", ".join(map(repr, dict.fromkeys(close)))
        known = "; ".join(f"{kind}s: {', '.join(each)}" for kind, each in kinds.items())
        hint = f"did you mean {meant}?" if close else known
        yield f"{key}: there is no {' or '.join(kinds)} {', '.join(unknown)}; {hint}"
    for pair in _repeated(pairs):
        yield f"pairs: [{', '.join(pair)}] is given twice"


def _validate_systems(config: Mapping[str, Any], pairs: tuple[tuple[str, str], ...]) -> Iterator[str]:
    """Yield a message for each cell that two data sets have, and if sets have no or several references."""
    datasets, reference = config["datasets"], config.get("reference")
    systems = systems_of(datasets)
    yield from repeated_cells(cells_of_sets(systems))
    if reference in datasets and any(system == reference for system, _ in systems.values()):
        yield f"reference: {reference} is the name of a data set and of a system; choose another name"
    of_category = _references(config)
    for name in datasets if of_category else ():
        if name not in systems:
            yield f"datasets: {name} has no category, in which the system {reference} has a reference for it"
        elif systems[name][1] not in of_category:
            yield (
                f"datasets: {name}: the reference {reference} has no set of the category "
                f"{systems[name][1]!r}; its categories: {', '.join(of_category)}"
            )
    compared = Counter(evaluation for _, evaluation in pairs)
    if several := [name for name in evaluated(systems, pairs) if compared[name] > 1]:
        references = ", ".join(reference for reference, evaluation in pairs if evaluation == several[0])
        more = f" (and {len(several) - 1} more such sets)" if several[1:] else ""
        yield (
            f"datasets: {several[0]} has a system and is compared with {references}{more}; it must have one "
            "reference: give `reference`, a set or a system, or other `pairs`"
        )


def _validate_options(entries: Iterable[Mapping[str, Any]], config: Mapping[str, Any]) -> Iterator[str]:
    for entry in entries:
        if errors_of(get_model, entry["id"]):
            continue
        if entry["hop_seconds"] != Options().hop_seconds and entry["crop"] != "windows":
            yield f"models: {entry['id']}: hop_seconds has no effect without `crop: windows`"
        compatibility = entry.get("compatibility", config.get("compatibility", "none"))
        loudness = loudness_of(entry, config)
        how = Options(entry["crop"], float(entry["hop_seconds"]))
        options = errors_of(_require_options, entry["id"], how, compatibility, loudness)
        yield from (f"models: {error}" for error in options)


def _missing_outputs(metric: str, entries: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a message for each known model that lacks an output that a known metric needs."""
    for model_id in dict.fromkeys(entry["id"] for entry in entries):
        if not (errors_of(choose_metric, metric) or errors_of(get_model, model_id)):
            model, chosen = get_model(model_id), choose_metric(metric).metric
            for error in errors_of(chosen.require_outputs, model.name, model.outputs):
                outputs = {need.output for need in chosen.needs if need.output}
                others = [name for name in model_ids() if outputs <= get_model(name).outputs.keys()]
                yield f"{error}; models that have it: {', '.join(others)}" if others else error


def _validate_captions(config: Mapping[str, Any], given: Collection[str]) -> Iterator[str]:
    captioned = [name for name, entry in config.get("datasets", {}).items() if "captions" in entry]
    entries = config.get("models", [])
    if not any(CLAP_SCORE_NAME in given_metrics(entry, config) for entry in entries):
        yield from (
            f"data set {name}: captions has no effect without the metric {CLAP_SCORE_NAME}"
            for name in captioned
        )
        return
    yield from (f"metrics: {CLAP_SCORE_NAME}: {error}" for error in errors_of(require_tokenizers))
    if not captioned:
        yield f"metrics: {CLAP_SCORE_NAME} needs a data set with `captions`"
    for name in captioned:
        if name in given:
            yield f"data set {name}: captions belong to files, but it is a file of statistics"
    known = [entry for entry in entries if not errors_of(get_model, entry["id"])]
    with_text = [entry for entry in known if scores_captions(entry, config)]
    if known and not with_text:
        yield f"metrics: {CLAP_SCORE_NAME} needs a model that embeds captions, such as clap"
    for entry in known:
        own = CLAP_SCORE_NAME in entry.get("metrics", [])
        idle = with_text and not metrics_of(entry, config)
        if entry not in with_text and (own or idle):
            others = ", ".join(text.name.removesuffix(TEXT_SUFFIX) for text in text_models())
            yield (
                f"models: {entry['id']} embeds no captions, which {CLAP_SCORE_NAME} needs; models that do: "
                f"{others}. Give it `metrics` of its own, or another model"
            )
    for entry in with_text:
        options = Options(
            crop=entry["crop"], compatibility=entry.get("compatibility", config.get("compatibility", "none"))
        )
        yield from (f"models: {entry['id']}: {error}" for error in errors_of(require_one_vector, options))


def _require_options(model_id: str, how: Options, compatibility: Any, loudness: float | None) -> None:
    get_model(model_id).require_options(replace(how, compatibility=compatibility, loudness=loudness))
    if loudness is not None:
        require_meter()


def _repeated(items: Iterable[_Item]) -> list[_Item]:
    return [item for item, count in Counter(items).items() if count > 1]
