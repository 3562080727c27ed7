"""A study: a configuration checked in full, and interpreted."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from fad_core.datasets import Dataset, list_files
from fad_core.datasets.captions import read_captions
from fad_core.datasets.lists import is_list, list_in
from fad_core.datasets.policy import FilePolicy
from fad_core.errors import FadError
from fad_core.metrics import choose_metric
from fad_core.metrics.pairing import require_partners
from fad_core.models import TEXT_SUFFIX, find_network, get_model
from fad_core.models.options import Options
from fad_core.runner.backend import Backend
from fad_core.weights import Weights, locate_weights
from fad_study.config import examine_config, require_no_errors
from fad_study.entries import captions_of, compares, loudness_of, metrics_of, scores_captions
from fad_study.given_sets import given_path, is_given, located, select_statistics, study_set
from fad_study.messages import errors_of, message_of
from fad_study.paper_options import PaperChoices, paper_choices, validate_paper_files, validate_papers
from fad_study.ratings import evaluated, systems_of
from fad_study.study_models import StudyModel, name_and_id
from fad_study.study_names import labels_of, pairs_of, ranked_of, validate_names

_PAPERS = ("repeats", "published", "correlations")


@dataclass(frozen=True)
class Study:
    """What is compared with what, and how.

    Attributes:
        name: of the study.
        datasets: by name, in the configuration's order; empty in a study that only correlates given tables.
        shards: number of shards of each data set, by its name.
        assumed: names of the data sets whose statistics are taken for those of the study's models.
        labels: what tables for people and figures call the data sets, by their names.
        series: series and level of the data sets that have one, by their names.
        systems: system and category of the data sets that have one and are evaluated, by their names.
        pairs: (reference, evaluation), names of data sets.
        ranked: names of the references whose evaluated sets are ranked.
        models: by the names that results use.
        captions: tables of captions, by data set; empty if the CLAP score is not computed.
        papers: repeats, published figures and correlations.
        policy: which files are embedded, and how.
        settings: all other keys of the configuration.
    """

    name: str
    datasets: Mapping[str, Dataset]
    shards: Mapping[str, int]
    assumed: frozenset[str]
    labels: Mapping[str, str]
    series: Mapping[str, tuple[str, str]]
    systems: Mapping[str, tuple[str, str]]
    pairs: tuple[tuple[str, str], ...]
    ranked: tuple[str, ...]
    models: Mapping[str, StudyModel]
    captions: Mapping[str, Path]
    papers: PaperChoices
    policy: FilePolicy
    settings: Mapping[str, Any]

    @property
    def metrics(self) -> list[str]:
        """The names of the metrics of all models."""
        return list(dict.fromkeys(name for model in self.models.values() for name in model.metrics))

    def paired(self) -> list[str]:
        """Return the names of the data sets that are in some pair or have captions, in the given order."""
        wanted = {*itertools.chain.from_iterable(self.pairs), *self.captions}
        return [name for name in self.datasets if name in wanted]

    def given(self) -> list[str]:
        """Return those of `paired` that are files of statistics."""
        return [name for name in self.paired() if is_given(self.datasets[name].path)]

    def given_path(self, name: str, model: str) -> Path:
        """Return the file of statistics that a data set of `given` is, for a model by its name."""
        return given_path(str(self.datasets[name].path), model)

    def embedded(self) -> list[str]:
        """Return those of `paired` that are audio."""
        return [name for name in self.paired() if not is_given(self.datasets[name].path)]

    def captioning(self) -> dict[str, str]:
        """Return the ids of the models of captions, by the names of their models of audio."""
        models = self.models.items() if self.captions else ()
        return {name: f"{entry.id}{TEXT_SUFFIX}" for name, entry in models if entry.clap_score}


def read_study(config: Mapping[str, Any], schema_path: Path) -> Study:
    """Check a configuration in full, files included, and interpret it.

    Args:
        config: as read from YAML.
        schema_path: path of the JSON schema.

    Raises:
        ConfigError: one message with all errors: keys and values, names that do not exist, and, as far as
            the configuration is free of such errors, files that are missing.
    """
    examined = examine_config(config, schema_path)
    filled, damaged = examined.config, examined.damaged
    errors = [*examined.errors, *validate_names(filled, damaged)]
    study = _valid_part(filled, damaged) if errors else interpret_config(filled)
    # Several checks may find the same.
    require_no_errors(list(dict.fromkeys([*errors, *validate_files(study)])))
    return study


def interpret_config(config: Mapping[str, Any]) -> Study:
    """Return the study that a configuration describes.

    Args:
        config: without errors, and with all defaults filled in (`fad_study.config.examine_config`).
    """
    datasets = config.get("datasets", {})
    entries = [{"weights": config["weights"]} | entry for entry in config.get("models", [])]
    backend = Backend(config["runner"], config["device"])
    models = [
        StudyModel(
            *name_and_id(entry),
            entry["weights"],
            _options(entry, config),
            backend,
            {text.partition(" ")[0]: text for text in metrics_of(entry, config)},
            scores_captions(entry, config),
        )
        for entry in entries
    ]
    interpreted = ("study", "datasets", "pairs", "reference", "models", "metrics", "ranking", *_PAPERS)
    return Study(
        config["study"],
        {name: _dataset(name, entry["path"], config) for name, entry in datasets.items()},
        {name: entry["shards"] for name, entry in datasets.items()},
        frozenset(name for name, entry in datasets.items() if entry.get("assume_same_model")),
        labels_of(datasets),
        {
            name: (entry["series"], str(entry["level"]))
            for name, entry in datasets.items()
            if "series" in entry
        },
        evaluated(systems_of(datasets), pairs_of(config)) if compares(config) else {},
        pairs_of(config),
        ranked_of(config),
        {model.name: model for model in models},
        {
            name: Path(located(path, config.get("audio_root", "")))
            for name, path in captions_of(config).items()
        },
        paper_choices(config, pairs_of(config)),
        FilePolicy.of(config),
        {key: value for key, value in config.items() if key not in interpreted},
    )


def validate_files(study: Study) -> Iterator[str]:
    """Yield a message for each file of a study that is missing: of data sets, weights and given tables.

    Official weights may be missing; they are downloaded when they are needed.
    """
    yield from validate_paper_files(study.papers)
    files: dict[str, list[str]] = {}
    for name in study.embedded():
        try:
            files[name] = [file.name for file in list_files(study.datasets[name]).files]
        except FadError as error:
            yield message_of(error)
    for name, path in study.captions.items():
        if name in files:
            yield from (f"data set {name}: {error}" for error in errors_of(_read_captions, path, files[name]))
    choices: dict[tuple[str, str], str] = {}
    for model in study.models.values():
        if Path(model.weights).suffix == ".pt2":
            yield (
                f"models: {model.name}: {model.weights} is an exported model; a study exports its models "
                "itself: name the checkpoint that it was exported from"
            )
            continue
        ckpt_dir = study.settings.get("ckpt_dir")
        errors = errors_of(weights_key, model.id, model.weights, ckpt_dir)
        yield from errors
        # Seeded weights are always used, by the golden level of verification.
        for choice in () if errors else ("seeded", model.weights):
            first = choices.setdefault((model.id, weights_key(model.id, choice, ckpt_dir)), choice)
            if first != choice:
                yield f"models: {first!r} and {choice!r} are the same weights of {model.id}: use one of them"
        yield from _without_partners(study, model, files)
        if not errors:
            weights = _located(model.id, model.weights, ckpt_dir)
            wanted = study_set(model, weights.label, weights.sha256)
            for name in study.given() if model.metrics else ():
                path = study.given_path(name, model.name)
                select = partial(select_statistics, assume=name in study.assumed, whole=False)
                found = errors_of(select, path, model.name, wanted)
                yield from (f"data set {name}: {error}" for error in found)


def _without_partners(study: Study, model: StudyModel, files: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield a message for each pair whose files cannot be paired, by each metric that compares them so.

    Where files may be left out, those without a partner may be among them.
    """
    if study.policy.excludes:
        return
    metrics = [choose_metric(text) for text in model.metrics.values() if not errors_of(choose_metric, text)]
    # Of two directions, one is enough.
    pairs = {frozenset(pair): pair for pair in reversed(study.pairs) if set(pair) <= set(files)}
    for metric, (reference, evaluation) in itertools.product(metrics, reversed(pairs.values())):
        if reference != evaluation:
            for error in errors_of(require_partners, metric.options, files[reference], files[evaluation]):
                yield f"{metric.metric.name} of {reference} and {evaluation}: {error}"


def _read_captions(path: Path, names: Sequence[str]) -> None:
    read_captions(path).of_files(names)


@cache
def _located(model_id: str, choice: str, ckpt_dir: str | None) -> Weights:
    return locate_weights(find_network(model_id), choice, ckpt_dir)


def weights_key(model_id: str, choice: str, ckpt_dir: str | None) -> str:
    """Return the first 8 digits of the hash that identifies a model's weights.

    Args:
        model_id: id of the model.
        choice: "official", "seeded" or the path of a checkpoint.
        ckpt_dir: folder of official checkpoints; None: the default one.

    Raises:
        FadError: there is no such file, or its hash is not known before it is downloaded.
    """
    return _located(model_id, choice, ckpt_dir).key


def _valid_part(config: Mapping[str, Any], damaged: Set[str]) -> Study:
    """Return a study of all that has no error, to check its files. Arguments as `validate_names` has them."""
    names = list(config.get("datasets", {}))
    models = {
        name_and_id(entry)[0]: entry
        for entry in config.get("models", [])
        if not list(validate_names({"models": [entry], "metrics": []}, {"pairs"}))
    }
    # Files are looked for only if it is known where paths start, and which sets are compared.
    pairs = () if damaged & {"audio_root", "pairs"} else pairs_of(config)
    pairs = tuple(pair for pair in pairs if set(pair) <= set(names))
    papers_fail = bool(damaged & {"datasets", "pairs"} or list(validate_papers(config, names, pairs)))
    left_out = {"reference", *(("repeats", "correlations") if papers_fail else ())}
    common = {key: value for key, value in config.items() if key not in left_out}
    return interpret_config({**common, "study": "", "models": list(models.values()), "pairs": pairs})


def _dataset(name: str, path: str | list[str], config: Mapping[str, Any]) -> Dataset:
    root, leftovers = config.get("audio_root", ""), FilePolicy.of(config).leftovers
    if isinstance(path, str):
        listed = list_in(path, Path(root).expanduser()) if is_list(path) else located(path, root)
        return Dataset(name, listed, leftovers)
    return Dataset(name, tuple(located(each, root) for each in path), leftovers)


def _options(entry: Mapping[str, Any], config: Mapping[str, Any]) -> Options:
    """Return how an entry's model is used: only the options that have an effect on it.

    An option without effect must not differ from its default, or embeddings would be computed again.
    """
    compatibility = entry.get("compatibility", config["compatibility"])
    options = Options(
        memory_gb=float(config["memory_gb"]),
        compatibility=compatibility,
        loudness=loudness_of(entry, config),
    )
    if not get_model(entry["id"]).cropped:
        return options
    options = replace(options, crop=entry["crop"])
    if options.crop == "random":
        options = replace(options, seed=config["seed"])
    if options.crop == "windows":
        options = replace(options, hop_seconds=float(entry["hop_seconds"]))
    return options
