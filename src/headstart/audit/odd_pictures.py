"""Pictures unlike the others: blank, tiny, elongated, blurred, or far in feature space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from headstart.arrays import BoolArray, Float32Array, FloatArray
from headstart.audit.neighbours import CELLS, unit_rows
from headstart.images.picture_warnings import (
    BLANK,
    BRIGHT,
    DARK,
    EXTREME,
    TINY,
    elongation,
    kinds_alone,
)
from headstart.images.statistics import ImageStatistics
from headstart.options import DEFAULT_SEED

NEIGHBOURS = 5
REFERENCES = 4_000  # pictures that all others are compared with


def neighbour_distance(
    features: Float32Array,
    *,
    neighbours: int = NEIGHBOURS,
    references: int = REFERENCES,
    seed: int = DEFAULT_SEED,
) -> FloatArray:
    """Mean cosine distance of each row to its nearest neighbours, (n,).

    The features stay as they are: of noise, flat pictures and text among photographs, the plain
    cosine stands out most (docs/odd-pictures.md). With more rows than `references`, the neighbours
    are looked for in so many rows drawn by the seed: the distances of all rows grow alike. A row
    is not its own neighbour. NaN for rows that are not finite, and everywhere when fewer than two
    rows are.

    Args:
        features: (n, d).
        neighbours: at most so many; with few rows, all others.
        references: rows that are compared with.
        seed: of the draw.
    """
    distances = np.full(len(features), np.nan)
    rows = np.flatnonzero(np.isfinite(features).all(axis=1))
    if len(rows) < 2:
        return distances
    units = unit_rows(features[rows] if len(rows) < len(features) else features)
    chosen = np.arange(len(rows))
    if len(rows) > references:
        chosen = np.sort(np.random.default_rng(seed).choice(len(rows), references, replace=False))
    others = units[chosen]
    place = np.full(len(rows), -1)
    place[chosen] = np.arange(len(chosen))
    k = min(neighbours, len(chosen) - 1)
    height = max(1, CELLS // len(chosen))
    for start in range(0, len(rows), height):
        cosine = units[start : start + height] @ others.T
        own = place[start : start + height]
        cosine[np.flatnonzero(own >= 0), own[own >= 0]] = -np.inf
        nearest = -np.partition(-cosine, k - 1, axis=1)[:, :k]
        distances[rows[start : start + height]] = 1 - nearest.mean(axis=1, dtype=np.float64)
    return distances


def robust_limit(values: FloatArray, deviations: float) -> float:
    """Median plus so many robust standard deviations (1.4826 times the median deviation).

    NaN values do not count; infinite when all values but a few are equal, or there are none.
    """
    known = values[~np.isnan(values)]
    if not known.size:
        return float("inf")
    median = float(np.median(known))
    deviation = 1.4826 * float(np.median(np.abs(known - median)))
    return median + deviations * deviation if deviation > 0 else float("inf")


BLURRED = 30.0  # variance of the Laplacian at 128x128; sharp photographs have 400 to 3,000
BLURRED_DEVIATIONS = 5.0  # and so far below the others, in robust deviations of the logarithm
FAR_DEVIATIONS = 5.0
LEAST_FOR_OTHERS = 20  # pictures; with fewer there are no "others" to be unlike


@dataclass(frozen=True)
class OddKind:
    """One way of being odd.

    Attributes:
        kind: short name: "blank", "unscaled", "dark", "bright", "blurred", "tiny", "extreme shape",
            "far".
        measure: what the scores are, in words.
        scores: NaN where a picture cannot be measured, (n,).
        flags: whether a picture is odd in this way, (n,).
        limit: the score from which a picture is odd.
        meaning: what it means for the model.
        advice: what to do.
    """

    kind: str
    measure: str
    scores: FloatArray
    flags: BoolArray
    limit: float
    meaning: str
    advice: str

    @property
    def worst_first(self) -> tuple[int, ...]:
        """The odd rows; those farthest beyond the limit first."""
        rows = np.flatnonzero(self.flags)
        order = np.argsort(-np.abs(self.scores[rows] - self.limit), kind="stable")
        return tuple(rows[order].tolist())


def find_odd(
    statistics: Sequence[ImageStatistics | None],
    features: Float32Array | None = None,
    *,
    seed: int = DEFAULT_SEED,
) -> tuple[OddKind, ...]:
    """Score every picture on every kind; a blank or unscaled one is not dark or blurred as well.

    Args:
        statistics: of n pictures, None where one cannot be read: it has no score and no flag.
        features: from a backbone, (n, d), for the distance to other pictures.
        seed: of the pictures that others are compared with, when there are very many.

    Raises:
        ValueError: lengths differ.
    """
    if features is not None and len(features) != len(statistics):
        raise ValueError(f"features have {len(features)} rows, statistics {len(statistics)}")

    def scores(of: Callable[[ImageStatistics], float]) -> FloatArray:
        return np.array([np.nan if fact is None else of(fact) for fact in statistics])

    contrast, light = scores(lambda f: f.contrast), scores(lambda f: f.brightness)
    sharpness = scores(lambda f: f.sharpness)
    short = scores(lambda f: min(f.width, f.height))
    shape = scores(elongation)
    alone = [set() if fact is None else kinds_alone(fact) for fact in statistics]

    def flags(kind: str) -> BoolArray:
        return np.array([kind in kinds for kinds in alone], dtype=np.bool_)

    unsharp = min(BLURRED, _lowest_usual(sharpness))
    unsharp_rows = (sharpness < unsharp) & ~flags("blank") & ~flags("unscaled")
    kinds = [
        _kind("blank", contrast, flags("blank"), BLANK),
        _kind("unscaled", light, flags("unscaled"), DARK),
        _kind("dark", light, flags("dark"), DARK),
        _kind("bright", light, flags("bright"), BRIGHT),
        _kind("blurred", sharpness, unsharp_rows, unsharp),
        _kind("tiny", short, flags("tiny"), TINY),
        _kind("extreme shape", shape, flags("extreme shape"), EXTREME),
    ]
    if features is not None:
        far = neighbour_distance(features, seed=seed)
        enough = np.isfinite(far).sum() >= LEAST_FOR_OTHERS
        limit = robust_limit(far, FAR_DEVIATIONS) if enough else float("inf")
        kinds.append(_kind("far", far, far > limit, limit))
    return tuple(kinds)


def _lowest_usual(sharpness: FloatArray) -> float:
    """Sharpness below which a picture is unlike the others; a set of soft pictures is usual."""
    if np.isfinite(sharpness).sum() < LEAST_FOR_OTHERS:
        return BLURRED
    limit = robust_limit(-np.log(sharpness + 1e-3), BLURRED_DEVIATIONS)
    return float(np.exp(-limit))


def _kind(kind: str, scores: FloatArray, flags: BoolArray, limit: float) -> OddKind:
    measure, meaning, advice = _WORDS[kind]
    return OddKind(kind, measure, scores, flags, float(limit), meaning, advice)


_LOOK = "Look at them; take them out of the table, or replace them, if they show nothing."
_WORDS = {
    "blank": (
        "spread of the grey levels",
        "One colour all over: nothing can be learnt from them, and a label on them is noise.",
        "Take them out of the table; look for a failed download or export.",
    ),
    "unscaled": (
        "mean grey level",
        "Nearly black: their 16-bit values, such as 12-bit data, use the lowest part of the range.",
        "Scale the values so that they reach 65,535, in these and in the pictures to come.",
    ),
    "dark": (
        "mean grey level",
        "So dark that little can be seen.",
        "Keep them only if pictures to come will be as dark.",
    ),
    "bright": (
        "mean grey level",
        "So bright that little can be seen.",
        "Keep them only if pictures to come will be as bright.",
    ),
    "blurred": (
        "sharpness (variance of the Laplacian at 128x128)",
        "Far less sharp than the others.",
        _LOOK,
    ),
    "tiny": (
        "shorter side in pixels",
        "Enlarged a lot for the network, so that they hold few details; often icons or previews.",
        "Replace them by the originals.",
    ),
    "extreme shape": (
        "longer side / shorter side",
        "The network sees the middle square of a picture: much of these is cut off.",
        "Crop them to what the label is about.",
    ),
    "far": (
        "mean cosine distance to the nearest pictures",
        "Unlike all other pictures: often another subject, a drawing, a scan or a damaged file; "
        "sometimes a rare and valuable example.",
        "Look at them; take out those that do not belong, and look for more of those that do.",
    ),
}
