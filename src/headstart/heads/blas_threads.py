"""One thread of BLAS for small matrices, whoever else asks at the same time.

Threads gain little on them, and lose much when another program has the cores: OpenBLAS's threads
then wait for each other in every product (seen: 40 s instead of 3 s for 1,481 x 4,096).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SMALL = 10_000_000  # numbers in the matrix
SMALL_PRODUCT = 100_000_000  # numbers in the matrix, times the columns that it is multiplied with


class _SharedLimit:
    """Set by the first that enters, taken back by the last that leaves.

    The number of BLAS's threads belongs to the whole process. Two limits that overlap and each
    restore what they found would leave it at one for good.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._controller: Any = None
        self._limit: Any = None

    def enter(self) -> None:
        with self._lock:
            if self._inside == 0:
                if self._controller is None:
                    from threadpoolctl import ThreadpoolController  # finds BLAS, once loaded

                    self._controller = ThreadpoolController()
                self._limit = self._controller.limit(limits=1, user_api="blas")
                let_any_thread_set_limits()
            self._inside += 1

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._limit.restore_original_limits()
                let_any_thread_set_limits()


def let_any_thread_set_limits() -> None:
    """Undo that threadpoolctl (from 3.7 on) heeds only the thread that first set a limit.

    Who leaves last need not be who entered first.
    """
    import threadpoolctl

    openblas: Any = getattr(threadpoolctl, "OpenBLASController", None)
    if hasattr(openblas, "clear_controlling_thread"):
        openblas.clear_controlling_thread(force=True)


_ONE_THREAD = _SharedLimit()


@contextmanager
def threads_for(size: int, outputs: int = 1) -> Iterator[None]:
    """Hold products of a matrix of `size` numbers with `outputs` columns to one thread.

    Nothing happens when they are so large that threads pay.
    """
    if size > SMALL or size * outputs > SMALL_PRODUCT:
        yield
        return
    _ONE_THREAD.enter()
    try:
        yield
    finally:
        _ONE_THREAD.leave()
