"""Facts in tables about the files behind their vectors: counts, model and settings.

Apart from the readers of tables: an edit of these feeds none but those who read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from fad_core.datasets.counts import SetCounts
from fad_core.util.json_text import parse_object

LARGEST_DIMENSION = 8192
"""D of the vectors that are read: a covariance of half a gigabyte. Embeddings in use have up to 6144."""

_OF_FILES = ("padded", "doubtful", "loud", "silent", "constant")
_SCALARS = {"true": True, "false": False}


def counts_to_row(counts: SetCounts) -> dict[str, Any]:
    """Return the columns of the STATISTICS table that count the files."""
    return {
        **asdict(counts),
        "rates": " ".join(f"{rate}:{files}" for rate, files in counts.rates),
        "sounds": np.array(counts.sounds, dtype=np.int64),
    }


def counts_from_row(row: Mapping[str, Any]) -> SetCounts:
    """The counts in a row of the STATISTICS table.

    Raises:
        ValueError: they cannot be counts.
    """
    counts = {field.name: row[field.name] for field in fields(SetCounts)}
    files = counts["files"]
    for name, value in counts.items():
        if name in ("rates", "sounds"):
            continue
        if type(value) not in (int, float) or not 0 <= value < math.inf:
            raise ValueError(f"{name} is {value!r}")
        if name in _OF_FILES and value > files:
            raise ValueError(f"{name} is {value}, but the number of files is {files}")
    pairs = [pair.partition(":")[::2] for pair in str(counts["rates"]).split()]
    counts["rates"] = tuple((int(rate), int(number)) for rate, number in pairs)
    if sum(number for _, number in counts["rates"]) > files or len(counts["sounds"]) > files:
        raise ValueError(f"it lists sample rates or sounds of more than {files} files")
    return SetCounts(**counts)


def identity_of(text: str, weights_sha256: str) -> dict[str, Any]:
    """Return the identity of a model that a file holds, or {}; the types of compared fields are checked.

    Args:
        text: the identity as JSON; "": none.
        weights_sha256: hash of the weights that the file names elsewhere.

    Raises:
        ValueError: it is not that of a model, or of other weights.
    """
    if not text:
        return {}
    known = parse_object(text)
    wanted: dict[str, type] = {
        "checkpoints": dict,
        "code": str,
        "fad_core_version": str,
        "weights_sha256": str,
    }
    for key, kind in wanted.items():
        if not isinstance(known.get(key), kind):
            raise ValueError(f"its identity has no valid {key!r}")
    if known["weights_sha256"] != weights_sha256:
        raise ValueError(
            f"its identity names the weights {known['weights_sha256'][:8]}, its statistics the weights "
            f"{weights_sha256[:8]}"
        )
    return known


@dataclass(frozen=True)
class EmbeddingFacts:
    """The facts in the metadata of a table of embeddings.

    Attributes:
        identity: of the exported model (`fad_core.runner.identity.Identity`): at least `weights` and
            `weights_sha256`.
        settings: how the model was used, as text.
        outputs: of the model, by name, and the length of one vector of each.
        scalars: whether the vectors are to be taken for scalars.
        counts: what became of the files of each data set, by its name.
        note: what a reader of the distances should know of how they were embedded.
        numerics: the code and the kind of machine that embedded them (`fad_core.runner.numerics`), as text.
    """

    identity: dict[str, Any]
    settings: str
    outputs: Mapping[str, int]
    scalars: bool
    counts: Mapping[str, SetCounts]
    note: str
    numerics: str


def metadata_of(facts: EmbeddingFacts) -> dict[str, str]:
    """The metadata of a table of embeddings, which `facts_of` reads.

    The hashes of sounds, of which there are as many as files, stand apart from the other counts, as hex: JSON
    is read up to a limit.
    """
    counts = {name: counts_to_row(each) for name, each in facts.counts.items()}
    sounds = {name: row.pop("sounds").astype(">i8").tobytes().hex() for name, row in counts.items()}
    return {
        "identity": json.dumps(facts.identity, sort_keys=True),
        "settings": facts.settings,
        "note": facts.note,
        "numerics": facts.numerics,
        "outputs": json.dumps(dict(facts.outputs)),
        "scalars": json.dumps(facts.scalars),
        "counts": json.dumps(counts, sort_keys=True),
        **{f"sounds {name}": each for name, each in sounds.items()},
    }


def facts_of(metadata: Mapping[str, str]) -> EmbeddingFacts:
    """The facts that `metadata_of` has written.

    Raises:
        ValueError: they are missing, or cannot be such facts.
    """
    try:
        identity, outputs, counts = (parse_object(metadata[key]) for key in ("identity", "outputs", "counts"))
        sizes = outputs.values()
        if not sizes or not all(type(size) is int and 0 < size <= LARGEST_DIMENSION for size in sizes):
            raise ValueError("it names no outputs")
        if not all(isinstance(identity[key], str) for key in ("weights", "weights_sha256")):
            raise ValueError("the identity names no weights")
        for name, row in counts.items():
            row["sounds"] = np.frombuffer(bytes.fromhex(metadata[f"sounds {name}"]), dtype=">i8")
        return EmbeddingFacts(
            identity,
            metadata["settings"],
            outputs,
            _SCALARS[metadata["scalars"]],
            {name: counts_from_row(row) for name, row in counts.items()},
            metadata["note"],
            metadata["numerics"],
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"{error} is missing or has the wrong type") from error
