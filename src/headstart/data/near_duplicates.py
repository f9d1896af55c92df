"""Pairs of pictures that look the same, found in blocks or buckets, never by an n x n matrix.

A pair is near when two looks agree: the 64-bit difference hash (where does it get brighter?) and
the 8x8 thumbnail (which colours are where?). Both are compared as they are and mirrored. What is
called agreement was measured: see docs/duplicates.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from headstart.arrays import BoolArray, Float32Array, IntArray
from headstart.images.statistics import THUMBNAIL_SIDE, ImageStatistics
from headstart.progress import QUIET, Progress

Hashes = npt.NDArray[np.uint64]  # (n,)
Thumbnails = npt.NDArray[np.uint8]  # (n, 8, 8, 3)

COMPARED = 20_000  # pictures of which every two are compared; of more only those in one bucket
FOUND = 0.99  # least share of the pairs just at the limit that meet in a bucket
CELLS = 6_000_000  # of one block of comparisons: 24 MB
MANY = 500_000  # pairs that are looked at at once
CHUNK = 2048  # pairs whose features are compared at once


@dataclass(frozen=True)
class NearThresholds:
    """When two pictures count as near-duplicates.

    Attributes:
        bits: most bits in which the hashes may differ.
        correlation: least correlation of the thumbnails.
        loose_bits, loose_correlation: the same, where the features confirm the pair.
        cosine: least cosine of the features, after subtracting their mean over all pictures, for
            a pair within the loose limits.
        contrast: least spread of a thumbnail over its cells, in grey levels. Below it a picture
            is almost flat, its hash is chance, and it is near to nothing.
        tint: most difference of the mean colours' tints, in levels.
    """

    bits: int = 6
    correlation: float = 0.99
    loose_bits: int = 16
    loose_correlation: float = 0.9
    cosine: float = 0.85
    contrast: float = 5.0
    tint: float = 24.0


@dataclass(frozen=True)
class NearPairs:
    """m pairs of rows, first below second.

    Attributes:
        first, second: rows, (m,).
        bits: bits in which the hashes differ, (m,).
        cosine: of the centred features, NaN without features, (m,).
        mirrored: whether one is the mirror image of the other, (m,).
    """

    first: IntArray
    second: IntArray
    bits: IntArray
    cosine: Float32Array
    mirrored: BoolArray

    def __len__(self) -> int:
        return len(self.first)

    def take(self, chosen: IntArray | BoolArray) -> NearPairs:
        """The pairs at these places."""
        return NearPairs(
            self.first[chosen],
            self.second[chosen],
            self.bits[chosen],
            self.cosine[chosen],
            self.mirrored[chosen],
        )


def signatures(statistics: Sequence[ImageStatistics]) -> tuple[Hashes, Thumbnails]:
    """Hashes (n,) and thumbnails (n, 8, 8, 3) of measured pictures."""
    side = THUMBNAIL_SIDE
    pixels = np.frombuffer(b"".join(item.thumbnail for item in statistics), dtype=np.uint8)
    hashes = np.array([item.difference_hash for item in statistics], dtype=np.uint64)
    return hashes, pixels.reshape(len(statistics), side, side, 3)


def near_pairs(
    hashes: Hashes,
    thumbnails: Thumbnails,
    features: Float32Array | None,
    thresholds: NearThresholds,
    progress: Progress = QUIET,
) -> Iterator[NearPairs]:
    """Near pairs among n pictures, block by block; features (n, d) widen the search.

    `progress` is told of each picture that was compared with all behind it.

    Up to COMPARED pictures every two are compared. Of more only those that share a bucket are
    (`_Search.in_buckets`), so that time grows little more than their number does. Memory grows
    with n. Raises ValueError for features that are not finite.
    """
    n = len(hashes)
    search = _Search(hashes, thumbnails, features, thresholds)
    if n > COMPARED:
        for mirrored in (False, True):
            yield from search.in_buckets(mirrored)
        return
    height = max(1, CELLS // max(n, 1))
    for start in range(0, n, height):
        for mirrored in (False, True):
            for first, second, correlation in search.alike(start, start + height, mirrored):
                yield search.near(first, second, correlation, mirrored)
        progress.advance(min(height, n - start))


class _Search:
    """What is prepared once for comparing any two of n pictures."""

    def __init__(
        self,
        hashes: Hashes,
        thumbnails: Thumbnails,
        features: Float32Array | None,
        thresholds: NearThresholds,
    ) -> None:
        self.limits = thresholds
        self.patterns, self.tints = _patterns(thumbnails, thresholds.contrast)
        self.mirrored_patterns = _mirrored(self.patterns)
        self.hashes, self.mirrored_hashes = hashes, mirrored_hashes(hashes)
        self.features = features
        strict = features is None
        self.least = thresholds.correlation if strict else thresholds.loose_correlation
        if features is not None:
            self.mean = features.mean(axis=0, dtype=np.float64).astype(np.float32)
            if not np.isfinite(self.mean).all():
                raise ValueError("features are not all finite: leave unreadable pictures out")

    def alike(
        self, start: int, stop: int, mirrored: bool
    ) -> Iterator[tuple[IntArray, IntArray, Float32Array]]:
        """First rows within start to stop, second rows, and correlations of like thumbnails."""
        others = self.mirrored_patterns if mirrored else self.patterns
        correlation = (self.patterns[start:stop] @ others[start:].T).ravel()
        alike = np.flatnonzero(correlation >= self.least)
        for places in np.array_split(alike, len(alike) // MANY + 1):
            first, second = np.divmod(places, len(others) - start)
            above = second > first
            yield first[above] + start, second[above] + start, correlation[places[above]]

    def in_buckets(self, mirrored: bool) -> Iterator[NearPairs]:
        """Near pairs among those that share a bucket in one of several tables.

        The sides of random planes that a pattern lies on are its bucket (Charikar 2002): two
        patterns with the angle a lie on one side of a plane with the probability 1 - a / pi. With
        log2 n planes a table, so many tables that FOUND of the pairs at the limit meet in one; of
        closer ones more do, of copies all.
        """
        rows = np.flatnonzero(self.patterns.any(axis=1))  # flat pictures are near to nothing
        others = self.mirrored_patterns if mirrored else self.patterns
        planes = max(8, math.ceil(math.log2(max(2, len(rows)))))
        meeting = (1 - math.acos(self.least) / math.pi) ** planes
        tables = math.ceil(math.log(1 - FOUND) / math.log(1 - meeting))
        rng = np.random.default_rng(planes)
        mine, theirs = np.empty((2, tables, len(self.patterns)), dtype=np.int32)
        for table in range(tables):
            normals = rng.standard_normal((self.patterns.shape[1], planes)).astype(np.float32)
            mine[table], theirs[table] = _sides(self.patterns, normals), _sides(others, normals)
            for first, second in _meeting(rows, mine[table], theirs[table]):
                above = second > first
                first, second = first[above], second[above]
                for before in range(table):  # those that have met already
                    new = mine[before, first] != theirs[before, second]
                    first, second = first[new], second[new]
                close = self._bits(first, second, mirrored) <= self.limits.loose_bits
                first, second = first[close], second[close]
                correlation = np.einsum("ij,ij->i", self.patterns[first], others[second])
                alike = correlation >= self.least
                yield self.near(first[alike], second[alike], correlation[alike], mirrored)

    def _bits(self, first: IntArray, second: IntArray, mirrored: bool) -> IntArray:
        others = self.mirrored_hashes if mirrored else self.hashes
        return hash_distance(self.hashes[first], others[second])

    def near(
        self, first: IntArray, second: IntArray, correlation: Float32Array, mirrored: bool
    ) -> NearPairs:
        """Those of the like pairs that are near-duplicates."""
        limits = self.limits
        bits = self._bits(first, second, mirrored)
        tint = np.abs(self.tints[first] - self.tints[second]).max(axis=1)
        kept = (bits <= (limits.bits if self.features is None else limits.loose_bits)) & (
            tint <= limits.tint
        )
        first, second, bits, correlation = first[kept], second[kept], bits[kept], correlation[kept]
        cosine = np.full(len(first), np.nan, dtype=np.float32)
        if self.features is not None:
            cosine = _cosines(self.features, self.mean, first, second)
        pairs = NearPairs(first, second, bits, cosine, np.full(len(first), mirrored))
        sure = (bits <= limits.bits) & (correlation >= limits.correlation)
        return pairs.take(sure | (cosine >= limits.cosine))


def _sides(patterns: Float32Array, normals: Float32Array) -> npt.NDArray[np.int32]:
    """On which side of each plane a pattern lies, one bit a plane, (n,)."""
    powers = 1 << np.arange(normals.shape[1], dtype=np.int32)
    return ((patterns @ normals > 0) @ powers).astype(np.int32)


def _meeting(
    rows: IntArray, mine: npt.NDArray[np.int32], theirs: npt.NDArray[np.int32]
) -> Iterator[tuple[IntArray, IntArray]]:
    """Pairs of rows whose buckets are equal, some at a time."""
    order = rows[np.argsort(theirs[rows], kind="stable")]
    keys = theirs[order]
    begin = np.searchsorted(keys, mine[rows], "left")
    counts = np.searchsorted(keys, mine[rows], "right") - begin
    total = np.cumsum(counts)
    start = 0
    while start < len(rows):
        done = total[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(total, done + MANY, "right")))
        some = counts[start:stop]
        within = np.arange(some.sum()) - np.repeat(np.cumsum(some) - some, some)
        yield (
            np.repeat(rows[start:stop], some),
            order[np.repeat(begin[start:stop], some) + within],
        )
        start = stop


def hash_distance(first: Hashes, second: Hashes) -> IntArray:
    """Number of bits in which hashes (m,) differ, (m,)."""
    quarters = np.ascontiguousarray(first ^ second).view(np.uint16).reshape(-1, 4)
    distance: IntArray = _bit_counts()[quarters].sum(axis=1, dtype=np.int64)
    return distance


@cache
def _bit_counts() -> npt.NDArray[np.uint8]:
    """Number of bits set in each 16-bit number."""
    numbers = np.arange(65_536, dtype=np.uint16)
    bits = np.unpackbits(numbers.view(np.uint8).reshape(-1, 2), axis=1)
    counts: npt.NDArray[np.uint8] = bits.sum(axis=1, dtype=np.uint8)
    return counts


def mirrored_hashes(hashes: Hashes) -> Hashes:
    """The difference hashes (n,) of the mirror images, but for neighbours of equal brightness."""
    bits = np.unpackbits(hashes.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)
    # Where it got brighter to the right it now gets darker, and the columns run backwards.
    flipped = 1 - bits.reshape(-1, 8, 8)[:, :, ::-1]
    packed = np.packbits(flipped.reshape(-1, 64), axis=1)
    return packed.view(">u8").ravel().astype(np.uint64)


def _patterns(thumbnails: Thumbnails, contrast: float) -> tuple[Float32Array, Float32Array]:
    """Unit vectors of the thumbnails without their mean colours (n, 192), and tints (n, 3).

    The product of two vectors is the thumbnails' correlation. Flat pictures get zeros, which
    correlate with nothing. A tint is the mean colour without its brightness.
    """
    colours = thumbnails.mean(axis=(1, 2), dtype=np.float32)  # (n, 3)
    patterns = (thumbnails - colours[:, None, None, :]).reshape(-1, THUMBNAIL_SIDE**2 * 3)
    length = np.linalg.norm(patterns, axis=1, keepdims=True)
    flat = length < contrast * patterns.shape[1] ** 0.5
    patterns = np.where(flat, 0, patterns / np.maximum(length, 1e-6)).astype(np.float32)
    return patterns, colours - colours.mean(axis=1, keepdims=True)


def _mirrored(patterns: Float32Array) -> Float32Array:
    cells = patterns.reshape(-1, THUMBNAIL_SIDE, THUMBNAIL_SIDE, 3)[:, :, ::-1]
    return np.ascontiguousarray(cells).reshape(patterns.shape)


def _cosines(
    features: Float32Array, mean: Float32Array, first: IntArray, second: IntArray
) -> Float32Array:
    """Cosine of each pair's features after subtracting the mean, (m,).

    Without that, one part common to all pictures of a set makes any two of them alike.
    """
    result = np.empty(len(first), dtype=np.float32)
    for start in range(0, len(first), CHUNK):
        rows = slice(start, start + CHUNK)
        a, b = features[first[rows]] - mean, features[second[rows]] - mean
        lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        result[rows] = np.einsum("ij,ij->i", a, b) / np.maximum(lengths, 1e-12)
    return result
