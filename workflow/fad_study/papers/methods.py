"""A paragraph for the methods section of a paper: how the numbers of a study were computed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from fad_core.embedding.clap_score import SEVERAL_NOTE
from fad_core.models.use import ModelUse
from fad_core.util.formatting import counted, duration, weights_text
from fad_study.correlations import POOLS
from fad_study.paper_options import CorrelationChoice
from fad_study.papers.caption_methods import caption_sentences
from fad_study.papers.cells import by_set, listed, merged, remarks
from fad_study.papers.citations import cite
from fad_study.papers.metric_methods import metric_sentences
from fad_study.versions import versions

Row = Mapping[str, Any]
Models = Mapping[str, ModelUse]

_HASH_DIGITS = 16
_PRINTED = ("fad_core", "Python", "torch", "numpy", "scipy", "libsndfile", "resampy", "snakemake")
_SHARED = {"sound": " at ", "dimension": " in ", "weights": ", with ", "settings": ", used with "}
"""What comes before a fact that is said once for all models of a family."""
_FAMILIES = {
    "vggish": "VGGish",
    "pann": "PANN",
    "encodec": "EnCodec",
    "clap": "CLAP",
    "cdpam": "CDPAM",
    "passt": "PaSST",
    "msclap": "MS-CLAP",
}


def score_sentences(
    models: Models,
    distances: Sequence[Row],
    datasets: Sequence[Row],
    ranking: Sequence[Row] = (),
    scores: Sequence[Row] = (),
) -> Iterator[str]:
    """Yield sentences on how values were computed: metrics, models, weights, rates, resampler, clips.

    Args:
        models: by their names in the study.
        distances: rows of a DISTANCES table.
        datasets: rows of a DATASETS table.
        ranking: rows of a RANKING table.
        scores: rows of a CLAP_SCORE table.
    """
    if distances:
        yield from metric_sentences(models, distances, ranking)
    if scores:
        yield from caption_sentences(models, scores)
    first = {row["model"]: row for row in reversed([*distances, *scores])}
    used = {name: use for name, use in models.items() if name in first}
    for family in dict.fromkeys(use.model.family for use in used.values()):
        yield _family_sentence({name: use for name, use in used.items() if use.model.family == family}, first)
    yield from _convention_sentences(used)
    yield from _clip_sentences(list(used), datasets)
    yield from _warnings(list(used), distances, "distances")
    yield from _warnings(list(used), scores, "CLAP scores")
    seeded = [name for name in used if first[name]["weights"] == "seeded"]
    if seeded:
        yield (
            f"Warning: the weights of {listed(seeded)} are seeded, a deterministic fill and not a "
            "published model: these numbers show that the computation runs, and must not be reported as "
            "results."
        )


def correlation_sentences(choice: CorrelationChoice, seed: int, correlations: Sequence[Row]) -> Iterator[str]:
    """Yield sentences on how correlations were computed.

    Args:
        choice: what was correlated.
        seed: seed of the resamples.
        correlations: rows of a CORRELATIONS table.
    """
    embeddings = counted(len({row["embedding"] for row in correlations}), "embedding")
    criteria = dict.fromkeys(row["criterion"] for row in correlations)
    categories = dict.fromkeys(row["category"] for row in correlations if row["category"] not in POOLS)
    yield (
        f"Distances computed with {embeddings} were correlated with listeners' ratings "
        f"({', '.join(criteria)}) of the same systems (Pearson, Spearman, Kendall's tau-b): pooled over all "
        f"pairs of a system and a category of sound ({', '.join(categories)}), of the systems' means over "
        "these, and within each of them, with the mean of the coefficients."
    )
    yield (
        f"Intervals are the central {100 * choice.confidence:g} % of {choice.resamples:,} bootstrap "
        f"resamples of the systems (seed {seed}), each drawn with all its categories."
    )


def version_sentence() -> str:
    """Return a sentence with the versions of this package and of those that it runs on."""
    known = dict(versions())
    # Resampy is cited where it is used.
    cited = {name: "" if name == "resampy" else cite(name) for name in _PRINTED}
    return f"Versions: {', '.join(f'{name} {known[name]}{cited[name]}' for name in _PRINTED)}."


def _family_sentence(used: Models, first: Mapping[str, Row]) -> str:
    """Return a sentence on the models of a family; what they have in common is said once."""
    facts = {name: _facts(use, first[name]) for name, use in used.items()}
    some = next(iter(facts.values()))
    shared = [key for key in _SHARED if some[key] and len({each[key] for each in facts.values()}) == 1]
    own = {
        name: ", ".join(text for key, text in each.items() if key not in shared and text)
        for name, each in facts.items()
    }
    named = [f"{_called(name, used[name])} ({text})" for name, text in own.items()]
    family = next(iter(used.values())).model.family
    common = "".join(f"{_SHARED[key]}{some[key]}" for key in shared)
    return f"{_FAMILIES.get(family, family)}{cite(family)} embedded audio{common}: {listed(named)}."


def _called(name: str, use: ModelUse) -> str:
    return name if name == use.model.name else f"{name}, which is {use.model.name}"


def _facts(use: ModelUse, row: Row) -> dict[str, str]:
    """Return what is to be said of a model."""
    model = use.model
    kinds = {1: "mono (the mean of all channels)", 2: "stereo"}
    return {
        "sound": f"{model.sample_rate} Hz {kinds.get(model.channels, f'with {model.channels} channels')}",
        "dimension": f"{model.dimension} dimensions",
        "weights": "seeded weights" if row["weights"] == "seeded" else weights_text(row["weights"]),
        "settings": row["settings"],
        "sha256": f"sha256 {row['weights_sha256'][:_HASH_DIGITS]}…",
    }


def _convention_sentences(used: Models) -> Iterator[str]:
    """Yield sentences on loudness, on the resampler, and on the conventions of other packages."""
    targets = {name: use.options.loudness for name, use in used.items() if use.options.loudness is not None}
    for some, target in merged(list(targets), lambda name: f"{targets[name]:g}"):
        of = "Each file" if len(some) == len(used) else f"For {listed(some)}, each file"
        yield (
            f"{of} was scaled by a gain to an integrated loudness of {target} LUFS (ITU-R BS.1770-4), as "
            f"pyloudnorm {dict(versions())['pyloudnorm']}{cite('loudness')} measures it."
        )
    fadtk = [name for name, use in used.items() if use.options.imitate_fadtk]
    if len(fadtk) < len(used):
        others = [name for name in used if name not in fadtk]
        of = f" of {listed(others)}" if fadtk else " of each model"
        yield f"Audio was resampled to the rate{of} by resampy (kaiser_best){cite('resampy')}."
    if fadtk:
        yield (
            f"For {listed(fadtk)}, audio was prepared as by fadtk{cite('fadtk')}: resampled by the "
            f"Kaiser-windowed sinc of torchaudio{cite('torchaudio')} and rounded to 16 bits; embeddings were "
            "rounded to float16."
        )
    scalars = [name for name, use in used.items() if use.takes_scalars]
    if scalars:
        yield (
            f"All components of the vectors of {listed(scalars)} were treated as one sample of scalars, as "
            "frechet-audio-distance does: these are distances between one-dimensional Gaussians."
        )


def _clip_sentences(names: Sequence[str], datasets: Sequence[Row]) -> Iterator[str]:
    """Yield the numbers of clips and of vectors; models with the same numbers share a sentence."""

    def rows(name: str) -> list[Row]:
        # A warning names the sets of which nothing is known but mean and covariance.
        return [row for row in datasets if row["model"] == name and row["used"] is not None]

    names = list(filter(rows, names))
    if not names:
        return
    clips = merged(names, lambda name: _clips(rows(name)))
    for some, text in clips:
        yield f"{listed(some)} embedded {text}." if clips[1:] else f"Each model embedded {text}."
    vectors = merged(names, lambda name: _vectors(rows(name)))
    counts = [f"{text} by {listed(some)}" if vectors[1:] else text for some, text in vectors]
    yield f"This gave these numbers n of vectors: {'; '.join(counts)}."


def _clips(rows: Sequence[Row]) -> str:
    used = [row["used"] + row["padded"] for row in rows]
    seconds = duration(sum(row["seconds"] for row in rows))
    padded, excluded = (sum(row[key] for row in rows) for key in ("padded", "excluded"))
    apart = (
        f"{padded} were padded with zeros to the shortest length that is accepted, {excluded} excluded"
        if padded or excluded
        else "none was padded or excluded"
    )
    of = f"of {counted(len(rows), 'set')}, {by_set(rows, used)}"
    return f"{counted(sum(used), 'clip')} ({seconds}) {of}; {apart}"


def _vectors(rows: Sequence[Row]) -> str:
    return by_set(rows, [row["vectors"] for row in rows])


def _warnings(names: Sequence[str], rows: Sequence[Row], what: str) -> Iterator[str]:
    """Yield the remarks on values, with the numbers of values by each model that have them."""
    # That files have several captions is said of the score itself.
    found = {
        name: [
            [remark for remark in remarks([row]) if not remark.endswith(SEVERAL_NOTE)]
            for row in rows
            if row["model"] == name
        ]
        for name in names
    }

    def shares(remark: str) -> str:
        counts = {name: sum(remark in each for each in found[name]) for name in names}
        if sum(counts.values()) == len(rows):
            return f"all {what}"
        some = [f"{count} of {len(found[name])} by {name}" for name, count in counts.items() if count]
        return f"{what} ({', '.join(some)})"

    every = list(dict.fromkeys(chain.from_iterable(chain.from_iterable(found.values()))))
    for some, share in merged(every, shares):
        yield f"Warning for {share}: {'; '.join(some)}."
