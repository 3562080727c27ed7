"""Work done ahead by threads, in a bounded memory; what comes out is what a plain loop gives."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

BUDGET = 2**27
"""Size of the items ahead, in all: of samples, 0.5 GB as float32, or four minutes of 44.1 kHz stereo each for
eight threads."""


def map_ahead(
    function: Callable[[Item], Result],
    items: Iterable[tuple[Item, int]],
    workers: int,
    *,
    budget: int = BUDGET,
    ahead: int = 1,
    start: Callable[[], object] | None = None,
) -> Iterator[Result]:
    """The results of a function, in the order of the items.

    Args:
        function: may be called by several threads at once.
        items: what it is called with, and how large each is, in the budget's unit.
        workers: threads that work ahead, each on one item; 0: none, each result is made when it is asked for.
        budget: no further item is begun while those that are begun and not yet handed out are larger
            together; one always is.
        ahead: items begun or waiting for each thread, so that none stands idle while the oldest item, for
            whose result it is, takes long.
        start: called once in every thread, before its first item.

    Raises:
        Exception: what the function raises for an item comes in that item's place; no further one is begun.
    """
    if workers <= 0:
        for item, _ in items:
            yield function(item)
        return
    source = iter(items)
    following = next(source, None)
    begun: deque[tuple[Future[Result], int]] = deque()
    held = 0
    with ThreadPoolExecutor(workers, thread_name_prefix="ahead", initializer=start) as pool:
        try:
            while following is not None or begun:
                while following is not None and len(begun) < ahead * workers:
                    item, size = following
                    if begun and held + size > budget:
                        break
                    begun.append((pool.submit(function, item), size))
                    held += size
                    following = next(source, None)
                future, size = begun.popleft()
                result = future.result()
                held -= size
                yield result
        finally:
            for future, _ in begun:
                future.cancel()
