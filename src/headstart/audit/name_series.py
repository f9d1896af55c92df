"""Series that file names tell, and whether their pictures are more alike than by chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.arrays import Float32Array, IntArray
from headstart.audit.neighbours import nearest_rows, unit_rows
from headstart.audit.shortcuts.file_names import plain_names
from headstart.data.dataset import Dataset
from headstart.data.image_table import ImageTable
from headstart.data.series import Series, advised_pattern, find_series
from headstart.options import DEFAULT_SEED

DRAWS = 999
MOST_ROWS = 4_000  # pictures whose neighbours are looked for; half of them of series
MATTERS = 0.01  # p value from which series are worth a warning


@dataclass(frozen=True)
class SeriesTest:
    """Whether the nearest other picture is of the same series more often than by chance.

    Attributes:
        tested: pictures of series, one for each group that is kept together anyway.
        near: how many of them have their nearest picture in their own series.
        expected: how many would by chance, the mean over the draws.
        p_value: of so many or more by chance, (1 + such draws) / (1 + draws).
    """

    tested: int
    near: int
    expected: float
    p_value: float


@dataclass(frozen=True)
class NameSeries:
    """What the names of a table tell.

    Attributes:
        series: all that were found.
        apart: those whose pictures no group keeps together.
        pattern: for --group-pattern, so that each of these becomes a group and nothing else does.
        test: None without features, or where too little is there to be tested.
    """

    series: Series
    apart: tuple[tuple[int, ...], ...]
    pattern: str | None
    test: SeriesTest | None = None


def series_of(table: ImageTable) -> Series:
    """The series that a table's names tell, class folders aside.

    Where the class folders (or parts) number their pictures anew, so that a name is there twice,
    the folders count too.
    """
    labels = table.labels or ("",) * len(table)
    names = plain_names(table.ids, labels, table.lines is None)
    if len(set(names)) < len(names):
        names = [name.replace("\\", "/") for name in table.ids]
    return find_series(names, table.labels)


def look_for_series(
    table: ImageTable,
    data: Dataset | None = None,
    features: Float32Array | None = None,
    *,
    seed: int = DEFAULT_SEED,
) -> NameSeries | None:
    """The series of a table's names, None without any that is kept together already.

    Args:
        table: names and labels, n.
        data: its rows with their groups; without, no group is known.
        features: of these rows, (n, d).
        seed: of the draws.
    """
    series = series_of(table)
    groups = np.arange(len(table)) if data is None else data.groups
    apart = series.torn(groups)
    if not apart:
        return None
    pattern = advised_pattern(table.ids, series)
    test = None
    if data is not None and features is not None:
        test = _test(series.number, data, features, np.random.default_rng(seed))
    return NameSeries(series, apart, pattern, test)


def _test(
    number: IntArray, data: Dataset, features: Float32Array, rng: np.random.Generator
) -> SeriesTest | None:
    """A permutation test: within each class any picture may be of any of the series.

    Pictures of one group, such as near-duplicates, count once, so that only those are compared
    that nothing keeps together.
    """
    rows = np.unique(data.groups, return_index=True)[1]
    rows, series = _drawn(rows, number, rng)
    targets = data.targets[rows]
    nearest = nearest_rows(unit_rows(features[rows]), np.arange(len(rows)), np.arange(len(rows)))
    known = np.flatnonzero(nearest[:, 0] >= 0)
    others = nearest[known, 0]

    def near(of: IntArray) -> int:
        return int(((of[known] >= 0) & (of[known] == of[others])).sum())

    if np.unique(series[series >= 0], return_counts=True)[1].max(initial=0) < 2:
        return None
    order = np.argsort(targets, kind="stable")
    found, by_chance = near(series), []
    for _ in range(DRAWS):
        mixed = np.lexsort((rng.random(len(rows)), targets))
        drawn = np.empty_like(series)
        drawn[order] = series[mixed]
        by_chance.append(near(drawn))
    more = sum(count >= found for count in by_chance)
    return SeriesTest(
        tested=int((series >= 0).sum()),
        near=found,
        expected=float(np.mean(by_chance)),
        p_value=(1 + more) / (1 + DRAWS),
    )


def _drawn(rows: IntArray, number: IntArray, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """At most `MOST_ROWS` of the rows, and their series: whole ones up to half, then others."""
    of = number[rows]
    if len(rows) <= MOST_ROWS:
        return rows, of
    order = rng.permutation(number.max() + 1)
    sizes = np.bincount(of[of >= 0], minlength=len(order))[order]
    kept = order[np.cumsum(sizes) <= MOST_ROWS // 2]
    kept = kept if len(kept) else order[:1]
    inside, outside = np.flatnonzero(np.isin(of, kept)), np.flatnonzero(~np.isin(of, kept))
    room = max(0, MOST_ROWS - len(inside))
    chosen = np.sort(np.concatenate([inside, rng.permutation(outside)[:room]]))
    return rows[chosen], np.where(np.isin(of[chosen], kept), of[chosen], -1)
