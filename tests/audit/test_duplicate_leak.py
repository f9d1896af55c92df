"""A split that ignores duplicates looks better than it is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from headstart.arrays import FloatArray
from headstart.audit.duplicate_leak import measure_leak
from headstart.data.dataset import Dataset
from headstart.data.duplicates import DuplicatePair
from headstart.evaluate.intervals import wilson
from headstart.features.embed import Features
from headstart.heads.knn import KnnHead

MakeLabelled = Callable[..., tuple[Dataset, Features]]


def test_copies_of_noise_are_answered_and_others_are_not(make_labelled: MakeLabelled) -> None:
    # Nothing can be learnt, but a copy's label can be remembered.
    rng = np.random.default_rng(0)
    single = rng.normal(size=(100, 20))
    X = np.concatenate([single, single[:60] + 1e-4, single[:60] - 1e-4])
    labels = ["ab"[code] for code in rng.integers(0, 2, 100)]
    labels += labels[:60] * 2
    group = np.concatenate([np.arange(100), np.arange(60), np.arange(60)])
    pairs = [DuplicatePair(i, 100 + i, "near") for i in range(60)]
    leak = measure_leak(*make_labelled(X, labels, group, pairs), lambda: KnnHead())
    assert leak.n_with + leak.n_without == 220
    assert leak.n_with > 165  # of 180 with copies
    assert leak.accuracy_with is not None and leak.accuracy_without is not None
    assert leak.accuracy_with > 0.75
    assert leak.accuracy_without < 0.7
    # Copies of one picture are one group, so that the interval is wider than Wilson's on all rows.
    plain = wilson(round(leak.accuracy_with * leak.n_with), leak.n_with)
    assert plain is not None and leak.interval_with is not None
    assert leak.interval_with[0] < plain[0]
    expected = leak.accuracy_with * leak.n_with + leak.accuracy_without * leak.n_without
    assert leak.accuracy_ignoring == pytest.approx(expected / 220)
    assert leak.p_value is not None and leak.p_value < 0.01
    assert f"on the {leak.n_with} test pictures with a duplicate" in leak.sentence


def test_without_duplicates_nothing_is_fitted(
    make_labelled: MakeLabelled, two_blobs: tuple[FloatArray, list[str]]
) -> None:
    def make() -> KnnHead:
        raise AssertionError("fitted")

    leak = measure_leak(*make_labelled(*two_blobs), make)
    assert (leak.n_with, leak.n_without, leak.accuracy_with) == (0, 120, None)
    assert leak.sentence == "No two pictures are duplicates, so no split can leak by them."
