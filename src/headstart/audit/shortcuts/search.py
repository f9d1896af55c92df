"""Which kinds of knowledge give the label away, how strongly, and what to do about each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headstart.arrays import IntArray
from headstart.audit.learning_curve import stratified_rows
from headstart.audit.shortcuts.measurements import Evidence, Sort, evidence
from headstart.audit.shortcuts.trial import Trial, find_rule, try_evidence
from headstart.data.image_table import ImageTable, class_order
from headstart.data.split import stratified_folds
from headstart.errors import DataError
from headstart.evaluate.intervals import Interval
from headstart.evaluate.significance import holm
from headstart.images.statistics import ImageStatistics
from headstart.options import DEFAULT_SEED
from headstart.wording import plural, some_of

MODEL = "A small model that knows nothing else: "


def describe(item: Evidence, trial: Trial, rule: str, right: int, reported: bool) -> str:
    """A kind's result in a sentence or two: the rule and how often it is right, and the figures."""
    low, high = trial.interval
    figures = (
        f"{trial.right:.1%} ({low:.1%} to {high:.1%}) on rows not seen, against "
        f"{trial.largest:.1%} for the largest class"
    )
    if not reported:
        return f"{item.subject} no label clearly: {figures}."
    if rule:
        count = "all" if right == trial.rows else f"{right:,} of"
        return (
            f"{item.subject} the label for {count} {trial.rows:,} rows ({rule}). {MODEL}{figures}."
        )
    return f"{item.subject} the label for {figures}."


_UNSEEN = (
    "The model does not see this, so its figures stand; but the classes were gathered apart, and "
    "what else differs between the two (camera, place, light, size) it may learn instead of the "
    "content. Look at a few pictures of each class for such signs, "
)
_SEEN = (
    "The network sees its traces, and may learn them instead of the content; its accuracy then "
    "holds for pictures gathered in the same way only. "
)
_COARSE = (
    "This can be the content itself (a sky, a lawn) or the place where a class was taken. Test on "
    "pictures of every class from other places before you trust the accuracy."
)
ADVICE = {
    "name numbers": _UNSEEN + "and do not use the name for anything else.",
    "name words": _UNSEEN + "and do not use the name for anything else.",
    "row order": _UNSEEN + "and never split by the order of the rows.",
    "time stamps": _UNSEEN
    + "unless the files were only copied class by class, which does no harm.",
    "exif": _UNSEEN + "and keep one camera on one side of the split: --group-column.",
    "file size": _SEEN
    + "Save all pictures with one program, one format and one quality, from the originals.",
    "width and height": _SEEN
    + "Bring all pictures to one shape by cropping, and take the classes from the same sources.",
    "format": _SEEN
    + "Save all pictures with one program, one format and one quality, from the originals.",
    "mean colour": _COARSE,
    "border": _COARSE + " Crop frames, captions and watermarks off.",
    "thumbnail": _COARSE,
}


FOLDS = 5
ALPHA = 0.01  # chance of reporting anything at all when there is nothing
MOST_ROWS = 20_000
LEAST_ROWS = 20
STRONG = 0.5  # share of the way from the largest class's share to 1, for the pictures' looks
GIVEN_AWAY = 0.95  # accuracy from which a kind gives the label away


@dataclass(frozen=True)
class Shortcut:
    """How well one kind of knowledge gives the label.

    Attributes:
        kind: such as "name numbers".
        sort: "metadata" says nothing about the content; "look" is a coarse view of it.
        rows: rows that were asked.
        accuracy: share of right labels on rows that the small model has not seen.
        interval: its 95% interval; a group of duplicates counts as one observation.
        largest: share of the largest class, which needs no knowledge at all.
        p_value: of being no better than that, corrected for the number of kinds.
        rule: a rule on one number in words, or "".
        rule_right: rows to which the rule gives their label.
        reported: whether this kind is clearly above `largest`.
        sentence: what was found, with its strength.
        advice: what to do.
    """

    kind: str
    sort: Sort
    rows: int
    accuracy: float
    interval: Interval
    largest: float
    p_value: float
    rule: str
    rule_right: int
    reported: bool
    sentence: str
    advice: str

    @property
    def strength(self) -> float:
        """Share of the way from the largest class's share to 1; at most 1, at least 0."""
        return _way(self.accuracy, self.largest)

    @property
    def gives_away(self) -> bool:
        """Whether the kind gives nearly every label: the interval begins at 95% or above."""
        return self.reported and self.interval[0] >= GIVEN_AWAY


@dataclass(frozen=True)
class ShortcutSearch:
    """All kinds that were tried, most accurate first, and what the user should know of them.

    Attributes:
        kinds: the kinds that vary among the rows.
        notes: rows or kinds that were left out, and why.
    """

    kinds: tuple[Shortcut, ...]
    notes: tuple[str, ...]

    @property
    def found(self) -> tuple[Shortcut, ...]:
        """The kinds that are reported."""
        return tuple(kind for kind in self.kinds if kind.reported)


def search_shortcuts(
    table: ImageTable,
    statistics: Sequence[ImageStatistics | None] | None = None,
    *,
    groups: IntArray | None = None,
    seed: int = DEFAULT_SEED,
    looks: bool = True,
    most_rows: int = MOST_ROWS,
) -> ShortcutSearch:
    """Try every kind of knowledge with a small model and five stratified folds.

    A kind is reported when its accuracy is above the largest class's share with p < 0.01, by
    exact tests and after Holm's correction for the number of kinds; a coarse view of the content
    (mean colour, border, thumbnail) only when its interval also begins halfway to 1 or beyond.

    Args:
        table: n rows with labels; the files need not be there.
        statistics: of the n rows, None where a picture cannot be read; None without pictures.
        groups: rows with the same number stay in one fold and count as one observation, (n,).
        seed: of the folds, of the models, and of the choice among more than `most_rows`.
        looks: whether coarse views of the content are tried as well.
        most_rows: of more rows so many are drawn.

    Raises:
        ValueError: the table has no labels, or a column has another length.
    """
    if table.labels is None:
        raise ValueError("shortcuts need labels, and the table has none")
    for name, column in (("statistics", statistics), ("groups", groups)):
        if column is not None and len(column) != len(table):
            raise ValueError(f"{name} has {len(column)} rows, the table {len(table)}")
    groups = np.arange(len(table)) if groups is None else groups
    rows, notes = _usable(table.labels, groups, seed, most_rows)
    labels = [table.labels[row] for row in rows]
    classes = class_order(labels)
    if len(rows) < LEAST_ROWS or len(classes) < 2:
        return ShortcutSearch((), (*notes, f"{len(rows)} rows are too few to look for shortcuts"))
    try:
        folds = stratified_folds(labels, folds=FOLDS, seed=seed, groups=groups[rows])
    except DataError as error:
        return ShortcutSearch((), (*notes, f"no search for shortcuts: {error}"))
    position = {name: number for number, name in enumerate(classes)}
    targets = np.array([position[label] for label in labels], dtype=np.int64)
    items = [
        item
        for item in evidence(table, statistics, rows, labels)
        if looks or item.sort == "metadata"
    ]
    trials = [try_evidence(item, targets, folds, groups[rows], seed) for item in items]
    p_values = holm([trial.p_value for trial in trials])
    kinds = [
        _shortcut(item, trial, 1.0 if p is None else p, targets, classes)
        for item, trial, p in zip(items, trials, p_values, strict=True)
    ]
    kinds.sort(key=lambda kind: (not kind.reported, kind.sort == "look", -kind.strength))
    return ShortcutSearch(tuple(kinds), tuple(notes))


def _usable(
    labels: Sequence[str], groups: IntArray, seed: int, most_rows: int
) -> tuple[IntArray, list[str]]:
    """Rows of classes that can stand in two folds, not too many of them; and notes."""
    homes = Counter(label for label, _ in {*zip(labels, groups.tolist(), strict=True)})
    rows = np.array([r for r, label in enumerate(labels) if homes[label] > 1], dtype=np.int64)
    notes = []
    if len(rows) < len(labels):
        alone = [repr(name) for name, count in sorted(homes.items()) if count == 1]
        count = plural(len(labels) - len(rows), "row")
        notes.append(
            f"{count} of classes with a single picture or group left out: {some_of(alone)}"
        )
    numbers = {name: number for number, name in enumerate(homes)}
    targets = np.array([numbers[labels[row]] for row in rows], dtype=np.int64)
    chosen = rows[stratified_rows(targets, most_rows, seed)]
    if len(chosen) < len(rows):
        notes.append(f"shortcuts were looked for in {len(chosen):,} of {len(labels):,} rows")
    return chosen, notes


def _shortcut(
    item: Evidence, trial: Trial, p_value: float, targets: IntArray, classes: Sequence[str]
) -> Shortcut:
    reported = p_value < ALPHA and trial.right > trial.largest
    if item.sort == "look":
        reported = reported and _way(trial.interval[0], trial.largest) >= STRONG
    rule, right = "", 0
    if reported and item.sort == "metadata":
        rule, right = find_rule(item.columns, targets[item.rows], classes, trial.right - 0.01)
    return Shortcut(
        kind=item.kind,
        sort=item.sort,
        rows=trial.rows,
        accuracy=trial.right,
        interval=trial.interval,
        largest=trial.largest,
        p_value=p_value,
        rule=rule,
        rule_right=right,
        reported=reported,
        sentence=describe(item, trial, rule, right, reported),
        advice=ADVICE[item.kind] if reported else "",
    )


def _way(accuracy: float, largest: float) -> float:
    return 0.0 if largest >= 1 else min(1.0, max(0.0, (accuracy - largest) / (1 - largest)))
