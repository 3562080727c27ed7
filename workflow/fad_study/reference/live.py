"""The level *reference*: compare a model with the original package, run on the same checkpoint and clips.

`scripts/original_embeddings.py` runs the original in an environment of its own. This module then compares:

* *frontend*: the features of this package with the input of the original's network;
* *network*: the embeddings of the `.pt2` from that input with those of the original;
* *embedding*: the embeddings of the whole way from a file with those of the original;
* *fad*: the exact Fréchet distance of two groups of files, from the embeddings of both.

The distance that the original itself prints is reported too (`Distances`); its matrix square root is less
exact. This level is optional, and never reported as passed if it was not run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
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
    Embeddings,
    compare,
    compare_distance,
    distance_of_groups,
    settle,
)

GROUPS = ("reference", "evaluation")

# Relative, of features, also in decibels: both packages compute them on this processor by the same libraries.
LIVE_FRONTEND_TOLERANCE = 1e-6


@dataclass(frozen=True)
class OriginalRun:
    """The output of `scripts/original_embeddings.py`.

    Attributes:
        entries: arrays by name, read on access.
        meta: the run's distance, failures, versions and times.
    """

    entries: Mapping[str, NDArray[Any]]
    meta: Mapping[str, Any]

    @classmethod
    def load(cls, path: Path) -> OriginalRun:
        """Read an output file.

        Args:
            path: path of the `.npz` file.

        Raises:
            VerificationError: the file is missing or damaged.
        """
        try:
            entries = np.load(path, allow_pickle=False)
            return cls(entries, json.loads(str(entries["meta"])))
        except (OSError, ValueError, KeyError) as error:
            raise VerificationError(f"{path} holds no embeddings of the original package: {error}") from error

    def embeddings(self, case: str) -> Embeddings:
        """Return the embeddings of a clip, `[N, D]`."""
        return self.entries[f"embeddings/{case}"]

    def features(self, case: str) -> Arrays:
        """Return the input of the original's network, in the form of `EmbeddingModel.frontend`."""
        names = sorted(name for name in self.entries if name.startswith(f"features/{case}/"))
        return tuple(self.entries[name] for name in names)

    def others(self, case: str) -> dict[str, Embeddings]:
        """Return what the original's other outputs gave for a clip, `[N, D]` by the names of the outputs."""
        start = f"others/{case}/"
        return {
            name.removeprefix(start): self.entries[name] for name in self.entries if name.startswith(start)
        }

    def unrounded(self, case: str) -> Embeddings | None:
        """Return the quantised embeddings of a clip before rounding, `[N, D]`; None if not quantised."""
        return self.entries.get(f"before_quantisation/{case}")


@dataclass(frozen=True)
class Distances:
    """The Fréchet distance of two groups of clips, computed in several ways.

    Attributes:
        original: of the original's embeddings, by the exact formula.
        here: of the embeddings of this package, by the exact formula.
        printed: the number that the original prints; None if it prints none.
        printed_here: the value of this package for it, with `Options.compatibility`.
        failure: the error of the original with the SciPy of its environment, "" if it has none; `printed` is
            then its number with an older SciPy.
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
        original: the output of the original for these clips.
        progress: called with the name of each clip.
        imitating: the `.pt2` with `Options.compatibility`, for models of which the original takes the values
            as scalars; None: `exported`.

    Raises:
        VerificationError: the original was run for another model.
    """
    model = exported.model
    imitating = imitating or exported
    facts: Mapping[str, Mapping[str, Any]] = json.loads((clips / "clips.json").read_text(encoding="utf-8"))
    if original.meta["model"] != model.name:
        raise VerificationError(f"the original was run as {original.meta['model']}, not as {model.name}")
    scalars = model.quirks.scalar_statistics
    checks: list[Check] = []
    ours, theirs, imitated = _groups(), _groups(), _groups()
    for case, fact in facts.items():
        if progress is not None:
            progress(case)
        found, compared = _compare_case(exported, clips / f"{case}.wav", fact, original)
        checks += compared
        if group := fact["group"]:
            ours[group].append(found)
            theirs[group].append(original.embeddings(case))
            if scalars:
                imitated[group].append(imitating.embed_features(original.features(case))[model.main_output])
    here, exact = distance_of_groups(ours.values()), distance_of_groups(theirs.values())
    pairs = {"two groups of clips": (here, exact)}
    if scalars:
        pairs["two groups of clips, values as scalars"] = (
            distance_of_groups(map(_as_scalars, imitated.values())),
            distance_of_groups(map(_as_scalars, theirs.values())),
        )
    vectors = sum(len(embeddings) for group in ours.values() for embeddings in group)
    for name, pair in pairs.items():
        checks.append(compare_distance(exported.identity, "reference", name, vectors, *pair))
    # The original prints the distance of the last pair.
    (*_, (printed_here, _)) = pairs.values()
    return checks, Distances(exact, here, original.meta["distance"], printed_here, original.meta["failure"])


def _groups() -> dict[str, list[Embeddings]]:
    return {group: [] for group in GROUPS}


def _as_scalars(group: Sequence[Embeddings]) -> list[Embeddings]:
    return [as_scalars(embeddings) for embeddings in group]


def _compare_case(
    exported: ExportedModel, path: Path, fact: Mapping[str, Any], original: OriginalRun
) -> tuple[Embeddings, list[Check]]:
    """Return the embeddings of one clip, from its file, and the checks of it."""
    use, case = exported.use, path.stem
    if fact["loading"] == "faulty":
        use = replace(use, options=replace(use.options, compatibility="frechet-audio-distance"))
    waveform, rate = read_audio(path)
    features = use.frontend(prepare_waveform(waveform, rate, use), fact["key"])
    given, expected = original.features(case), original.embeddings(case)
    checks = list(_compare_features(exported, case, features, given))
    vectors = exported.embed_features(given)
    through = vectors[use.model.main_output]
    same = all(np.array_equal(a, b) for a, b in zip(features, given, strict=True))
    # Features that are equal bit by bit need not be embedded twice.
    whole = vectors if same else exported.embed_features(features)
    embedded = whole[use.model.main_output]
    for output, theirs in original.others(case).items():
        checks.append(
            compare(
                exported.identity,
                "reference",
                case,
                whole[output],
                theirs,
                use.model.tolerance,
                quantity=output,
            )
        )
    for quantity, found in (("network", through), (use.model.main_output, embedded)):
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


def _compare_features(
    exported: ExportedModel, case: str, features: Arrays, expected: Arrays
) -> Iterator[Check]:
    for index, (found, theirs) in enumerate(zip(features, expected, strict=True)):
        name = f"{case}, input {index + 1}" if len(expected) > 1 else case
        tolerance = LIVE_FRONTEND_TOLERANCE
        yield compare(exported.identity, "reference", name, found, theirs, tolerance, quantity="frontend")
