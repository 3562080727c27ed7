"""Correlation of distances with listeners' ratings, over systems and categories of sound.

After Tailleur et al. 2024, "Correlation of Fréchet Audio Distance With Human Perception of Environmental
Audio Is Embedding Dependent" (arXiv 2403.17508): for each embedding and criterion the correlation of
distance and rating over all (system, category) pairs, and over the systems of each category, with the mean
of the latter. This package adds the correlation of the systems' means, rank coefficients, and bootstrap
intervals over systems.
"""

from __future__ import annotations

from fad_study.correlations.coefficients import STATISTICS, bootstrap, correlate, draw_systems
from fad_study.correlations.grid import Grid, read_grids, seeded_embeddings
from fad_study.correlations.table import Options, Published, correlation_rows, read_published
from fad_study.ratings import CATEGORY_MEAN, GLOBAL, POOLS, SYSTEM_MEANS

__all__ = [
    "CATEGORY_MEAN",
    "GLOBAL",
    "POOLS",
    "STATISTICS",
    "SYSTEM_MEANS",
    "Grid",
    "Options",
    "Published",
    "bootstrap",
    "correlate",
    "correlation_rows",
    "draw_systems",
    "read_grids",
    "read_published",
    "seeded_embeddings",
]
