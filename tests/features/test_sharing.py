"""Two processes may fill one cache at once."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import numpy as np

from headstart.features.cache import FeatureStore

ROWS = 60


def fill(folder: Path, first: int) -> None:
    store = FeatureStore(folder, "shared", 4)
    for number in range(first, first + ROWS):
        store.put([(f"{number:064x}", "", np.full(4, number, dtype=np.float32))])
    store.close()


def test_two_writers_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=fill, args=(tmp_path, start)) for start in (0, ROWS // 2)]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
        assert process.exitcode == 0
    wanted = [f"{number:064x}" for number in range(ROWS + ROWS // 2)]
    rows = FeatureStore(tmp_path, "shared", 4).get(wanted)
    assert set(rows) == set(wanted)
    assert all((rows[name] == int(name, 16)).all() for name in wanted)


def test_rows_of_another_length_count_as_absent(tmp_path: Path) -> None:
    FeatureStore(tmp_path, "x", 3).put([("ab" * 32, "", np.zeros(3, dtype=np.float32))])
    assert FeatureStore(tmp_path, "x", 4).get(["ab" * 32]) == {}
