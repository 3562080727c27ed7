"""A study, ready to run: what a checked configuration means."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from fad_core.datasets import Dataset, list_files
from fad_core.datasets.policy import FilePolicy
from fad_core.errors import FadError
from fad_core.metrics import get_metric
from fad_core.models import get_model
from fad_core.models.options import DEFAULT_OPTIONS, Options
from fad_core.runner.backend import DEFAULT_BACKEND, Backend, settings_text
from fad_core.weights import locate_weights
from fad_study.config import examine_config, require_no_faults
from fad_study.paper_options import PaperChoices, faults_of_files, faults_of_papers, paper_choices
from fad_study.study_models import name_and_id

_PAPERS = ("repeats", "published", "correlations")
_Item = TypeVar("_Item", bound=Hashable)


@dataclass(frozen=True)
class StudyModel:
    """One entry under `models`: what results call it, its id, its choice of weights, and how it is used."""

    name: str
    id: str
    weights: str
    options: Options = DEFAULT_OPTIONS
    backend: Backend = DEFAULT_BACKEND

    @property
    def settings(self) -> str:
        """How it is used, and where it runs, as `fad_core.runner.backend.parse_settings` reads it."""
        return settings_text(self.options, self.backend)

    @property
    def specification(self) -> str:
        """The entry as scripts take it (`fad_study.study_models.parse_models`)."""
        return f"{self.name}={self.id} {self.settings}".rstrip()


@dataclass(frozen=True)
class Study:
    """What is compared with what, and how.

    Attributes:
        name: of the study.
        datasets: by name, in the configuration's order; none in a study of given tables alone.
        pairs: (reference, evaluation).
        models: by the name that results use.
        papers: what is compared with published figures and with ratings.
        policy: what becomes of files that cannot, or should not, be embedded as they are.
        settings: every other key of the configuration.
    """

    name: str
    datasets: Mapping[str, Dataset]
    pairs: tuple[tuple[str, str], ...]
    models: Mapping[str, StudyModel]
    papers: PaperChoices
    policy: FilePolicy
    settings: Mapping[str, Any]

    def paired(self) -> list[str]:
        """Names of the data sets that some pair needs."""
        wanted = set(itertools.chain.from_iterable(self.pairs))
        return [name for name in self.datasets if name in wanted]


def read_study(config: Mapping[str, Any], schema_path: Path) -> Study:
    """Check a configuration in full, files included, and interpret it.

    Args:
        config: as read from YAML.
        schema_path: of the JSON schema.

    Raises:
        ConfigError: one message with all that can be known to be wrong: keys and values, names that do not
            exist, and, of all that has no such fault, files that are not there.
    """
    examined = examine_config(config, schema_path)
    filled, faulty = examined.config, examined.faulty
    faults = [*examined.faults, *_faults_of_names(filled, faulty)]
    study = _sound_part(filled, faulty) if faults else _interpreted(filled)
    require_no_faults([*faults, *_faults_of_places(study)])
    return study


def study_of(config: Mapping[str, Any]) -> Study:
    """Interpret a configuration that `fad_study.config.validate_config` has checked.

    Raises:
        ConfigError: it names data sets, models or metrics that do not exist, or one twice; one message
            with all of that.
    """
    require_no_faults(list(_faults_of_names(config)))
    return _interpreted(config)


def require_available(study: Study) -> None:
    """Make sure that the files are there which a study names: of its data sets, its own weights, its tables.

    Official weights may be missing still; they are downloaded when they are needed.

    Raises:
        ConfigError: a data set is missing or empty, or a checkpoint or table is not there; one message
            with all.
    """
    require_no_faults(list(_faults_of_places(study)))


def _interpreted(config: Mapping[str, Any]) -> Study:
    """The study of a configuration without faults."""
    datasets = {name: _dataset(name, entry, config) for name, entry in config.get("datasets", {}).items()}
    entries = [{"weights": config["weights"]} | entry for entry in config.get("models", [])]
    models = [StudyModel(*name_and_id(entry), entry["weights"]) for entry in entries]
    apart = ("study", "datasets", "pairs", "models", *_PAPERS)
    return Study(
        config["study"],
        datasets,
        _pairs(config["pairs"], list(datasets)),
        {
            model.name: replace(
                model, options=_options(entry, config), backend=Backend(config["runner"], config["device"])
            )
            for model, entry in zip(models, entries, strict=True)
        },
        paper_choices(config, list(datasets)),
        FilePolicy.of(config),
        {key: value for key, value in config.items() if key not in apart},
    )


def _sound_part(config: Mapping[str, Any], faulty: Set[str]) -> Study:
    """A study of all that has no fault, to be asked for its files. Arguments: see `_faults_of_names`."""
    names = list(config.get("datasets", {}))
    models = {
        name_and_id(entry)[0]: entry
        for entry in config.get("models", [])
        if not list(_faults_of_names({"models": [entry], "metrics": []}, {"pairs"}))
    }
    # Where paths start, and which sets are compared, must be known to look for their files.
    pairs = () if faulty & {"audio_root", "pairs"} else _pairs(config["pairs"], names)
    pairs = tuple(pair for pair in pairs if set(pair) <= set(names))
    papers_fail = bool(faulty & {"datasets", "pairs"} or list(faults_of_papers(config, names, pairs)))
    left_out = ("repeats", "correlations") if papers_fail else ()
    kept = {key: value for key, value in config.items() if key not in left_out}
    return _interpreted({**kept, "study": "", "models": list(models.values()), "pairs": pairs})


def _faults_of_places(study: Study) -> Iterator[str]:
    yield from faults_of_files(study.papers)
    for name in study.paired():
        yield from _fault(list_files, study.datasets[name])
    for model in study.models.values():
        if Path(model.weights).suffix == ".pt2":
            yield (
                f"models: {model.name}: {model.weights} is an exported model, which a study makes itself: "
                "name the checkpoint that it was made from"
            )
            continue
        yield from _fault(locate_weights, get_model(model.id), model.weights, study.settings.get("ckpt_dir"))


def _dataset(name: str, entry: Mapping[str, Any], config: Mapping[str, Any]) -> Dataset:
    root = config.get("audio_root")

    def located(path: str) -> str:
        expanded = Path(path).expanduser()
        return str(expanded if root is None else Path(root).expanduser() / expanded)

    path = entry["path"]
    paths = located(path) if isinstance(path, str) else tuple(located(item) for item in path)
    return Dataset(name=name, path=paths, shards=entry["shards"], leftovers=FilePolicy.of(config).leftovers)


def _options(entry: Mapping[str, Any], config: Mapping[str, Any]) -> Options:
    """How an entry's model is used: of the configuration, what means something for it.

    What does not change the results must not look as if it did, or embeddings would be made again.
    """
    compatibility = entry.get("compatibility", config["compatibility"])
    options = Options(compatibility=compatibility, memory_gb=float(config["memory_gb"]))
    if not get_model(entry["id"]).cropped:
        return options
    options = replace(options, crop=entry["crop"])
    if options.crop == "random":
        options = replace(options, seed=config["seed"])
    if options.crop == "windows":
        options = replace(options, hop_seconds=float(entry["hop_seconds"]))
    return options


def _pairs(pairs: Any, names: list[str]) -> tuple[tuple[str, str], ...]:
    if pairs == "all":
        return tuple(itertools.combinations(names, 2))
    return tuple((reference, evaluation) for reference, evaluation in pairs)


def _faults_of_pairs(chosen: tuple[tuple[str, str], ...], names: list[str]) -> Iterator[str]:
    if not chosen:
        yield "pairs: all needs at least two data sets"
    unknown = sorted(set(itertools.chain.from_iterable(chosen)) - set(names))
    if unknown:
        yield f"pairs: there is no data set {', '.join(unknown)}; data sets: {', '.join(names)}"
    for pair in _repeated(chosen):
        yield f"pairs: [{', '.join(pair)}] is given twice"


def _faults_of_names(config: Mapping[str, Any], faulty: Set[str] = frozenset()) -> Iterator[str]:
    """What is wrong with a configuration beyond what the schema says.

    Args:
        config: its well-formed parts.
        faulty: keys that have lost parts, so that what refers to these cannot be checked.
    """
    entries = config.get("models", [])
    named = [name_and_id(entry) for entry in entries]
    for _, model_id in named:
        yield from (f"models: {fault}" for fault in _fault(get_model, model_id))
    for name in _repeated(name for name, _ in named):
        yield f"models: two entries are called {name!r}; give them different names with `name:`"
    for metric in config["metrics"]:
        yield from (f"metrics: {fault}" for fault in _fault(get_metric, metric))
    yield from _faults_of_settings(entries)
    if faulty & {"datasets", "pairs"}:
        return
    names = list(config.get("datasets", {}))
    pairs = _pairs(config["pairs"], names)
    if names:
        yield from _faults_of_pairs(pairs, names)
    yield from faults_of_papers(config, names, pairs)


def _faults_of_settings(entries: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for entry in entries:
        if _fault(get_model, entry["id"]):
            continue
        if entry["hop_seconds"] != Options().hop_seconds and entry["crop"] != "windows":
            yield f"models: {entry['id']}: hop_seconds means something with `crop: windows` only"
        yield from (f"models: {fault}" for fault in _fault(_require_crop, entry["id"], entry["crop"]))


def _require_crop(model_id: str, crop: Any) -> None:
    get_model(model_id).require_options(Options(crop=crop))


def _fault(check: Callable[..., object], *arguments: object) -> list[str]:
    """What a check complains of; nothing if it is content."""
    try:
        check(*arguments)
    except FadError as error:
        return [str(error)]
    return []


def _repeated(items: Iterable[_Item]) -> list[_Item]:
    return [item for item, count in Counter(items).items() if count > 1]
