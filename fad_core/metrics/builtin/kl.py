"""KL: the mean divergence of the class probabilities of paired files, as papers on text-to-audio report it.

    KL(p ‖ q) = Σ p (log p − log q)

p and q are a classifier's probabilities of the two files of a pair: softmax of its logits, or each class by
itself. The packages that compute it differ in what is added to q and even in the direction:

* av-benchmark: KL(reference ‖ evaluation), exact;
* audioldm_eval: KL(reference ‖ evaluation), with 1e-6 added to the probabilities of the evaluation;
* stable-audio-metrics: KL(evaluation ‖ reference), with 1e-6 added to the probabilities of the reference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from fad_core.metrics.base import Metric, MetricInput, MetricValue, Need
from fad_core.metrics.interval_options import class_probabilities
from fad_core.metrics.pairing import PairedOptions
from fad_core.util.choices import choice

_ADDED = 1e-6


@dataclass(frozen=True)
class KlOptions(PairedOptions):
    """Options of KL.

    Raises:
        ArgumentError: an option has no valid value.
    """

    convention: Literal["exact", "audioldm_eval", "stable-audio-metrics"] = choice(
        "exact",
        "Package whose definition is used: exact (KL(reference ‖ evaluation), also that of av-benchmark), "
        "audioldm_eval (KL(reference ‖ evaluation), 1e-6 added to the evaluation's probabilities) or "
        "stable-audio-metrics (KL(evaluation ‖ reference), 1e-6 added to the reference's probabilities).",
    )
    form: Literal["softmax", "sigmoid"] = choice(
        "softmax",
        "Probabilities of the classes: softmax, or sigmoid (each class by itself, summed over the classes).",
    )
    windows: Literal["mean", "max"] = choice(
        "mean", "Logits of a file with several windows: their mean, or the largest of each class (max)."
    )


def _compute(reference: MetricInput, evaluation: MetricInput, options: KlOptions) -> MetricValue:
    from fad_core.metrics.classes import file_logits, kl_divergences
    from fad_core.metrics.mean_system import mean_value
    from fad_core.metrics.pairing import paired_files

    first, second = (
        file_logits(each.vectors_of("logits"), options.windows) for each in (reference, evaluation)
    )
    names, others, note = paired_files(first.files, second.files, common=options.partners == "common")
    p, q = first.of(names).logits, second.of(others).logits
    if options.convention == "stable-audio-metrics":
        p, q = q, p
    added = 0.0 if options.convention == "exact" else _ADDED
    values = kl_divergences(p, q, independent=options.form == "sigmoid", added=added)
    found = mean_value(others, values, options.level, note)
    if found.ci_low is None or options.form == "sigmoid":
        return found
    # With probabilities q that add up to 1 + C · added, no divergence is below - log of that.
    least = 0.0 - math.log1p(p.shape[1] * added)
    return replace(found, ci_low=max(least, found.ci_low))


def _computed(options: KlOptions) -> str:
    reference, added = "KL(reference ‖ evaluation)", "with 1e-6 added to the probabilities of the"
    conventions = {
        "exact": reference,
        "audioldm_eval": f"{reference}, {added} evaluation",
        "stable-audio-metrics": f"KL(evaluation ‖ reference), {added} reference",
    }
    each = ", of each class by itself" if options.form == "sigmoid" else ""
    return (
        f"as the mean, over pairs of files of the same name, of {conventions[options.convention]}, where the "
        f"probabilities of a file are {class_probabilities(options.windows, options.form)}{each}"
    )


METRIC = Metric(
    "kl",
    "Kullback-Leibler divergence of class probabilities",
    symmetric=False,
    needs=(Need("vectors", "logits"),),
    compute=_compute,
    of_files=True,
    options=KlOptions,
    computed=_computed,
    interval="of the mean over pairs of files, by Student's t",
)
