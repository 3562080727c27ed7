from __future__ import annotations

import hashlib
import math
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fake_models import ARRAYS, MAIN, MAIN_LAYOUT
from hypothesis import given
from hypothesis import strategies as st

from fad_core.errors import WeightsError
from fad_core.models.base import Checkpoint, Fill
from fad_core.weights import save_seeded_checkpoint, seeded_state, state_sha256
from fad_core.weights.checkpoint_file import read_checkpoint

# Of MAIN_LAYOUT under the name tiny.pth: must never change.
PINNED = "51ad66a5260b4a91f9a97fdd14f75a0a4aa8189e034cb3d24a899758e8284008"


def with_layout(layout: dict[str, Fill], filename: str = "tiny.pth") -> Checkpoint:
    return replace(MAIN, filename=filename, layout=lambda: layout)


def philox_4x64_10(key: tuple[int, int], counter: int) -> list[int]:
    """One block, written down from the paper (Salmon et al. 2011, section 3.3 and table 2)."""
    mask = 2**64 - 1
    c0, c1, c2, c3 = counter, 0, 0, 0
    k0, k1 = key
    for _ in range(10):
        product_0, product_1 = 0xD2E7470EE14C6C93 * c0, 0xCA5A826395121157 * c2
        c0, c1, c2, c3 = (
            (product_1 >> 64) ^ c1 ^ k0,
            product_1 & mask,
            (product_0 >> 64) ^ c3 ^ k1,
            product_0 & mask,
        )
        k0, k1 = (k0 + 0x9E3779B97F4A7C15) & mask, (k1 + 0xBB67AE8584CAA73B) & mask
    return [c0, c1, c2, c3]


@given(
    count=st.integers(0, 50),
    std=st.floats(0.0, 1e3),
    mean=st.floats(-1e3, 1e3),
    name=st.text(st.characters(exclude_categories=["Cs"])),
)
def test_values_are_those_of_the_recipe(count: int, std: float, mean: float, name: str) -> None:
    """The same numbers from plain Python integers and floats, and a Philox of our own."""
    checkpoint = with_layout({name: Fill((count,), std=std, mean=mean, dtype="float64")})
    digest = hashlib.sha256(f"fad-core seeded weights 1\ntiny.pth\n{name}".encode()).digest()
    key = (int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:16], "little"))
    words = [word for block in range(7) for word in philox_4x64_10(key, block + 1)]
    halves = [half for word in words for half in (word & 0xFFFFFFFF, word >> 32)]
    expected = [mean + (math.sqrt(3) * std) * ((2 * half + 1 - 2**32) / 2**32) for half in halves[:count]]
    assert seeded_state(checkpoint)[name].tolist() == expected


def test_values_are_pinned() -> None:
    state = seeded_state(replace(MAIN, seeded_sha256=PINNED))
    assert state_sha256(state) == PINNED
    assert state["norm.num_batches_tracked"] == 7


def test_other_values_than_the_pinned_ones_are_refused() -> None:
    with pytest.raises(WeightsError, match=r"tiny\.pth are different.*" + "0" * 64):
        seeded_state(replace(MAIN, seeded_sha256="0" * 64))


def test_shapes_types_and_moments() -> None:
    layout = {"w": Fill((100, 1000), std=0.02, mean=0.5), "h": Fill((1000,), std=1.0, dtype="float16")}
    state = seeded_state(with_layout(layout))
    assert list(state) == ["h", "w"]
    assert (state["h"].dtype, state["w"].dtype) == (torch.float16, torch.float32)
    weights = state["w"].double()
    assert weights.shape == (100, 1000)
    assert abs(weights.mean() - 0.5) < 3e-4
    assert abs(weights.std() - 0.02) < 1e-4
    assert weights.min() >= 0.5 - math.sqrt(3) * 0.02
    assert weights.max() <= 0.5 + math.sqrt(3) * 0.02


def test_a_tensor_depends_on_its_own_name_and_file_alone() -> None:
    one, two = Fill((5,), std=1.0), Fill((7, 3), std=1.0)
    alone = seeded_state(with_layout({"a": one}))
    together = seeded_state(with_layout({"b": two, "a": one}))
    elsewhere = seeded_state(with_layout({"a": one}, filename="other.pth"))
    assert torch.equal(alone["a"], together["a"])
    assert not torch.equal(alone["a"], elsewhere["a"])
    assert not torch.equal(together["a"], together["b"].flatten()[:5])


def test_a_longer_tensor_starts_as_a_shorter_one() -> None:
    # Longer than what is drawn at once, and odd.
    long = seeded_state(with_layout({"a": Fill((100_003,), std=1.0)}))["a"]
    short = seeded_state(with_layout({"a": Fill((333,), std=1.0)}))["a"]
    assert torch.equal(long[:333], short)
    assert len(long.unique()) > 99_000


def test_values_take_no_longer_than_those_of_a_generator() -> None:
    layout = {f"{part}": Fill((9_000_000,), std=0.02) for part in range(2)}
    start = time.process_time()
    seeded_state(with_layout(layout))
    ours = time.process_time() - start
    start = time.process_time()
    np.random.default_rng(0).standard_normal(18_000_000, dtype=np.float32)
    assert ours < 5 * (time.process_time() - start)


@pytest.mark.parametrize("checkpoint", [MAIN, ARRAYS])
def test_a_saved_fill_is_read_back(checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "any name.pth"
    save_seeded_checkpoint(checkpoint, path)
    assert [item.name for item in path.parent.iterdir()] == ["any name.pth"]
    state = read_checkpoint(path, checkpoint)
    assert state_sha256(state) == state_sha256(seeded_state(checkpoint))


def test_a_saved_fill_has_the_official_layout_and_always_the_same_bytes(tmp_path: Path) -> None:
    save_seeded_checkpoint(ARRAYS, tmp_path / "one.pth")
    save_seeded_checkpoint(ARRAYS, tmp_path / "two.pth")
    content = torch.load(tmp_path / "one.pth", weights_only=False)
    assert isinstance(content["eigen_vectors"], np.ndarray)
    assert (content["means"].dtype, content["means"].shape) == (np.float64, (3,))
    assert (tmp_path / "one.pth").read_bytes() == (tmp_path / "two.pth").read_bytes()


def test_the_digest_sees_names_types_shapes_and_every_bit() -> None:
    values = torch.arange(6, dtype=torch.float32)
    states = [
        {"a": values},
        {"b": values},
        {"a": values.reshape(2, 3)},
        {"a": values.reshape(3, 2)},
        {"a": values.double()},
        {"a": torch.nextafter(values, values + 1)},
        {"a": values[:3], "b": values[3:]},
        {},
    ]
    assert len({state_sha256(state) for state in states}) == len(states)


def test_the_digest_does_not_see_order_strides_or_the_container() -> None:
    values = torch.arange(6, dtype=torch.float32).reshape(2, 3)
    state = {"a": values, "b": values[0]}
    assert state_sha256(state) == state_sha256({"b": values[0], "a": values.T.contiguous().T})
    assert state_sha256(state) == state_sha256({"a": values.numpy(), "b": values[0].numpy()})
    assert state_sha256({"a": values.numpy()}) == state_sha256({"a": values.numpy().astype(">f4")})


def test_the_digest_is_as_documented() -> None:
    recipe = b'["a", "float32", [2]]\n' + bytes.fromhex("0000803f00000040")
    assert state_sha256({"a": torch.tensor([1.0, 2.0])}) == hashlib.sha256(recipe).hexdigest()
    assert set(MAIN_LAYOUT) == set(seeded_state(MAIN))
