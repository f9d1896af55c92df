"""One thread for matrices up to a size.

Threads gain little on them, and lose much when another program has the cores: OpenBLAS's threads
then wait for each other in every product (seen: 40 s instead of 3 s for 1,481 x 4,096).
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

SMALL = 10_000_000  # numbers in the matrix


def threads_for(size: int) -> AbstractContextManager[Any]:
    """Hold matrix products to one thread inside the `with`, when `size` numbers are few."""
    if size > SMALL:
        return nullcontext()
    limit: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return limit


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
