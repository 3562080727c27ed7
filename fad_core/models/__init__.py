"""The registry of embedding models.

A built-in family is a folder beside this file: a package with `MODELS`, a tuple of its models. Models of
other packages are registered with `register_model`, or by an entry point of the group `fad_core.models`,
which names a model or several:

    [project.entry-points."fad_core.models"]
    mine = "my_package.my_model:MODELS"
"""

from __future__ import annotations

import difflib
import pkgutil
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache, partial
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from fad_core.errors import ModelError, UnknownModelError

if TYPE_CHECKING:
    from fad_core.models.base import EmbeddingModel, NetworkModel
    from fad_core.models.text_model import TextModel

__all__ = ["get_model", "model_ids", "register_model"]

ENTRY_POINTS = "fad_core.models"
TEXT_SUFFIX = "-text"
"""End of the id of a model of text."""

# By id: the models that this process has registered.
_registered: dict[str, EmbeddingModel] = {}


def model_ids() -> list[str]:
    """Return the ids of all models: built in, installed and registered.

    Returns:
        The ids, those of one family together.

    Raises:
        ModelError: an installed package's models cannot be imported.

    >>> "vggish" in model_ids()
    True
    """
    return [model.name for model in _all_models()]


def get_model(model_id: str) -> EmbeddingModel:
    """Look up a model.

    Args:
        model_id: id of the model, one of `model_ids()`, or one of its aliases.

    Returns:
        The description of the model; its network is not loaded.

    Raises:
        UnknownModelError: there is no such model; the message lists all models.
        ModelError: an installed package's models cannot be imported.

    >>> get_model("clap").name
    'clap-630k-audioset'
    """
    for model in _all_models(model_id):
        if model_id in _names(model):
            return model
    names = [name for model in _all_models() for name in _names(model)]
    close = difflib.get_close_matches(model_id.lower().replace("_", "-"), names, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise UnknownModelError(f"there is no model {model_id!r}.{hint} Models: {', '.join(names)}.")


def find_network(name: str) -> NetworkModel:
    """Look up a model of audio, or of the captions that belong to one.

    Args:
        name: id or alias of a model of audio, or the id of a model of text: that of the model of audio whose
            vectors its own are compared with, and `-text`.

    Returns:
        The description of the model; its network is not loaded.

    Raises:
        UnknownModelError: there is no such model; the message lists all models of audio.

    >>> find_network("clap-630k-text").name
    'clap-630k-text'
    """
    if name.endswith(TEXT_SUFFIX):
        for text in text_models():
            if text.name == name:
                return text
    return get_model(name)


def text_model_of(model: EmbeddingModel) -> TextModel:
    """Return the model of text that belongs to a model of audio.

    Args:
        model: the model of audio.

    Returns:
        The model whose vectors of captions can be compared with vectors of audio.

    Raises:
        UnknownModelError: it has none; the message lists the models that have one.

    >>> from fad_core.models import get_model
    >>> text_model_of(get_model("clap")).name
    'clap-630k-audioset-text'
    """
    found = {each.name: each for each in text_models()}
    if (text := found.get(f"{model.name}{TEXT_SUFFIX}")) is None:
        known = ", ".join(name.removesuffix(TEXT_SUFFIX) for name in found)
        raise UnknownModelError(f"{model.name} does not embed captions; models that do: {known}")
    return text


def canonical_id(model_id: str) -> str:
    """Return the id of a model, given its id or an alias; any other name is returned unchanged."""
    try:
        return get_model(model_id).name
    except UnknownModelError:
        return model_id


def definition_of(model: NetworkModel) -> tuple[tuple[str, ...], str]:
    """Return what defines a model, for a digest of its code (`fad_core.util.code_digest`).

    Args:
        model: the model, registered or not.

    Returns:
        The names of the modules that define its class or instance, and a text of its attributes.

    Raises:
        ModelError: an attribute cannot be written as a text that is the same in every process.
    """
    bases = (base.__module__ for base in type(model).__mro__)
    modules = {name: None for name in bases if name.partition(".")[0] not in sys.stdlib_module_names}
    if not any(model is other for other in _built_in(model.name)):
        modules |= {module: None for other, module in _installed() if other.name == model.name}
    return tuple(modules), _text_of(model, model.name)


def _text_of(value: object, name: str) -> str:
    """Return a text of a value, the same in every process and on every machine."""
    text = partial(_text_of, name=name)
    match value:
        case None | str() | bytes() | bool() | int() | float():
            return repr(value)
        case Path():  # a place does not define anything
            return "path"
        case partial():
            return f"partial({text(value.func)}, {text(value.args)}, {text(value.keywords)})"
        case Mapping():
            return f"{{{', '.join(f'{text(key)}: {text(item)}' for key, item in value.items())}}}"
        case tuple() | list():
            return f"[{', '.join(map(text, value))}]"
    if is_dataclass(value) and not isinstance(value, type):
        attributes = {field.name: getattr(value, field.name) for field in fields(value)}
        return f"{text(type(value))}({text(attributes)})"
    if hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    raise ModelError(
        f"{name} has an attribute of the type {type(value).__name__}: use numbers, texts, tuples, mappings, "
        "dataclasses, functions or classes, so that a change is noticed"
    )


def register_model(*models: EmbeddingModel) -> None:
    """Register models for this process; their ids can then be used as those of the built-in models.

    If a model has no golden embeddings (`VerificationFacts.golden`), every result says that it is unverified
    against the original package. For the `fad` command and for studies, whose steps are processes of their
    own, register models by an entry point instead (see the module's docstring).

    Args:
        models: instances of a class derived from `EmbeddingModel` that is defined in a file. A model replaces
            an earlier registered one of the same name.

    Raises:
        ModelError: a name contains other characters than lower-case letters, digits and hyphens, or is that
            of a built-in or installed model; the model has no checkpoint; or its class is not defined in a
            file, so that edits of it could not be noticed.

    >>> from dataclasses import replace
    >>> from fad_core.models import get_model
    >>> register_model(replace(get_model("vggish"), name="vggish-small-batches", batch_size=4))
    >>> get_model("vggish-small-batches").batch_size
    4
    """
    for model in models:
        others = [*_built_in(), *(other for other, _ in _installed())]
        if not any(model is other for other in others):
            others += [other for other in _registered.values() if other.name != model.name]
            _require_usable(model, others)
            _registered[model.name] = model


def _all_models(model_id: str = "") -> Iterator[EmbeddingModel]:
    """Yield all models, beginning with the family with whose name the id begins."""
    yield from _built_in(model_id)
    yield from (model for model, _ in _installed())
    yield from _registered.values()


def _built_in(model_id: str = "") -> Iterator[EmbeddingModel]:
    for family in sorted(_families(), key=lambda family: not model_id.startswith(family)):
        yield from import_module(f"{__name__}.{family}").MODELS


def text_models() -> Iterator[TextModel]:
    """Yield the models of captions."""
    for family in _families():
        yield from getattr(import_module(f"{__name__}.{family}"), "TEXT_MODELS", ())


def _families() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(__path__) if module.ispkg]


@cache
def _installed() -> tuple[tuple[EmbeddingModel, str], ...]:
    """Return the models of installed packages, each with the module of its entry point."""
    from fad_core.models.base import EmbeddingModel

    found: list[tuple[EmbeddingModel, str]] = []
    for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name):
        try:
            loaded = entry.load()
            models = [loaded] if isinstance(loaded, EmbeddingModel) else list(loaded)
            for model in models:
                _require_usable(model, [*_built_in(), *(other for other, _ in found)])
                found.append((model, entry.module))
        except Exception as error:  # whatever another package's code raises
            raise ModelError(
                f"the models of the installed package {entry.value!r} cannot be used "
                f"({type(error).__name__}: {error}): repair it or uninstall it"
            ) from error
    return tuple(found)


def _names(model: EmbeddingModel) -> tuple[str, ...]:
    return model.name, *model.aliases


def _require_usable(model: EmbeddingModel, others: Iterable[EmbeddingModel]) -> None:
    taken = {name for other in others for name in _names(other)}
    for name in _names(model):
        # Paths are made of ids.
        if not re.fullmatch("[a-z0-9-]+", name):
            raise ModelError(
                f"a model's name consists of lower-case letters, digits and hyphens, unlike {name!r}"
            )
        if name in taken:
            raise ModelError(f"there is already a model {name!r}: choose another name")
    if not model.checkpoints:
        raise ModelError(f"{model.name} has no checkpoint: the first one names its weights")
    _text_of(model, model.name)
    module = type(model).__module__
    if getattr(sys.modules.get(module), "__file__", None) is None:
        raise ModelError(
            f"the class of {model.name} is not defined in a file ({module}): move it to a module, so that "
            "edits of it are noticed"
        )
