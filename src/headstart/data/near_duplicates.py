"""Pairs of pictures that look the same, found in blocks and never by an n x n matrix.

A pair is near when two looks agree: the 64-bit difference hash (where does it get brighter?) and
the 8x8 thumbnail (which colours are where?). Both are compared as they are and mirrored. What is
called agreement was measured: see docs/duplicates.md.
"""

from __future__ import annotations

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

    Time grows with n squared (a minute or two for 100,000 pictures), memory with n. Raises
    ValueError for features that are not finite.
    """
    n = len(hashes)
    search = _Search(hashes, thumbnails, features, thresholds)
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
        strict = self.features is None
        least = self.limits.correlation if strict else self.limits.loose_correlation
        alike = np.flatnonzero(correlation >= least)
        for places in np.array_split(alike, len(alike) // MANY + 1):
            first, second = np.divmod(places, len(others) - start)
            above = second > first
            yield first[above] + start, second[above] + start, correlation[places[above]]

    def near(
        self, first: IntArray, second: IntArray, correlation: Float32Array, mirrored: bool
    ) -> NearPairs:
        """Those of the like pairs that are near-duplicates."""
        limits = self.limits
        bits = hash_distance(
            self.hashes[first], (self.mirrored_hashes if mirrored else self.hashes)[second]
        )
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
