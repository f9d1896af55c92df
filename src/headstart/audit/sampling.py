"""Some of many rows, when all of them would take too long."""

from __future__ import annotations

import numpy as np

from headstart.arrays import IntArray


def stratified_rows(targets: IntArray, most: int, seed: int) -> IntArray:
    """At most about `most` rows, of every class the same share, sorted."""
    n = len(targets)
    if n <= most:
        return np.arange(n)
    rng = np.random.default_rng(seed)
    order = rng.permutation(n)
    order = order[np.argsort(targets[order], kind="stable")]
    picks = np.floor(np.arange(most) * (n / most)).astype(np.int64)
    return np.sort(order[picks])
