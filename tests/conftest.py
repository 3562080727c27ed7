"""What all tests share: how hypothesis runs, and exported models with seeded weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no fault of the code.
settings.register_profile("fad", deadline=None)
settings.load_profile("fad")


@pytest.fixture(scope="session", autouse=True)
def single_first() -> None:
    """What resampy gives for float32, with which much is compared, would depend on which test came before."""
    from fad_core.resample import compile_single_first

    compile_single_first()


@pytest.fixture(scope="session")
def seeded_export(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Path]]:
    """Give the `.pt2` of a model id with seeded weights, made once a session: 290 MB and 5 s each."""
    from fad_core.models import get_model
    from fad_core.pt2 import export_model
    from fad_core.weights import locate_weights

    folder = tmp_path_factory.mktemp("exported")

    @cache
    def export(model_id: str) -> Path:
        path = folder / f"{model_id}.pt2"
        model = get_model(model_id)
        export_model(model, locate_weights(model, "seeded"), path)
        return path

    yield export
    # pytest keeps the temporary folders of three sessions.
    for path in folder.iterdir():
        path.unlink()
