"""Several files at once through the kernels that take many calls."""

from __future__ import annotations

import weakref
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import nn

from fad_core.runner.fast.interleave import InterleavedNetwork
from fad_core.runner.fast.rewrite import put_kernels
from fad_core.runner.file_batches import LARGEST, LEAST, full_groups, groups, in_order


class LstmNetwork(nn.Module):
    """A convolution, an LSTM that starts from one tensor of zeros, and layers that use its output."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.behind = nn.Conv1d(2, 64, 3), nn.Conv1d(64, 16, 1)
        self.lstm = nn.LSTM(64, 64, 2)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y = self.before(x).permute(2, 0, 1)
        zeros = x.new_zeros(2, x.shape[0], 64)
        output, (hidden, _) = self.lstm(y, (zeros, zeros))
        return self.behind((output + y).permute(1, 2, 0)) * x.mean(), hidden


@pytest.mark.slow
def test_a_call_has_the_same_bits_whichever_calls_run_with_it():
    torch.manual_seed(0)
    network = LstmNetwork().eval().requires_grad_(False)
    length = torch.export.Dim("length", min=8, max=4096)
    from fad_core.models.encodec.lstm_export import any_length

    with any_length():
        program = torch.export.export(network, (torch.randn(2, 2, 20),), dynamic_shapes=({2: length},))
    interleaved = InterleavedNetwork(put_kernels(program.module()))
    assert interleaved.has_group_kernels
    calls = [(torch.randn(2, 2, length),) for length in (50, 8, 300, 50)]
    with torch.inference_mode():
        found = interleaved.run_calls(calls)
        for (x,), (output, hidden) in zip(calls, found, strict=True):
            alone, alone_hidden = interleaved(x)
            expected, expected_hidden = network(x)
            assert torch.equal(output, alone)
            assert torch.equal(hidden, alone_hidden)
            assert torch.allclose(output, expected, atol=1e-5)
            assert torch.allclose(hidden, expected_hidden, atol=1e-5)


def test_a_network_without_such_kernels_runs_call_by_call():
    network = nn.Conv2d(4, 8, 3).eval().requires_grad_(False)
    program = torch.export.export(network, (torch.randn(1, 4, 9, 9),))
    interleaved = InterleavedNetwork(put_kernels(program.module()))
    assert not interleaved.has_group_kernels
    with torch.inference_mode():
        found = interleaved.run_calls([(torch.ones(1, 4, 9, 9),)] * 3)
    assert len(found) == 3
    assert torch.equal(found[0], found[2])


@pytest.mark.parametrize("count", [1, 2, 5, 79, 500])
@pytest.mark.parametrize("lanes", [1, 2, 16])
@pytest.mark.parametrize("known", [True, False])
def test_groups_hold_every_file_once(count: int, lanes: int, known: bool):
    files = [(np.full(place * 7 % 5 + 1, place),) for place in range(count)]
    made = list(groups(iter(files), lanes, count if known else 0))
    assert sorted((place, features[0][0]) for group in made for place, features in group) == [
        (place, place) for place in range(count)
    ]
    assert max(map(len, made)) <= LARGEST
    # Files that are far apart in the list are not in one group.
    assert all(
        abs(place - other) < lanes * LARGEST for group in made for place, _ in group for other, _ in group
    )
    # No lane works on many at the end while the others have nothing to do.
    if known:
        assert len(made[-1]) <= LEAST
    assert list(in_order(((place, features[0][0]) for place, features in group) for group in made)) == [
        *range(count)
    ]


def test_a_group_is_of_about_one_length():
    lengths = [5] * 6 + [1, 50, 2, 60, 1, 55, 2, 51] * 3
    made = list(groups([(np.zeros(length),) for length in lengths], 2))
    assert [sorted(len(features[0]) for _, features in group) for group in made] == [
        [5] * 6,
        sorted([50, 60, 55, 51] * 3),
        sorted([1, 2, 1, 2] * 3),
    ]


@pytest.mark.parametrize("lanes", [1, 2, 16])
def test_a_few_files_are_enough_to_begin(lanes: int):
    read: list[int] = []
    following = groups((read.append(place) or (np.zeros(3),) for place in range(1000)), lanes, 1000)
    next(following)
    assert len(read) == LEAST * lanes
    following.close()


def test_files_of_a_group_are_freed():
    """None of a group is in memory while the next ones are read."""
    alive: list[weakref.ref[np.ndarray]] = []
    most = 0

    def files() -> Iterator[tuple[np.ndarray]]:
        nonlocal most
        for _ in range(48):
            most = max(most, sum(each() is not None for each in alive))
            features = np.zeros(3)
            alive.append(weakref.ref(features))
            yield (features,)
            del features

    for group in groups(files(), 1):
        assert len(group) <= LARGEST
        del group
    assert most == LARGEST - 1


def test_large_files_stay_alone():
    files = [(np.zeros((1, 2, 1 << 24), np.float32),)] * 3
    assert [len(group) for group in groups(files, 1)] == [1, 1, 1]
    assert [len(group) for group in groups(files, 2)] == [1, 1, 1]
    assert [len(group) for group in full_groups(files, 8)] == [1, 1, 1]


def test_half_as_large_files_are_two_for_each_lane():
    files = [(np.zeros((1, 2, 1 << 22), np.float32),)] * 12
    assert [len(group) for group in groups(files, 2)] == [2] * 6
