"""Which embedded sets may be compared: those of the same model, by all that is known of it.

Each set comes as its statistics by one model or several. `same_model` picks, for each model, the statistics
of every set, or says which set is of another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fad_core.api.foreign_names import FOREIGN_NAMES, id_of
from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.errors import FadError

Alternatives = Sequence[EmbeddedSet]
"""One set's statistics, by each model that it was embedded with."""


def same_model(
    sets: Sequence[Alternatives], *, models: Sequence[str] = (), assume: bool = False
) -> list[list[EmbeddedSet]]:
    """Find what can be compared.

    Ours are of the same model if its name, its weights (their name and hash, of every checkpoint if the
    files say it) and its settings are equal. Those of other packages name no weights: they are of the same
    model as each other if they give it the same name, or none, and never as ours, unless that is assumed.

    Args:
        sets: at least one; each with at least one alternative.
        models: the models that are wanted; none: all that the sets have in common.
        assume: take the statistics of other packages for the model that the others are of; the set's note
            then says so. Of several models in a file it is the one whose name stands for that model
            (`fad_core.api.foreign_names`); the only one may have any name that does not stand for another.

    Returns:
        For each model, one of each set, in order; at least one.

    Raises:
        FadError: the sets are not of the same model, or not of one that is wanted.
    """
    # What we wrote says most of what it is; the others are held against it.
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
    # What a file holds besides may be left; a model that was asked for may not.
    if faults and (not found or models):
        raise faults[0]
    return found


def describe(embedded: EmbeddedSet) -> str:
    """What a set is of, in words."""
    if embedded.foreign:
        model = embedded.key.model or "an unnamed model"
        return f"{model} ({embedded.origin.source}, weights not named)"
    return str(embedded.key)


def _model_id(embedded: EmbeddedSet) -> str:
    """The id of its model: of ours, where another package's name stands for one; else its name."""
    if embedded.foreign:
        return id_of(embedded.key.model)
    return str(embedded.origin.identity.get("model", embedded.key.model))


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
    if possible:
        raise FadError(
            f"{text}. If you know that the model is the same, choose:", [("assume_same_model", True)]
        )
    raise FadError(text)


def _possible(alternatives: Alternatives, head: EmbeddedSet) -> list[EmbeddedSet]:
    """Which of a set's statistics may be assumed to be of the head's model: at most one.

    A name that stands for a model of ours (`fad_core.api.foreign_names`) stands for no other one.
    """
    unsure = [each for each in alternatives if each.foreign or head.foreign]
    alike = [each for each in unsure if _model_id(each) == _model_id(head)]
    if alike or len(alternatives) > 1:
        return alike[:1]
    return [each for each in unsure if not (_is_known(each) and _is_known(head))]


def _is_known(stored: EmbeddedSet) -> bool:
    """Whether it is known which model of ours it is of."""
    return not stored.foreign or stored.key.model in FOREIGN_NAMES


def _are_same(one: EmbeddedSet, other: EmbeddedSet) -> bool:
    identities = [each.origin.identity for each in (one, other)]
    files = [identity["checkpoints"] for identity in identities if "checkpoints" in identity]
    same = one.foreign == other.foreign and one.key == other.key
    return same and all(each == files[0] for each in files)


def _noting_code(embedded: EmbeddedSet, head: EmbeddedSet) -> EmbeddedSet:
    """Note that other code exported a set's model: its weights are the same, its numbers need not be."""
    identity, code = embedded.origin.identity, embedded.origin.identity.get("code", "")
    if code in ("", head.origin.identity.get("code", "")) or not head.origin.identity.get("code", ""):
        return embedded
    note = (
        f"its model was exported by a different version of the code ({identity['fad_core_version']}, {code})"
    )
    return replace(embedded, note=_joined(embedded, note))


def _assumed(embedded: EmbeddedSet, head: EmbeddedSet) -> EmbeddedSet:
    ours, theirs = (each.statistics_of().dimension for each in (embedded, head))
    if ours != theirs:
        raise FadError(
            f"{embedded.name} has {ours} dimensions, {head.name} has {theirs}: they cannot come from the "
            "same model"
        )
    foreign = embedded if embedded.foreign else head
    note = f"made with {describe(embedded)}, assumed to be the same model{_prepared(foreign)}"
    return replace(embedded, key=head.key, note=_joined(embedded, note))


def _prepared(foreign: EmbeddedSet) -> str:
    """What is known of how another package prepares sound for its model, to be added to a note."""
    known = FOREIGN_NAMES.get(foreign.key.model)
    return f", prepared differently by {known.packages} ({known.preparation})" if known else ""


def _joined(embedded: EmbeddedSet, note: str) -> str:
    return "; ".join(filter(None, (embedded.note, note)))
