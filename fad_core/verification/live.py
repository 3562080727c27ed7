"""The level *reference*: a model against the original package, run live on the same checkpoint and clips.

`scripts/original_embeddings.py` runs the original in an environment of its own; here is what comes after:

* *frontend*: what ours makes of a file, against what the original gave its network;
* *network*: our `.pt2` on just that, against the original's embeddings;
* *embedding*: from file to embedding, against the original's embeddings;
* *fad*: the exact distance of two groups of files, of our embeddings against that of the original's.

The distance that the original itself prints is put beside it (`Distances`): its covariances and their
square root are its own. Optional, and never called passed where it was not run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fad_core.audio import read_audio
from fad_core.embedding.embed import prepare_waveform
from fad_core.errors import VerificationError
from fad_core.metrics.frechet import frechet_distance
from fad_core.metrics.statistics import Statistics
from fad_core.models.base import Arrays, EmbeddingModel
from fad_core.models.original_quirks import as_scalars
from fad_core.runner.exported import ExportedModel
from fad_core.verification.check import Comparison, compare, compare_distance
from fad_core.verification.verify import DISTANCE_TOLERANCE, settle

Vectors = NDArray[np.float32]

GROUPS = ("reference", "evaluation")

# Features, decibels too: both packages make them on this processor, by libraries of which both have the same.
LIVE_FRONTEND_TOLERANCE = 1e-6


@dataclass(frozen=True)
class OriginalRun:
    """What `scripts/original_embeddings.py` wrote.

    Attributes:
        entries: arrays by name, read when they are asked for.
        meta: the run's distance, failures, versions and times.
    """

    entries: Mapping[str, NDArray[Any]]
    meta: Mapping[str, Any]

    @classmethod
    def load(cls, path: Path) -> OriginalRun:
        """Read its output file.

        Raises:
            VerificationError: it is missing or damaged.
        """
        try:
            entries = np.load(path, allow_pickle=False)
            return cls(entries, json.loads(str(entries["meta"])))
        except (OSError, ValueError, KeyError) as error:
            raise VerificationError(f"{path} holds no embeddings of the original package: {error}") from error

    def embeddings(self, case: str) -> Vectors:
        """Of a clip, `[N, D]`."""
        return self.entries[f"embeddings/{case}"]

    def features(self, case: str) -> Arrays:
        """What the original gave its network: what `EmbeddingModel.frontend` gives."""
        names = sorted(name for name in self.entries if name.startswith(f"features/{case}/"))
        return tuple(self.entries[name] for name in names)

    def unrounded(self, case: str) -> Vectors:
        """Quantised embeddings before they are rounded."""
        return self.entries[f"before_quantisation/{case}"]


@dataclass(frozen=True)
class Distances:
    """The Fréchet distance of two groups of clips, computed in several ways.

    Attributes:
        original: of the original's embeddings, by the exact formula.
        here: of ours.
        printed: the original's own number; None where it has none.
        printed_here: ours for that, with `compatibility: frechet-audio-distance`.
        failure: how the original fails with the SciPy of its environment, if it does; the number is then
            what an older one gives.
    """

    original: float
    here: float
    printed: float | None
    printed_here: float
    failure: str


def verify_reference(
    exported: ExportedModel,
    clips: Path,
    original: OriginalRun,
    progress: Callable[[str], None] | None = None,
    imitating: ExportedModel | None = None,
) -> tuple[list[Comparison], Distances]:
    """Compare an exported model with the original package.

    Args:
        exported: the `.pt2`, on the CPU.
        clips: folder of WAV files and `clips.json` (`fad_study.steps.reference.write_clips`).
        original: what the original gave for these.
        progress: told the name of each clip.
        imitating: the same with `Options.compatibility`, for what the original makes of its values as
            scalars; None: the first one.

    Raises:
        VerificationError: the run was of another model or of other clips.
    """
    model = exported.model
    imitating = imitating or exported
    facts: Mapping[str, Mapping[str, Any]] = json.loads((clips / "clips.json").read_text(encoding="utf-8"))
    if original.meta["model"] != model.name:
        raise VerificationError(f"the original was run as {original.meta['model']}, not as {model.name}")
    rows: list[Comparison] = []
    ours: dict[str, list[Vectors]] = {group: [] for group in GROUPS}
    imitated: dict[str, list[Vectors]] = {group: [] for group in GROUPS}
    theirs: dict[str, list[Vectors]] = {group: [] for group in GROUPS}
    scalars = model.quirks.scalar_statistics
    for case, fact in facts.items():
        if progress is not None:
            progress(case)
        found, compared = _compare_case(exported, clips / f"{case}.wav", fact, original)
        rows += compared
        if fact["group"]:
            ours[fact["group"]].append(found)
            if scalars:
                imitated[fact["group"]].append(
                    imitating.embed_features(original.features(case))[model.main_output]
                )
            theirs[fact["group"]].append(original.embeddings(case))
    distances = Distances(
        original=_distance(theirs),
        here=_distance(ours),
        printed=original.meta["distance"],
        printed_here=_distance(imitated, scalars=True) if scalars else _distance(ours),
        failure=original.meta["failure"],
    )
    vectors = sum(len(embeddings) for group in ours.values() for embeddings in group)
    pairs = {"two groups of clips": (distances.here, distances.original)}
    if scalars:
        expected = _distance(theirs, scalars=True)
        pairs["two groups of clips, values as scalars"] = (distances.printed_here, expected)
    for name, pair in pairs.items():
        rows.append(
            compare_distance(exported.identity, "reference", name, vectors, *pair, DISTANCE_TOLERANCE)
        )
    return rows, distances


def _compare_case(
    exported: ExportedModel, path: Path, fact: Mapping[str, Any], original: OriginalRun
) -> tuple[Vectors, list[Comparison]]:
    """Our embeddings of one clip, from the file, and the rows about it."""
    use, case = exported.use, path.stem
    if fact["loading"] == "faulty":
        use = replace(use, options=replace(use.options, compatibility="frechet-audio-distance"))
    waveform, rate = read_audio(path)
    features = use.frontend(prepare_waveform(waveform, rate, use), fact["key"])
    expected = original.features(case)
    rows = list(_compare_features(exported, case, features, expected))
    through = exported.embed_features(expected)[use.model.main_output]
    same = all(np.array_equal(a, b) for a, b in zip(features, expected, strict=True))
    # What is equal to the last bit need not be embedded twice.
    embedded = through if same else exported.embed_features(features)[use.model.main_output]
    settled = embedded
    for quantity, found in (("network", through), ("embedding", embedded)):
        settled, flips, tolerance = _settled(use.model, found, original, case)
        rows.append(
            compare(
                exported.identity,
                "reference",
                case,
                settled,
                original.embeddings(case),
                tolerance,
                quantity=quantity,
                off_by_quantum=flips,
            )
        )
    return settled, rows


def _compare_features(
    exported: ExportedModel, case: str, features: Arrays, expected: Arrays
) -> Iterator[Comparison]:
    for index, (found, theirs) in enumerate(zip(features, expected, strict=True)):
        name = f"{case}, input {index + 1}" if len(expected) > 1 else case
        tolerance = LIVE_FRONTEND_TOLERANCE
        yield compare(exported.identity, "reference", name, found, theirs, tolerance, quantity="frontend")


def _settled(
    model: EmbeddingModel, found: Vectors, original: OriginalRun, case: str
) -> tuple[Vectors, int, float]:
    """What is compared: embeddings, values off by a quantum that are forgiven, and the tolerance."""
    expected = original.embeddings(case)
    if not model.verification.quantization_step or found.shape != expected.shape:
        return found, 0, model.tolerance
    settled, flips = settle(model, found, expected, original.unrounded(case))
    return settled, flips, 0.0


def _distance(groups: Mapping[str, list[Vectors]], *, scalars: bool = False) -> float:
    """The exact distance of the two groups' embeddings, or of their values as vectors of one dimension."""
    sets = (np.concatenate(groups[group]) for group in GROUPS)
    statistics = (Statistics.from_embeddings(as_scalars(each) if scalars else each) for each in sets)
    return frechet_distance(*statistics).value
