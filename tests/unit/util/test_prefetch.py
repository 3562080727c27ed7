"""Work done ahead by threads: what comes out is what a plain loop gives, in a bounded memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

import pytest

from fad_core.util.prefetch import prefetch


def of_size_one(items: Iterable[int]) -> list[tuple[int, int]]:
    return [(item, 1) for item in items]


@pytest.mark.parametrize("workers", [0, 1, 3, 20])
def test_results_come_in_order(workers: int) -> None:
    def slow_first(item: int) -> int:
        time.sleep(0.02 if item % 4 == 0 else 0.0)
        return item * item

    items = list(range(12))
    assert list(prefetch(slow_first, of_size_one(items), workers)) == [item * item for item in items]


def test_nothing_gives_nothing() -> None:
    assert list(prefetch(str, [], 4)) == []


def test_it_works_ahead_but_not_beyond_the_budget() -> None:
    begun: list[int] = []
    lock = threading.Lock()

    def note(item: int) -> int:
        with lock:
            begun.append(item)
        return item

    results = prefetch(note, of_size_one(range(10)), workers=8, budget=3)
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
    assert list(prefetch(str, [(1, 100), (2, 1), (3, 100)], 2, budget=10)) == ["1", "2", "3"]


def test_an_error_comes_in_its_place_and_ends_the_work() -> None:
    begun = []

    def fail_at_two(item: int) -> int:
        begun.append(item)
        if item == 2:
            raise ValueError("two")
        return item

    results = prefetch(fail_at_two, of_size_one(range(100)), workers=2)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(results)
    assert len(begun) < 10


def test_one_who_stops_asking_leaves_no_thread() -> None:
    results = prefetch(lambda item: item, of_size_one(range(50)), workers=4)
    next(results)
    results.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


def test_one_slow_item_does_not_keep_the_other_threads_idle() -> None:
    finished: list[int] = []

    def slow_first(item: int) -> int:
        time.sleep(0.5 if item == 0 else 0.0)
        finished.append(item)
        return item

    results = prefetch(slow_first, of_size_one(range(6)), workers=2, per_worker=3)
    assert list(results) == list(range(6))
    assert finished == [1, 2, 3, 4, 5, 0]


def test_every_thread_is_prepared_before_its_first_item() -> None:
    prepared = threading.local()

    def start() -> None:
        prepared.ready = True

    results = prefetch(lambda _: prepared.ready, of_size_one(range(20)), workers=3, start=start)
    assert all(results)
