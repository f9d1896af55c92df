"""What a fit says of its data beyond the figures: short checks, copies, the learning curve."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np

from headstart.arrays import IntArray
from headstart.audit.duplicate_leak import Leak, measure_leak, torn_rows
from headstart.audit.finding_texts import BEING, pattern_words
from headstart.audit.learning_curve import LearningCurve, learning_curve
from headstart.audit.name_series import series_of
from headstart.audit.odd_pictures import find_odd
from headstart.audit.shortcuts.search import MODEL, search_shortcuts
from headstart.data.dataset import Dataset
from headstart.data.duplicates import contradictions
from headstart.data.series import advised_pattern
from headstart.errors import DataError
from headstart.evaluate.intervals import share_interval
from headstart.evaluate.sample_size import class_sentences
from headstart.heads.head import Head
from headstart.images.picture_warnings import ALONE
from headstart.options import DEFAULT_SEED, FitOptions
from headstart.progress import QUIET, Progress
from headstart.recipes.frozen import FitResult
from headstart.recipes.head_choice import head_maker
from headstart.wording import plural, some_of

LEAST_COPIES = 10  # pictures that have a duplicate


def measure_copies(
    result: FitResult, options: FitOptions, progress: Progress = QUIET
) -> Leak | None:
    """What duplicates would feign, with the fit's own head.

    None with fewer than ten copies, of which nothing could be said, or where the fit had no folds:
    five fits cost half as much as ten folds do, so that this never takes longer than they did.
    """
    sizes = np.bincount(result.data.groups)
    too_few = sizes[sizes > 1].sum() < LEAST_COPIES
    if result.features is None or result.folds is None or too_few:
        return None
    seed = options.split.seed
    return measure_leak(result.data, result.features, _maker(options), seed=seed, progress=progress)


def measure_curve(
    result: FitResult, options: FitOptions, progress: Progress = QUIET
) -> LearningCurve | None:
    """The learning curve of the fit's own head; a note says why there is none."""
    if result.features is None:
        progress.note("no learning curve: --curve is for a head on a backbone's features")
        return None
    try:
        return learning_curve(
            result.data,
            result.features,
            _maker(options),
            seed=options.split.seed,
            progress=progress,
        )
    except DataError as error:
        progress.note(f"no learning curve: {error}")
        return None


def _maker(options: FitOptions) -> Callable[[], Head]:
    return head_maker(options.head, options.loop, options.split.seed)


MOST_LINES = 5
MOST_SHORTCUTS = 2
MOST_ROWS = 2_000  # so that trees on names and sizes take a fraction of a second
PRECISE = 0.05  # a perfect model's interval that is narrower needs no remark


def short_checks(data: Dataset, test: IntArray, *, seed: int = DEFAULT_SEED) -> tuple[str, ...]:
    """At most five lines, the gravest first; () when there is nothing to say.

    Names, order, sizes, formats and times that give the label; near-duplicates, and those with
    different labels; pictures that show little; what the test part cannot say. Takes under half a
    second for some hundreds of rows, and about as long for many, of which 2,000 are drawn.

    Args:
        data: usable rows, n.
        test: the test part's rows, (m,).
        seed: of the draw and the small models.
    """
    lines = [
        *_contradicting(data),
        *_series(data, test),
        *_shortcuts(data, seed),
        *_copies(data),
        *_odd(data),
        *_sizes(data, test),
    ]
    return tuple(lines[:MOST_LINES])


def _shortcuts(data: Dataset, seed: int) -> Iterator[str]:
    search = search_shortcuts(
        data.table,
        data.statistics,
        groups=data.groups,
        seed=seed,
        looks=False,
        most_rows=MOST_ROWS,
    )
    for item in search.found[:MOST_SHORTCUTS]:
        yield item.sentence.partition(MODEL)[0].rstrip(" .")
    more = [item.kind for item in search.found[MOST_SHORTCUTS:]]
    if more:
        yield f"so do, more or less: {', '.join(more)}"


def _contradicting(data: Dataset) -> Iterator[str]:
    pairs = contradictions(data.duplicates.pairs, data.labels)
    names, labels = data.table.ids, data.labels
    shown = [
        f"{names[p.first]} is '{labels[p.first]}', {names[p.second]} is '{labels[p.second]}'"
        for p in pairs
    ]
    if pairs:
        count = plural(len(pairs), "pair")
        yield f"{count} of near-duplicates with different labels: {some_of(shown, 1)}"


def _copies(data: Dataset) -> Iterator[str]:
    sizes = Counter(data.groups.tolist())
    groups = [size for size in sizes.values() if size > 1]
    torn = torn_rows(data)
    if torn:
        yield (
            f"{plural(len(torn), 'test picture')} of the given split with a duplicate, or one of "
            "the same group, among the training pictures: accuracy is too good"
        )
    elif groups:
        by = "a group of their own or duplicates" if data.table.groups else "duplicates"
        yield (
            f"{sum(groups)} pictures have {by} ({plural(len(groups), 'group')}): each group is "
            "kept on one side of the split"
        )


def _series(data: Dataset, test: IntArray) -> Iterator[str]:
    """Series by their names that the split tears apart, and what to do."""
    series = series_of(data.table)
    side = np.zeros(len(data), dtype=np.int64)
    side[test] = 1
    torn = series.torn(side)
    if torn:
        first = torn[0]
        shown = [next(data.table.ids[r] for r in first if side[r] == part) for part in (0, 1)]
        what = pattern_words(advised_pattern(data.table.ids, series))
        yield (
            f"{len(torn)} of {len(series)} series of pictures, by their names, stand in training "
            f"and in test ({' | '.join(shown)}); if a series shows one thing: {what}"
        )


def _odd(data: Dataset) -> Iterator[str]:
    """Pictures that show little, in one line; what is odd only among these pictures stays out."""
    parts = []
    for kind in find_odd(data.statistics):
        rows = kind.worst_first
        if rows and kind.kind in ALONE:
            names = some_of([data.table.ids[row] for row in rows], 1)
            parts.append(f"{plural(len(rows), 'picture')} {BEING[kind.kind]} ({names})")
    if parts:
        yield "; ".join(parts)


def _sizes(data: Dataset, test: IntArray) -> Iterator[str]:
    perfect = share_interval(np.ones(len(test), dtype=np.bool_), data.groups[test])
    if perfect is not None and perfect[1] - perfect[0] >= PRECISE:
        yield (
            f"with {plural(len(test), 'test picture')} even a perfect model's accuracy is only "
            f"known to be {perfect[0]:.1%} or more"
        )
    tested = Counter(data.labels[row] for row in test.tolist())
    weak = {name: tested[name] for name in data.classes if class_sentences({name: tested[name]})}
    if weak:
        shown = some_of([f"'{name}' ({count})" for name, count in weak.items()], 5)
        yield f"classes with too few test pictures to measure their recall: {shown}"
