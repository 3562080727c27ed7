#!/usr/bin/env python3
"""Compare metrics with functions of kadtk, torch-fidelity, pytorch-fid, prdc and fadtk on the same arrays.

Run it where this package is installed, and the packages of requirements.txt without their dependencies. The
exit status is 1 if a difference is larger than it should be.
"""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

from benchmarks.functions import Square, fadtk_functions, functions_of, kadtk_functions

from fad_core.metrics.base import SetVectors
from fad_core.metrics.extrapolation import extrapolate_fad
from fad_core.metrics.frechet import frechet_distance
from fad_core.metrics.kernels import CubicKernel, GaussianKernel, kernel_distance
from fad_core.metrics.neighbours import neighbour_shares
from fad_core.metrics.pairwise import median_distance
from fad_core.metrics.statistics import Statistics

Array = NDArray[np.float64]

SIZES = ((60, 45, 8), (600, 800, 128), (100, 90, 128), (1500, 1200, 512))
"""Vectors of the reference, of the evaluation set, and dimensions."""


def as_set(vectors: Array) -> SetVectors:
    """A set of one vector a file."""
    return SetVectors(tuple(map(str, range(len(vectors)))), (1,) * len(vectors), vectors)


def kadtk(x: Array, y: Array) -> list[tuple[str, float, float, float]]:
    """KAD by kadtk's function in float64, with our bandwidth and with its own."""
    import torch

    theirs = kadtk_functions()
    rows = []
    for name, sigma in (("median of the reference", median_distance(x)), ("10", 10.0)):
        expected = theirs["calc_kernel_audio_distance"](
            torch.tensor(x), torch.tensor(y), (None, None), "cpu", sigma, precision=torch.float64
        )
        # It adds 1e-8 to the denominator.
        ours = kernel_distance(as_set(x), as_set(y), GaussianKernel(1 / (2 * sigma**2 + 1e-8)))
        rows.append((f"kad, bandwidth {name}", 100 * ours.value, float(expected), 1e-9))
    # Its median is that of float32 distances.
    sigma = median_distance(y, lower=True)
    expected = theirs["median_pairwise_distance"](torch.tensor(y))
    rows.append(("kadtk's bandwidth", sigma, float(expected), 1e-6))
    expected = theirs["calc_kernel_audio_distance"](
        torch.tensor(x), torch.tensor(y), (None, None), "cpu", precision=torch.float64
    )
    ours = kernel_distance(as_set(x), as_set(y), GaussianKernel(1 / (2 * sigma**2 + 1e-8)))
    rows.append(("kad, bandwidth=kadtk", 100 * ours.value, float(expected), 1e-5))
    return rows


def frechet(x: Array, y: Array) -> list[tuple[str, float, float, float]]:
    """FID by torch-fidelity (eigenvalues of a product) and pytorch-fid (`sqrtm`), of the same statistics."""
    moments = [(data.mean(axis=0), np.cov(data, rowvar=False)) for data in (x, y)]
    theirs = functions_of("torch_fidelity", "metric_fid.py", vprint=lambda *_: None, KEY_METRIC_FID="fid")
    given = [{"mu": mean, "sigma": covariance} for mean, covariance in moments]
    expected = {"torch-fidelity": theirs["fid_statistics_to_metric"](*given, False)["fid"]}
    theirs = functions_of("pytorch_fid", "fid_score.py", linalg=Square)
    expected["pytorch-fid"] = theirs["calculate_frechet_distance"](*moments[0], *moments[1])
    ours = frechet_distance(*map(Statistics.from_embeddings, (x, y))).value
    # Of fewer vectors than dimensions, theirs are roots of eigenvalues that are zero but for rounding.
    limit = 1e-12 if min(len(x), len(y)) > x.shape[1] else 1e-6
    return [(f"fad, {name}", ours, float(value), limit) for name, value in expected.items()]


def torch_fidelity(x: Array, y: Array) -> list[tuple[str, float, float, float]]:
    """KID by torch-fidelity's functions, which take sets of equal size."""

    def check(condition: bool, message: str) -> None:
        assert condition, message

    settings = {"kid_kernel_poly_degree": 3, "kid_kernel_poly_gamma": None, "kid_kernel_poly_coef0": 1}
    theirs = functions_of(
        "torch_fidelity", "metric_kid.py", get_kwarg=lambda name, given: given[name], vassert=check
    )
    size = min(len(x), len(y))
    x, y = x[:size], y[:size]
    expected = theirs["kernel_mmd"](x, y, kid_kernel="poly", **settings)
    ours = kernel_distance(as_set(x), as_set(y), CubicKernel())
    return [("kid", ours.value, float(expected), 1e-9)]


def prdc(x: Array, y: Array) -> list[tuple[str, float, float, float]]:
    """Precision, recall, density and coverage by the package prdc."""
    from prdc import compute_prdc

    rows = []
    for k in (1, 5):
        with contextlib.redirect_stdout(io.StringIO()):
            expected = compute_prdc(x, y, nearest_k=k)
        ours = neighbour_shares(x, y, k)
        rows += [
            (f"{name}, k = {k}", getattr(ours, name), float(value), 1e-12) for name, value in expected.items()
        ]
    return rows


def fadtk(x: Array, y: Array) -> list[tuple[str, float, float, float]]:
    """FAD∞ by fadtk's functions, with draws as in its `score_inf`, from NumPy's seeded generator."""
    if len(y) <= 500 or x.shape[1] > 128:  # too few vectors for it, or minutes
        return []
    theirs = fadtk_functions()
    mean, covariance = theirs["calc_embd_statistics"](x)
    state = np.random.RandomState(7)
    sizes, distances = [int(n) for n in np.linspace(500, len(y), 25)], []
    for size in sizes:
        drawn = y[state.choice(len(y), size=size, replace=True)]
        value = theirs["calc_frechet_distance"](mean, covariance, *theirs["calc_embd_statistics"](drawn))
        distances.append(np.real(value))
    slope, intercept = np.polyfit(1 / np.array(sizes), distances, 1)
    fit = extrapolate_fad(Statistics.from_embeddings(x), as_set(y), sampling="fadtk", seed=7)
    rows = [("fad-inf, fadtk's sampling", fit.intercept, float(intercept), 1e-6)]
    return [*rows, ("slope of fad-inf", fit.slope, float(slope), 1e-6)]


def main() -> int:
    """Print a table of all differences."""
    worst = 0.0
    print("| metric | n, m, d | ours | theirs | relative difference | at most |\n|---|---|---|---|---|---|")
    for n, m, dimension in SIZES:
        rng = np.random.default_rng(dimension)
        x = rng.standard_normal((n, dimension))
        y = rng.standard_normal((m, dimension)) * rng.uniform(0.8, 1.3, dimension) + 0.1
        for compare in (frechet, kadtk, torch_fidelity, prdc, fadtk):
            for name, ours, expected, limit in compare(x, y):
                difference = abs(ours - expected) / max(abs(expected), 1e-300) if ours != expected else 0.0
                worst = max(worst, difference / limit)
                print(
                    f"| {name} | {n}, {m}, {dimension} | {ours:.9g} | {expected:.9g} "
                    f"| {difference:.1e} | {limit:.0e} |"
                )
    return int(not worst <= 1)


if __name__ == "__main__":
    sys.exit(main())
