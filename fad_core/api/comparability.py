"""Which embedded sets may be compared: those of the same model, by all that is known of it.

Each set comes as its statistics by one model or several. `same_model` picks, for each model, the statistics
of every set, or says which set is of another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fad_core.api.foreign_names import FOREIGN_NAMES
from fad_core.api.statistics_files import StoredSet
from fad_core.errors import FadError

Alternatives = Sequence[StoredSet]
"""One set's statistics, by each model that it was embedded with."""


def same_model(
    sets: Sequence[Alternatives], *, models: Sequence[str] = (), assume: bool = False
) -> list[list[StoredSet]]:
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
    wanted = [head for head in leader if not models or {head.set.model, head.model_id} & set(models)]
    if not wanted:
        raise FadError(
            f"{leader[0].set.dataset} holds no statistics of {', '.join(models)}, but of "
            f"{', '.join(head.set.model or 'a model it does not name' for head in leader)}"
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


def describe(stored: StoredSet) -> str:
    """What a set is of, in words."""
    if stored.foreign:
        return f"{stored.set.model or 'a model it does not name'} ({stored.source}, weights not named)"
    settings = f", {stored.set.settings}" if stored.set.settings else ""
    return f"{stored.set.model} ({stored.set.weights} weights {stored.set.weights_sha256[:8]}{settings})"


def _pick(alternatives: Alternatives, head: StoredSet, *, assume: bool) -> StoredSet:
    for each in alternatives:
        if _are_same(each, head):
            return _noting_code(each, head)
    first = alternatives[0]
    possible = _possible(alternatives, head)
    if assume and possible:
        return _assumed(possible[0], head)
    held = " and ".join(describe(each) for each in alternatives)
    text = (
        f"{first.set.dataset} is of {held}, {head.set.dataset} of {describe(head)}: they cannot be compared"
    )
    if possible:
        raise FadError(
            f"{text}. If you know that the model is the same, choose:", [("assume_same_model", True)]
        )
    raise FadError(text)


def _possible(alternatives: Alternatives, head: StoredSet) -> list[StoredSet]:
    """Which of a set's statistics may be assumed to be of the head's model: at most one.

    A name that stands for a model of ours (`fad_core.api.foreign_names`) stands for no other one.
    """
    unsure = [each for each in alternatives if each.foreign or head.foreign]
    alike = [each for each in unsure if each.model_id == head.model_id]
    if alike or len(alternatives) > 1:
        return alike[:1]
    return [each for each in unsure if not (_is_known(each) and _is_known(head))]


def _is_known(stored: StoredSet) -> bool:
    """Whether it is known which model of ours it is of."""
    return not stored.foreign or stored.set.model in FOREIGN_NAMES


def _are_same(one: StoredSet, other: StoredSet) -> bool:
    ours, theirs = (
        (s.foreign, s.set.model, s.set.weights, s.set.weights_sha256, s.set.settings) for s in (one, other)
    )
    files = [s.identity["checkpoints"] for s in (one, other) if "checkpoints" in s.identity]
    return ours == theirs and all(each == files[0] for each in files)


def _noting_code(stored: StoredSet, head: StoredSet) -> StoredSet:
    """Say of a set that other code exported its model: its weights are the same, its numbers need not be."""
    codes = [s.identity.get("code", "") for s in (stored, head)]
    if "" in codes or codes[0] == codes[1]:
        return stored
    note = f"its model was exported by other code ({stored.identity['fad_core_version']}, {codes[0]})"
    return replace(stored, set=replace(stored.set, note=_joined(stored, note)))


def _assumed(stored: StoredSet, head: StoredSet) -> StoredSet:
    if stored.set.statistics.dimension != head.set.statistics.dimension:
        raise FadError(
            f"{stored.set.dataset} has {stored.set.statistics.dimension} dimensions, {head.set.dataset} "
            f"{head.set.statistics.dimension}: they cannot be of the same model"
        )
    note = (
        f"of {describe(stored)}, assumed to be the same model{_prepared(stored if stored.foreign else head)}"
    )
    like = {name: getattr(head.set, name) for name in ("model", "weights", "weights_sha256", "settings")}
    return replace(stored, set=replace(stored.set, note=_joined(stored, note), **like))


def _prepared(foreign: StoredSet) -> str:
    """What is known of how another package prepares sound for its model, to be added to a note."""
    known = FOREIGN_NAMES.get(foreign.set.model)
    return f", prepared otherwise by {known.packages} ({known.preparation})" if known else ""


def _joined(stored: StoredSet, note: str) -> str:
    return "; ".join(filter(None, (stored.set.note, note)))
