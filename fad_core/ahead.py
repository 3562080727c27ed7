"""Work done ahead by threads, in a bounded memory; what comes out is what a plain loop gives."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

BUDGET = 2**27
"""Size of the items ahead, in all: of samples, 0.5 GB as float32, or four minutes of 44.1 kHz stereo each for
eight threads."""


def map_ahead(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    sizes: Sequence[int],
    workers: int,
    budget: int = BUDGET,
) -> Iterator[Result]:
    """The results of a function, in the order of the items.

    Args:
        function: may be called by several threads at once.
        items: what it is called with.
        sizes: of each item, in the budget's unit.
        workers: threads that work ahead, each on one item; 0: none, each result is made when it is asked for.
        budget: no further item is begun while those that are begun and not yet handed out are larger
            together; one always is.

    Raises:
        Exception: what the function raises for an item comes in that item's place; no further one is begun.
    """
    if workers <= 0:
        yield from map(function, items)
        return
    waiting = deque(zip(items, sizes, strict=True))
    begun: deque[tuple[Future[Result], int]] = deque()
    held = 0
    with ThreadPoolExecutor(min(workers, max(1, len(items))), thread_name_prefix="ahead") as pool:
        try:
            while waiting or begun:
                while waiting and len(begun) < workers and (not begun or held + waiting[0][1] <= budget):
                    item, size = waiting.popleft()
                    begun.append((pool.submit(function, item), size))
                    held += size
                future, size = begun.popleft()
                result = future.result()
                held -= size
                yield result
        finally:
            for future, _ in begun:
                future.cancel()
