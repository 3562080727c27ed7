"""The names in a configuration: which exist, and what they stand for."""

from __future__ import annotations

import difflib
import itertools
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Set
from typing import Any, TypeVar

from fad_core.datasets.captions import require_one_vector
from fad_core.errors import FadError
from fad_core.metrics import choose_metric
from fad_core.models import get_model, text_model_of
from fad_core.models.clap.tokenizer import require_tokenizers
from fad_core.models.options import Options
from fad_study.given_sets import is_given, validate_given
from fad_study.messages import message_of
from fad_study.paper_options import validate_papers
from fad_study.study_models import name_and_id

CLAP_SCORE = "clap-score"
"""The metric of captions, which compares no pairs of data sets."""

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
    metrics = metric_texts(config)
    for metric in metrics:
        yield from (f"metrics: {error}" for error in errors_of(choose_metric, metric))
        yield from (f"metrics: {error}" for error in _missing_outputs(metric, entries))
    for metric in _repeated(text.partition(" ")[0] for text in metrics):
        yield f"metrics: {metric!r} is given twice; a study computes each metric once"
    yield from _validate_options(entries, config.get("compatibility", "none"))
    if damaged & {"datasets", "pairs"}:
        return
    names = list(config.get("datasets", {}))
    pairs = pairs_of(config, names)
    if names:
        yield from _validate_pairs(config, pairs, names)
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
    yield from _validate_labels(config)
    yield from validate_papers(config, names, pairs)


def _validate_labels(config: Mapping[str, Any]) -> Iterator[str]:
    labels, groups = labels_of(config.get("datasets", {})), config.get("repeats", {})
    for label in _repeated(labels.values()):
        names = ", ".join(name for name, each in labels.items() if each == label)
        yield f"datasets: {names} are labelled {label!r}; give them different labels"
    for name, label in labels.items():
        if label != name and (label in labels or label in groups):
            yield f"datasets: {name} is labelled {label!r}, which is the name of another set or group"


def labels_of(datasets: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the label of each set on one line: by default its series and level, or else its name."""
    given = {
        name: entry.get("label", f"{entry.get('series', '')} {entry.get('level', '')}")
        for name, entry in datasets.items()
    }
    return {name: " ".join(label.split()) or name for name, label in given.items()}


def pairs_of(config: Mapping[str, Any], names: list[str]) -> tuple[tuple[str, str], ...]:
    """Return the pairs of a configuration, (reference, evaluation).

    Args:
        config: without errors in its pairs.
        names: of the data sets, in order.
    """
    if "reference" in config:
        return tuple((config["reference"], name) for name in names if name != config["reference"])
    if config["pairs"] == "all":
        return tuple(itertools.combinations(names, 2))
    return tuple((reference, evaluation) for reference, evaluation in config["pairs"])


def ranked_of(config: Mapping[str, Any], names: list[str]) -> tuple[str, ...]:
    """Return the references whose evaluated sets are ranked: of at least two, unless all pairs are compared.

    Args:
        config: without errors in its pairs.
        names: of the data sets, in order.
    """
    if not config["ranking"] or ("reference" not in config and config["pairs"] == "all"):
        return ()
    pairs = pairs_of(config, names)
    systems = Counter(reference for reference, evaluation in pairs if reference != evaluation)
    return tuple(name for name, count in systems.items() if count > 1)


def _validate_pairs(
    config: Mapping[str, Any], pairs: tuple[tuple[str, str], ...], names: list[str]
) -> Iterator[str]:
    key = "reference" if "reference" in config else "pairs"
    wanted = metric_texts(config) or key == "reference"
    if len(names) < 2 and wanted and (key == "reference" or config["pairs"] == "all"):
        yield f"{key}: {'' if key == 'reference' else 'all '}needs at least two data sets"
    unknown = sorted({*itertools.chain.from_iterable(pairs)} - set(names))
    if unknown:
        close = [near for name in unknown for near in difflib.get_close_matches(name, names, n=1)]
        meant, known = ", ".join(map(repr, dict.fromkeys(close))), ", ".join(names)
        hint = f"did you mean {meant}?" if close else f"data sets: {known}"
        yield f"{key}: there is no data set {', '.join(unknown)}; {hint}"
    for pair in _repeated(pairs):
        yield f"pairs: [{', '.join(pair)}] is given twice"


def _validate_options(entries: Iterable[Mapping[str, Any]], default: str) -> Iterator[str]:
    for entry in entries:
        if errors_of(get_model, entry["id"]):
            continue
        if entry["hop_seconds"] != Options().hop_seconds and entry["crop"] != "windows":
            yield f"models: {entry['id']}: hop_seconds has no effect without `crop: windows`"
        compatibility = entry.get("compatibility", default)
        options = errors_of(_require_options, entry["id"], entry["crop"], compatibility)
        yield from (f"models: {error}" for error in options)


def _missing_outputs(metric: str, entries: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a message for each known model that lacks an output that a known metric needs."""
    for model_id in dict.fromkeys(entry["id"] for entry in entries):
        if not (errors_of(choose_metric, metric) or errors_of(get_model, model_id)):
            model = get_model(model_id)
            yield from errors_of(choose_metric(metric).metric.require_outputs, model.name, model.outputs)


def metric_texts(config: Mapping[str, Any]) -> list[str]:
    """Return the metrics of pairs, each with its options as text (`fad_core.metrics.choose_metric`)."""
    entries = (
        entry if isinstance(entry, Mapping) else {"id": entry}
        for entry in config["metrics"]
        if entry != CLAP_SCORE
    )
    return [
        " ".join([entry["id"], *(f"{key}={value}" for key, value in entry.items() if key != "id")])
        for entry in entries
    ]


def captions_of(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the tables of captions of the data sets; none if the CLAP score is not computed."""
    if CLAP_SCORE not in config["metrics"]:
        return {}
    return {
        name: entry["captions"] for name, entry in config.get("datasets", {}).items() if "captions" in entry
    }


def _validate_captions(config: Mapping[str, Any], given: Collection[str]) -> Iterator[str]:
    captioned = [name for name, entry in config.get("datasets", {}).items() if "captions" in entry]
    if CLAP_SCORE not in config["metrics"]:
        yield from (
            f"data set {name}: captions has no effect without the metric {CLAP_SCORE}" for name in captioned
        )
        return
    yield from (f"metrics: {CLAP_SCORE}: {error}" for error in errors_of(require_tokenizers))
    if not captioned:
        yield f"metrics: {CLAP_SCORE} needs a data set with `captions`"
    for name in captioned:
        if name in given:
            yield f"data set {name}: captions belong to files, but it is a file of statistics"
    known = [entry for entry in config.get("models", []) if not errors_of(get_model, entry["id"])]
    with_text = [entry for entry in known if not errors_of(text_model_of, get_model(entry["id"]))]
    if known and not with_text:
        yield f"metrics: {CLAP_SCORE} needs a model that embeds captions, such as clap"
    for entry in with_text:
        options = Options(
            crop=entry["crop"], compatibility=entry.get("compatibility", config.get("compatibility", "none"))
        )
        yield from (f"models: {entry['id']}: {error}" for error in errors_of(require_one_vector, options))


def _require_options(model_id: str, crop: Any, compatibility: Any) -> None:
    get_model(model_id).require_options(Options(crop=crop, compatibility=compatibility))


def errors_of(check: Callable[..., object], *arguments: object) -> list[str]:
    """Return the message of the error that a check raises; an empty list if it raises none."""
    try:
        check(*arguments)
    except FadError as error:
        return [message_of(error)]
    return []


def _repeated(items: Iterable[_Item]) -> list[_Item]:
    return [item for item, count in Counter(items).items() if count > 1]
