"""Windows of many files in batches of one size: nothing lost, nothing mixed up."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fad_core.runner.window_batches import Batches, even_size


@given(st.lists(st.integers(1, 9), max_size=12), st.integers(1, 8))
def test_every_file_gets_back_its_own_windows_from_whole_batches(counts: list[int], size: int) -> None:
    ends = np.cumsum([0, *counts])
    files = [
        (np.arange(start, stop, dtype=np.float32)[:, None], np.arange(start, stop) % 2 == 0)
        for start, stop in pairwise(ends)
    ]
    seen = []

    def network(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        seen.append((len(first), len(second)))
        return np.concatenate([first, second[:, None]], axis=1).astype(np.float32), -first

    batches = Batches(size)
    found = list(batches.files(network(*batch) for batch in batches.batches(files)))

    assert [len(item) for item, _ in found] == counts
    for (item, other), (first, second) in zip(found, files, strict=True):
        np.testing.assert_array_equal(item, np.column_stack([first, second]))
        np.testing.assert_array_equal(other, -first)
    assert seen == [(size, size)] * -(-sum(counts) // size)


def test_files_come_out_as_soon_as_their_batches_have() -> None:
    def endless():
        while True:
            yield (np.ones((3, 2), np.float32),)

    batches = Batches(4)
    files = batches.files(batches.batches(endless()))
    assert [len(next(files)[0]) for _ in range(100)] == [3] * 100


def test_no_file_makes_no_batch() -> None:
    assert list(Batches(4).batches([])) == []


@pytest.mark.parametrize("lanes", [0, 1, 3])
@pytest.mark.parametrize(
    ("model_id", "runner"), [("vggish", "fast"), ("vggish", "plain"), ("encodec-24k", "fast")]
)
def test_embeddings_do_not_depend_on_company_nor_on_lanes(seeded_export, model_id, runner, lanes) -> None:
    import torch

    from fad_core.runner.backend import Backend
    from fad_core.runner.exported import ExportedModel

    exported = ExportedModel(seeded_export(model_id), backend=Backend(runner), batch_size=4)
    rate = exported.model.sample_rate
    random = np.random.default_rng(0)
    sounds = [random.uniform(-1, 1, (1, int(rate * s))).astype(np.float32) for s in (1, 3.3, 1, 6, 2)]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        alone = [exported.embed(sound)["embedding"] for sound in sounds]
        together = [
            vectors["embedding"]
            for vectors in exported.embed_many(map(exported.model.frontend, sounds), lanes)
        ]
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(threads)
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_window_is_embedded_alike_in_a_batch_of_any_size(seeded_export) -> None:
    """On which it rests that a last batch is not filled."""
    import torch

    from fad_core.runner.exported import ExportedModel

    exported = ExportedModel(seeded_export("vggish"))
    windows = torch.from_numpy(np.random.default_rng(0).standard_normal((40, 1, 96, 64), np.float32))
    (expected,) = exported.network(windows)
    for size in (1, 2, 3, 7, 31, 32):
        np.testing.assert_array_equal(exported.network(windows[:size])[0], expected[:size])
        np.testing.assert_array_equal(exported.network(windows[-size:])[0], expected[-size:])


def test_the_last_batch_need_not_be_filled() -> None:
    files = [(np.arange(3.0),), (np.arange(7.0),)]
    assert [len(batch) for (batch,) in Batches(4, whole=False).batches(files)] == [4, 4, 2]
    assert [len(batch) for (batch,) in Batches(4).batches(files)] == [4, 4, 4]


@given(st.integers(1, 500), st.integers(1, 9), st.integers(1, 40))
def test_even_batches_keep_all_lanes_busy_alike(windows: int, lanes: int, largest: int) -> None:
    size = even_size(windows, lanes, largest)
    assert 1 <= size <= largest
    batches = [len(batch) for (batch,) in Batches(size, whole=False).batches([(np.zeros(windows),)])]
    by_lane = [sum(batches[lane::lanes]) for lane in range(lanes)]
    rounds = -(-windows // (lanes * largest))
    assert max(by_lane) < windows / lanes + rounds
    assert len(batches) <= lanes * rounds


@pytest.mark.parametrize("model_id", ["vggish", "vggish-pca", "vggish-activation"])
def test_windows_of_built_in_models_are_all_left_to_kernels(seeded_export, model_id) -> None:
    from fad_core.runner.exported import ExportedModel

    assert ExportedModel(seeded_export(model_id), origin="own")._load()._network.any_batch
