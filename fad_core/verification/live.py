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
from fad_core.models.base import Arrays
from fad_core.models.original_quirks import as_scalars
from fad_core.runner.exported import ExportedModel
from fad_core.verification.check import (
    Check,
    Vectors,
    compare,
    compare_distance,
    distance_of_groups,
    settle,
)

GROUPS = ("reference", "evaluation")

# Features, decibels too: both packages make them on this processor, by libraries of which both have the same.
FRONTEND_TOLERANCE = 1e-6


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

    def unrounded(self, case: str) -> Vectors | None:
        """Quantised embeddings before they are rounded; None if they are not quantised."""
        return self.entries.get(f"before_quantisation/{case}")


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
) -> tuple[list[Check], Distances]:
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
    model, identity = exported.model, exported.identity
    imitating = imitating or exported
    facts: Mapping[str, Mapping[str, Any]] = json.loads((clips / "clips.json").read_text(encoding="utf-8"))
    if original.meta["model"] != model.name:
        raise VerificationError(f"the original was run as {original.meta['model']}, not as {model.name}")
    checks: list[Check] = []
    ours, theirs, scalars, their_scalars = _groups(), _groups(), _groups(), _groups()
    for case, fact in facts.items():
        if progress is not None:
            progress(case)
        found, compared = _compare_case(exported, clips / f"{case}.wav", fact, original)
        checks += compared
        if group := fact["group"]:
            ours[group].append(found)
            theirs[group].append(original.embeddings(case))
            if model.quirks.scalar_statistics:
                scalars[group].append(as_scalars(imitating.embed_features(original.features(case))))
                their_scalars[group].append(as_scalars(original.embeddings(case)))
    here, exact = distance_of_groups(ours.values()), distance_of_groups(theirs.values())
    pairs = {"two groups of clips": (here, exact)}
    if model.quirks.scalar_statistics:
        pairs["two groups of clips, values as scalars"] = (
            distance_of_groups(scalars.values()),
            distance_of_groups(their_scalars.values()),
        )
    vectors = sum(len(embeddings) for group in ours.values() for embeddings in group)
    for name, pair in pairs.items():
        checks.append(compare_distance(identity, "reference", name, vectors, *pair))
    # What the original prints is its last kind of distance.
    (*_, (printed_here, _)) = pairs.values()
    return checks, Distances(exact, here, original.meta["distance"], printed_here, original.meta["failure"])


def _groups() -> dict[str, list[Vectors]]:
    """Embeddings of the clips of each group."""
    return {group: [] for group in GROUPS}


def _compare_case(
    exported: ExportedModel, path: Path, fact: Mapping[str, Any], original: OriginalRun
) -> tuple[Vectors, list[Check]]:
    """Our embeddings of one clip, from the file, and the checks of it."""
    use, case = exported.use, path.stem
    if fact["loading"] == "faulty":
        use = replace(use, options=replace(use.options, compatibility="frechet-audio-distance"))
    waveform, rate = read_audio(path)
    features = use.frontend(prepare_waveform(waveform, rate, use), fact["key"])
    given, expected = original.features(case), original.embeddings(case)
    checks = list(_compare_features(exported, case, features, given))
    through = exported.embed_features(given)
    same = all(np.array_equal(a, b) for a, b in zip(features, given, strict=True))
    # What is equal to the last bit need not be embedded twice.
    embedded = through if same else exported.embed_features(features)
    for quantity, found in (("network", through), ("embedding", embedded)):
        settled, flips, tolerance = settle(use.model, found, expected, original.unrounded(case))
        check = compare(
            exported.identity,
            "reference",
            case,
            settled,
            expected,
            tolerance,
            quantity=quantity,
            off_by_quantum=flips,
        )
        checks.append(check)
    return settled, checks


def _compare_features(exported: ExportedModel, case: str, features: Arrays, given: Arrays) -> Iterator[Check]:
    for index, (ours, theirs) in enumerate(zip(features, given, strict=True), start=1):
        name = f"{case}, input {index}" if len(given) > 1 else case
        yield compare(
            exported.identity, "reference", name, ours, theirs, FRONTEND_TOLERANCE, quantity="frontend"
        )
