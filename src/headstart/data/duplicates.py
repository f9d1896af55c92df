"""Groups of pictures that are copies of each other, so that a split keeps them together."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from headstart.arrays import Float32Array, IntArray
from headstart.data.near_duplicates import Hashes, NearPairs, NearThresholds, Thumbnails, near_pairs
from headstart.progress import QUIET, Progress

MOST_PAIRS = 100_000


@dataclass(frozen=True)
class DuplicatePair:
    """Two rows that show the same picture, first below second.

    Attributes:
        kind: "exact" for the same bytes, "near" for what looks the same.
        bits: bits in which the 64-bit hashes differ; 0 for an exact pair.
        cosine: of the features after subtracting their mean; None without features.
        mirrored: whether one is the mirror image of the other.
    """

    first: int
    second: int
    kind: Literal["exact", "near"]
    bits: int = 0
    cosine: float | None = None
    mirrored: bool = False


@dataclass(frozen=True)
class Duplicates:
    """Which of n rows belong together.

    Attributes:
        group: number of each row's group, counted by the groups' first rows, (n,).
        pairs: the pairs found, sorted by rows. Exact copies are listed once each, with the first
            of them. Beyond `MOST_PAIRS` near pairs only those are listed that hold their groups
            together.
    """

    group: IntArray
    pairs: tuple[DuplicatePair, ...]

    @property
    def clusters(self) -> list[list[int]]:
        """The rows of every group of two or more."""
        order = np.argsort(self.group, kind="stable")
        ends = np.flatnonzero(np.diff(self.group[order])) + 1
        return [rows.tolist() for rows in np.split(order, ends) if len(rows) > 1]


def find_duplicates(
    *,
    sha256: Sequence[str],
    hashes: Hashes | None = None,
    thumbnails: Thumbnails | None = None,
    features: Float32Array | None = None,
    given: Sequence[str] | None = None,
    thresholds: NearThresholds | None = None,
    progress: Progress = QUIET,
) -> Duplicates:
    """Find exact and near-duplicates and put each set of them into a group.

    Args:
        sha256: digest of each file's bytes, (n,); equal ones are exact duplicates, "" is unknown.
        hashes: difference hashes, (n,); None, together with `thumbnails`, finds exact ones only.
        thumbnails: the pictures at 8x8 pixels, (n, 8, 8, 3).
        features: features from a backbone, (n, d); with them crops are found that the hash and the
            thumbnail alone would leave in doubt.
        given: the user's own groups, (n,): rows of one name are put together, unless it is "".
        thresholds: limits for near-duplicates; default: the measured ones.
        progress: told of the pictures that were compared.
    """
    n = len(sha256)
    for name, column in (("hashes", hashes), ("thumbnails", thumbnails), ("features", features),
                         ("given", given)):  # fmt: skip
        if column is not None and len(column) != n:
            raise ValueError(f"{name} has {len(column)} rows, sha256 {n}")
    exact = repeats([digest or row for row, digest in enumerate(sha256)])
    pairs = [
        DuplicatePair(a, b, "exact", cosine=None if features is None else 1.0) for a, b in exact
    ]
    edges = list(exact)
    if given is not None:
        edges += repeats([name or row for row, name in enumerate(given)])
    if hashes is not None and thumbnails is not None:
        copies = np.array([b for _, b in exact], dtype=np.int64)
        rows = np.delete(np.arange(n), copies)
        limits = thresholds or NearThresholds()
        progress.start("duplicates", len(rows))
        try:
            near = _near(rows, hashes, thumbnails, features, limits, progress)
        finally:
            progress.stop()
        edges += zip(near.first.tolist(), near.second.tolist(), strict=True)
        pairs += _listed(near, features is not None)
    group = components(n, edges)
    return Duplicates(group, tuple(sorted(pairs, key=lambda pair: (pair.first, pair.second))))


def contradictions(
    pairs: Iterable[DuplicatePair], labels: Sequence[str]
) -> tuple[DuplicatePair, ...]:
    """The pairs whose two rows have different labels (n,)."""
    return tuple(pair for pair in pairs if labels[pair.first] != labels[pair.second])


def repeats(values: Iterable[Hashable]) -> list[tuple[int, int]]:
    """For every value seen before: its first row and this one."""
    first: dict[Hashable, int] = {}
    found = []
    for row, value in enumerate(values):
        earlier = first.setdefault(value, row)
        if earlier != row:
            found.append((earlier, row))
    return found


def _near(
    rows: IntArray,
    hashes: Hashes,
    thumbnails: Thumbnails,
    features: Float32Array | None,
    thresholds: NearThresholds,
    progress: Progress,
) -> NearPairs:
    """Near pairs among these rows, as rows of the whole table."""
    chosen = features
    if features is not None and len(rows) < len(features):
        chosen = features[rows]  # a copy, which may be large
    blocks = near_pairs(hashes[rows], thumbnails[rows], chosen, thresholds, progress)
    pairs, limit = _join([]), MOST_PAIRS
    joined = np.arange(len(rows))  # groups so far, kept up to date once there are too many pairs
    for block in blocks:
        pairs = _join([pairs, block.take(joined[block.first] != joined[block.second])])
        if len(pairs) > limit:
            pairs = _thinned(pairs, len(rows))
            limit = MOST_PAIRS + len(pairs)
            joined = components(len(rows), zip(pairs.first, pairs.second, strict=True))
    return NearPairs(
        rows[pairs.first], rows[pairs.second], pairs.bits, pairs.cosine, pairs.mirrored
    )


def _join(parts: Sequence[NearPairs]) -> NearPairs:
    rows = np.empty(0, dtype=np.int64)
    empty = NearPairs(rows, rows, rows, np.empty(0, dtype=np.float32), np.empty(0, dtype=np.bool_))
    every = [empty, *parts]
    return NearPairs(
        np.concatenate([part.first for part in every]),
        np.concatenate([part.second for part in every]),
        np.concatenate([part.bits for part in every]),
        np.concatenate([part.cosine for part in every]),
        np.concatenate([part.mirrored for part in every]),
    )


def _thinned(pairs: NearPairs, n: int) -> NearPairs:
    """The closest pairs that connect the same rows: at most n - 1."""
    # SciPy's graphs are slow to import, and few tables have so many pairs.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import minimum_spanning_tree

    # A symmetric picture makes a pair twice, plain and mirrored; a graph would add the two.
    keys, once = np.unique(pairs.first * n + pairs.second, return_index=True)
    pairs = pairs.take(once)
    weights = pairs.bits + 1  # a graph takes 0 for no edge
    graph = coo_array((weights, (pairs.first, pairs.second)), shape=(n, n)).tocsr()
    tree = minimum_spanning_tree(graph).tocoo()
    return pairs.take(np.isin(keys, tree.row.astype(np.int64) * n + tree.col))


def _listed(pairs: NearPairs, with_cosine: bool) -> list[DuplicatePair]:
    columns = zip(
        pairs.first.tolist(),
        pairs.second.tolist(),
        pairs.bits.tolist(),
        pairs.cosine.tolist(),
        pairs.mirrored.tolist(),
        strict=True,
    )
    best: dict[tuple[int, int], DuplicatePair] = {}
    for a, b, bits, cosine, mirrored in columns:
        pair = DuplicatePair(a, b, "near", bits, cosine if with_cosine else None, mirrored)
        other = best.get((a, b))  # a symmetric picture is near both ways
        if other is None or pair.bits < other.bits:
            best[a, b] = pair
    return list(best.values())


def components(n: int, edges: Iterable[tuple[int, int]]) -> IntArray:
    """Connected components of n rows, numbered by their first rows, (n,)."""
    parent = list(range(n))
    for a, b in edges:
        root_a, root_b = _root(parent, a), _root(parent, b)
        parent[max(root_a, root_b)] = min(root_a, root_b)
    roots = np.array([_root(parent, row) for row in range(n)], dtype=np.int64)
    return np.unique(roots, return_inverse=True)[1].astype(np.int64)


def _root(parent: list[int], row: int) -> int:
    while parent[row] != row:
        parent[row] = parent[parent[row]]  # halve the way for the next time
        row = parent[row]
    return row
