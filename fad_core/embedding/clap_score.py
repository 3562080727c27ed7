"""The CLAP score of an embedded data set and its captions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fad_core.datasets.captions import BY_NAME_NOTE, Captions
from fad_core.datasets.decisions import FileDecision
from fad_core.datasets.remarks import set_notes
from fad_core.embedding.distances import SEEDED_NOTE
from fad_core.embedding.embedded_set import EmbeddedSet
from fad_core.errors import DatasetError
from fad_core.metrics.base import CLAP_SCORE_NAME
from fad_core.metrics.clap_score import cosines
from fad_core.metrics.interval_options import IntervalOptions
from fad_core.metrics.mean_system import mean_value
from fad_core.models.base import Arrays
from fad_core.models.use import ModelKey
from fad_core.runner.exported_network import ExportedNetwork
from fad_core.util.formatting import counted

SEVERAL_NOTE = "a file has their mean"
"""End of the note of a score whose files have several captions."""

Row = dict[str, Any]


def embed_captions(
    exported: ExportedNetwork, features: Callable[[str], Arrays], captions: Sequence[str]
) -> NDArray[np.float32]:
    """Embed captions, each once.

    Args:
        exported: the model of captions.
        features: makes what its network takes of a caption (`fad_core.models.tokenizer.Tokenizer`).
        captions: the captions.

    Returns:
        float32 `[N, D]`.
    """
    once = list(dict.fromkeys(captions))
    output = exported.model.main_output
    found = exported.embed_many(map(features, once), exported.lanes, [1] * len(once))
    vectors = {caption: each[output][0] for caption, each in zip(once, found, strict=True)}
    return np.stack([vectors[caption] for caption in captions])


@dataclass(frozen=True, eq=False)
class Paired:
    """The captions of a data set and their files, in the order of the table of captions.

    Attributes:
        key: the model of audio.
        places: places in the table of the captions whose files were embedded.
        files: of each of these captions, the name of its file.
        audio: of each, the vector of its file, `[N, D]`.
        excluded: number of files that were left out.
        note: what a reader of the score should know.
    """

    key: ModelKey
    places: Sequence[int]
    files: Sequence[str]
    audio: NDArray[Any]
    excluded: int = 0
    note: str = ""

    def noted(self, note: str) -> Paired:
        """Return the same with another note, if it is not empty."""
        return replace(self, note="; ".join(filter(None, (self.note, note))))


def pair_files(embedded: EmbeddedSet, captions: Captions, names: Sequence[str]) -> Paired:
    """Pair the files of an embedded set with their captions.

    Args:
        embedded: the set, whose vectors were kept.
        captions: the captions of all its files.
        names: names of all its files, those that were left out included.

    Raises:
        DatasetError: captions and files do not fit each other, or a file has several vectors.
    """
    vectors = _vectors_by_file(embedded)
    owners = captions.of_files(names)
    places = [place for place, name in enumerate(owners) if name in vectors]
    files = [owners[place] for place in places]
    notes = [embedded.note, *(set_notes(embedded.counts, embedded.key.settings) if embedded.counts else ())]
    return Paired(
        key=embedded.key,
        places=places,
        files=files,
        audio=np.stack([vectors[name] for name in files]),
        excluded=len(names) - len(set(files)),
        note="; ".join(filter(None, (*notes, BY_NAME_NOTE if captions.files is None else ""))),
    )


def file_names(decisions: Iterable[FileDecision]) -> list[str]:
    """Return the names of all files of a set."""
    return [decision.record.file for decision in decisions]


def _vectors_by_file(embedded: EmbeddedSet) -> dict[str, NDArray[np.float32]]:
    assert embedded.embeddings is not None, "the vectors were kept"
    output = next(iter(embedded.statistics))
    held = {each.file: each.vectors[output] for each in embedded.embeddings}
    if several := [name for name, vectors in held.items() if len(vectors) != 1]:
        raise DatasetError(
            f"{embedded.name}: {several[0]} has {len(held[several[0]])} vectors: a file is compared with its "
            "caption by one, of a part of it (crop)"
        )
    return {name: vectors[0] for name, vectors in held.items()}


def clap_score_rows(
    dataset: str, paired: Paired, captions: Sequence[str], text: NDArray[Any]
) -> tuple[Row, list[Row]]:
    """Return the row of `CLAP_SCORE` and those of `FILE_VALUES` for a data set.

    Args:
        dataset: name of the data set.
        paired: its files.
        captions: all captions of the table.
        text: vectors of these captions, `[captions, D]`.

    Raises:
        DatasetError: a vector is zero or not finite, or the numbers of vectors differ.
    """
    try:
        values = cosines(text[list(paired.places)], paired.audio)
    except ValueError as error:
        raise DatasetError(f"{dataset}: {error}") from error
    seeded = SEEDED_NOTE if paired.key.weights == "seeded" else ""
    key = asdict(paired.key)
    of_files: dict[str, list[float]] = {}
    for file, value in zip(paired.files, values.tolist(), strict=True):
        of_files.setdefault(file, []).append(value)
    means = np.array([np.mean(own) for own in of_files.values()])
    counts = f"{counted(len(values), 'caption')} of {counted(len(means), 'file')}"
    note = f"{counts}: {SEVERAL_NOTE}" if len(means) < len(values) else ""
    score = mean_value(list(of_files), means, IntervalOptions().level, note)
    row = {
        **key,
        "dataset": dataset,
        "value": score.value,
        "std": float(np.std(means)),
        "ci_low": score.ci_low,
        "ci_high": score.ci_high,
        "files": len(means),
        "excluded": paired.excluded,
        "note": "; ".join(filter(None, (seeded, paired.note, score.note))),
    }
    each = zip(paired.files, paired.places, values.tolist(), strict=True)
    head = {"reference": "", "evaluation": dataset, "metric": CLAP_SCORE_NAME, "metric_settings": ""}
    return row, [
        {**key, **head, "file": file, "caption": captions[place], "value": value}
        for file, place, value in each
    ]
