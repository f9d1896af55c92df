"""One thread for small matrices: handing them around costs more than multiplying them."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

SMALL = 2_000_000  # numbers in the matrix


def threads_for(size: int) -> AbstractContextManager[Any]:
    """Hold matrix products to one thread inside the `with`, when `size` numbers are few."""
    if size > SMALL:
        return nullcontext()
    limit: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return limit


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
