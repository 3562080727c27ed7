"""Work done ahead by threads: what comes out is what a plain loop gives, in a bounded memory."""

from __future__ import annotations

import threading
import time

import pytest

from fad_core.ahead import map_ahead


@pytest.mark.parametrize("workers", [0, 1, 3, 20])
def test_results_come_in_order(workers: int) -> None:
    def slow_first(item: int) -> int:
        time.sleep(0.02 if item % 4 == 0 else 0.0)
        return item * item

    items = list(range(12))
    assert list(map_ahead(slow_first, items, [1] * 12, workers)) == [item * item for item in items]


def test_nothing_gives_nothing() -> None:
    assert list(map_ahead(str, [], [], 4)) == []


def test_it_works_ahead_but_not_beyond_the_budget() -> None:
    begun: list[int] = []
    lock = threading.Lock()

    def note(item: int) -> int:
        with lock:
            begun.append(item)
        return item

    results = map_ahead(note, list(range(10)), [1] * 10, workers=8, budget=3)
    next(results)
    time.sleep(0.2)
    with lock:
        assert max(begun) == 2  # three were begun, one of them handed out
    next(results)
    time.sleep(0.2)
    with lock:
        assert max(begun) == 3
    assert list(results) == list(range(2, 10))


def test_what_is_larger_than_the_budget_comes_alone() -> None:
    assert list(map_ahead(str, [1, 2, 3], [100, 1, 100], 2, budget=10)) == ["1", "2", "3"]


def test_an_error_comes_in_its_place_and_ends_the_work() -> None:
    begun = []

    def fail_at_two(item: int) -> int:
        begun.append(item)
        if item == 2:
            raise ValueError("two")
        return item

    results = map_ahead(fail_at_two, list(range(100)), [1] * 100, workers=2)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(results)
    assert len(begun) < 10


def test_one_who_stops_asking_leaves_no_thread() -> None:
    results = map_ahead(lambda item: item, list(range(50)), [1] * 50, workers=4)
    next(results)
    results.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]
