"""Work done by threads while the results are used: in order, and only a little ahead."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def worker_count(workers: int | None) -> int:
    """Threads to use: `workers`, or one a core."""
    return workers if workers is not None else (os.cpu_count() or 1)


def map_ahead(
    function: Callable[[Item], Result], items: Iterable[Item], *, workers: int, window: int
) -> Iterator[Result]:
    """`function` of each item, in the items' order, at most `window` of them begun ahead.

    An exception of `function` is raised at its item's place. When the caller stops early, what has
    not begun is dropped.
    """
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > window:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
