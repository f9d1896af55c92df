from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController, threadpool_info

from headstart.heads.blas_threads import (
    SMALL,
    SMALL_PRODUCT,
    let_any_thread_set_limits,
    threads_for,
)


def blas_threads() -> set[int]:
    np.zeros((2, 2)) @ np.zeros((2, 2))
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    limit = ThreadpoolController().limit(limits=2, user_api="blas")
    let_any_thread_set_limits()
    yield
    limit.restore_original_limits()
    let_any_thread_set_limits()


def test_small_products_have_one_thread_and_large_ones_keep_theirs() -> None:
    with threads_for(SMALL, 2):
        assert blas_threads() == {1}
    assert blas_threads() == {2}
    with threads_for(SMALL + 1), threads_for(SMALL, SMALL_PRODUCT // SMALL + 1):
        assert blas_threads() == {2}


def test_overlapping_limits_leave_the_count_as_it_was() -> None:
    """The first to come is the first to go; another raises."""
    began, inside, may_go = Event(), Barrier(4), Barrier(4)

    def held(number: int) -> set[int]:
        if number > 0:
            began.wait(10)
        with threads_for(10):
            began.set()
            inside.wait(10)
            if number > 0:
                may_go.wait(10)
            if number == 1:
                raise RuntimeError("in the middle")
            return blas_threads()

    with ThreadPoolExecutor(4) as pool:
        first, failing, *others = [pool.submit(held, number) for number in range(4)]
        assert first.result(10) == {1}
        assert blas_threads() == {1}  # three are still inside
        may_go.wait(10)
        with pytest.raises(RuntimeError, match="in the middle"):
            failing.result(10)
        assert [other.result(10) for other in others] == [{1}, {1}]
    assert blas_threads() == {2}
