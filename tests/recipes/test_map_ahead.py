from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from headstart.recipes.pixel_store import map_ahead, worker_count


def test_results_come_in_order_of_the_items() -> None:
    def slow_first(item: int) -> int:
        time.sleep(0.02 if item == 0 else 0)
        return item * item

    assert list(map_ahead(slow_first, range(6), workers=3, window=2)) == [0, 1, 4, 9, 16, 25]


def test_no_more_than_the_window_is_begun_ahead() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    results = map_ahead(str, items(), workers=2, window=4)
    assert next(results) == "0"
    assert taken == [0, 1, 2, 3, 4]
    results.close()  # type: ignore[attr-defined]  # an iterator that is a generator
    assert len(taken) == 5


def test_an_error_is_raised_at_its_place() -> None:
    results = map_ahead(lambda item: 1 // item, [1, 0, 1], workers=2, window=8)
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_no_thread_stays_behind() -> None:
    before = threading.active_count()
    list(map_ahead(str, range(4), workers=2, window=2))
    assert threading.active_count() == before


def test_worker_count_is_what_is_asked_for() -> None:
    assert worker_count(3) == 3
    assert worker_count(None) >= 1
