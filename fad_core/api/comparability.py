"""Decide which embedded sets may be compared: those whose models are the same, as far as is known.

Each set comes as its statistics by one model or several. `same_model` picks, for each model, the statistics
of every set, or says which set is of another one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.embedding.foreign_names import FOREIGN_NAMES, id_of
from fad_core.errors import FadError
from fad_core.metrics.statistics import Statistics
from fad_core.models.use import ModelKey, ModelUse

Alternatives = Sequence[EmbeddedSet]
"""One set's statistics, by each model that it was embedded with."""


def same_model(
    sets: Sequence[Alternatives], *, models: Sequence[str] = (), assume: bool = False
) -> list[list[EmbeddedSet]]:
    """Find the embedded sets that can be compared.

    Ours are of the same model if its name, its weights (their name and hash, of every checkpoint if the
    files say it) and its settings are equal. Those of other packages name no weights, unless they are a named
    reference: they are of the same model as each other if they give it the same name, or none, and never as
    ours, unless that is assumed.

    Args:
        sets: at least one; each with at least one alternative.
        models: the models that are wanted; none: all that the sets have in common.
        assume: assume that statistics of other packages are of the same model as the other sets; the set's
            note then says so. If a file holds several models, the one whose name corresponds to that model
            (`fad_core.embedding.foreign_names`) is used; a single one may have any name that does not
            correspond to another model.

    Returns:
        For each model, one of each set, in order; at least one.

    Raises:
        FadError: the sets are not of the same model, or not of a requested one.
    """
    # Files of this package describe their model best, so the others are compared with them.
    leader = next((each for each in sets if not each[0].foreign), sets[0])
    wanted = [head for head in leader if not models or {head.key.model, _model_id(head)} & set(models)]
    if not wanted:
        raise FadError(
            f"{leader[0].name} holds no statistics of {', '.join(models)}, only of "
            f"{', '.join(head.key.model or 'an unnamed model' for head in leader)}"
        )
    found, faults = [], []
    for head in wanted:
        try:
            found.append([_pick(each, head, assume=assume) for each in sets])
        except FadError as error:
            faults.append(error)
    # Other models in a file can be ignored; a requested model cannot.
    if faults and (not found or models):
        raise faults[0]
    return found


def without_vectors(name: str, use: ModelUse, key: ModelKey, identity: Mapping[str, Any]) -> EmbeddedSet:
    """Return a set that has what `same_model` compares, before anything is embedded.

    Args:
        name: what messages call it.
        use: the model, and how it is used.
        key: its key.
        identity: identity of the exported model; empty if it is not exported yet.
    """
    dimension = 1 if use.takes_scalars else use.model.dimension
    empty = Statistics(1, np.zeros(dimension), np.zeros((dimension, dimension)))
    return EmbeddedSet(name, key, {use.model.main_output: empty}, identity=identity)


def describe(embedded: EmbeddedSet) -> str:
    """Describe the model and weights of a set for messages."""
    if embedded.foreign and not embedded.key.weights:
        model = embedded.key.model or "an unnamed model"
        return f"{model} ({embedded.source}, weights not named)"
    return str(embedded.key)


def _model_id(embedded: EmbeddedSet) -> str:
    """Return the id of a set's model; names of other packages are translated where possible."""
    if embedded.foreign:
        return id_of(embedded.key.model)
    return str(embedded.identity.get("model", embedded.key.model))


def _pick(alternatives: Alternatives, head: EmbeddedSet, *, assume: bool) -> EmbeddedSet:
    for each in alternatives:
        if _are_same(each, head):
            return _noting_code(each, head)
    first = alternatives[0]
    possible = _possible(alternatives, head)
    if assume and possible:
        return _assumed(possible[0], head)
    held = " and ".join(describe(each) for each in alternatives)
    text = f"{first.name} was made with {held}, {head.name} with {describe(head)}: they cannot be compared"
    if any(not (each.key.weights and head.key.weights) for each in possible):
        raise FadError(
            f"{text}. If you know that the model is the same, choose:", [("assume_same_model", True)]
        )
    for each in alternatives:
        conventions = _conventions(each)
        if conventions != _conventions(head) and head.key.model == each.key.model:
            raise FadError(
                f"{text}. To embed both by the same conventions, choose:",
                [("compatibility", conventions or _conventions(head))],
            )
    raise FadError(text)


def _conventions(embedded: EmbeddedSet) -> str:
    """Return the package whose conventions a set follows, of its settings; "" if those of this package."""
    settings = (part.partition("=") for part in embedded.key.settings.split())
    return next((value for name, _, value in settings if name == "compatibility"), "")


def _possible(alternatives: Alternatives, head: EmbeddedSet) -> list[EmbeddedSet]:
    """Return the set's statistics that may be assumed to be of the head's model: at most one.

    A name of another package that `fad_core.embedding.foreign_names` translates is only compared with that
    model.
    """
    unsure = [each for each in alternatives if each.foreign or head.foreign]
    alike = [each for each in unsure if _model_id(each) == _model_id(head)]
    if alike or len(alternatives) > 1:
        return alike[:1]
    return [each for each in unsure if not (_is_known(each) and _is_known(head))]


def _is_known(stored: EmbeddedSet) -> bool:
    """Whether the set's model is known to be one of this package."""
    return not stored.foreign or bool(stored.key.weights) or stored.key.model in FOREIGN_NAMES


def _are_same(one: EmbeddedSet, other: EmbeddedSet) -> bool:
    identities = [each.identity for each in (one, other)]
    files = [identity["checkpoints"] for identity in identities if "checkpoints" in identity]
    named = one.foreign == other.foreign or bool(one.key.weights and other.key.weights)
    same = named and one.key.matches(other.key)
    return same and all(each == files[0] for each in files)


def _noting_code(embedded: EmbeddedSet, head: EmbeddedSet) -> EmbeddedSet:
    """Add a note if a different version of the code exported a set's model: its numbers may differ."""
    identity, code = embedded.identity, embedded.identity.get("code", "")
    if code in ("", head.identity.get("code", "")) or not head.identity.get("code", ""):
        return embedded
    note = (
        f"its model was exported by a different version of the code ({identity['fad_core_version']}, {code})"
    )
    return embedded.noted(note)


def _assumed(embedded: EmbeddedSet, head: EmbeddedSet) -> EmbeddedSet:
    ours, theirs = (each.statistics_of().dimension for each in (embedded, head))
    if ours != theirs:
        raise FadError(
            f"{embedded.name} has {ours} dimensions, {head.name} has {theirs}: they cannot come from the "
            "same model"
        )
    foreign = embedded if embedded.foreign else head
    note = f"made with {describe(embedded)}, assumed to be the same model{_prepared(foreign)}"
    return replace(embedded.noted(note), key=head.key)


def _prepared(foreign: EmbeddedSet) -> str:
    """Return how another package prepares audio for its model, to be added to a note; "" if unknown.

    A named reference has its conventions among its settings.
    """
    if foreign.key.weights:
        return ""
    _, packages = FOREIGN_NAMES.get(foreign.key.model, ("", ""))
    return f", prepared differently by {packages}" if packages else ""
