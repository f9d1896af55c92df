"""Findings in words, from the parts of an audit."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from headstart.audit.class_counts import SmallClasses
from headstart.audit.duplicate_leak import Leak
from headstart.audit.finding_codes import kind_name
from headstart.audit.findings import LEVELS, Finding
from headstart.audit.learning_curve import LearningCurve
from headstart.audit.name_series import MATTERS, NameSeries
from headstart.audit.odd_pictures import OddKind
from headstart.audit.shortcuts.search import MODEL, Shortcut, ShortcutSearch
from headstart.audit.wrong_labels import WrongLabel
from headstart.data.duplicates import DuplicatePair
from headstart.data.image_table import ImageTable
from headstart.errors import BadInput
from headstart.evaluate.significance import p_words
from headstart.wording import plural, some_of

SEEN = ("width and height", "format", "file size")  # whose traces are in the pixels
# Codes or their beginnings, the graver first.
_ORDER = ("HS2", "HS102", "HS4", "HS101", "HS302", "HS303", "HS301", "HS5", "HS")


def in_order(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """What must be mended first, then what to look at; within these the graver kinds."""

    def rank(finding: Finding) -> tuple[int, int]:
        place = next(n for n, code in enumerate(_ORDER) if finding.code.startswith(code))
        return LEVELS.index(finding.level), place

    return tuple(sorted(findings, key=rank))


def about_bad(bad: Sequence[BadInput]) -> Iterator[Finding]:
    """Rows and files that cannot be used."""
    if bad:
        yield Finding(
            "bad-input",
            "error",
            f"{plural(len(bad), 'bad input')}: {some_of([str(item) for item in bad], 3)}",
            "These rows or files cannot be used. Nothing is trained or measured on them, and a "
            "fit stops before it begins.",
            "Mend them, or go on without them: fit --skip-bad.",
            numbers={"inputs": len(bad)},
        )


def about_missing(rows: Sequence[int], table: ImageTable) -> Iterator[Finding]:
    """Pictures that are not there, of a table that is looked at by itself."""
    if rows:
        names = some_of([table.ids[row] for row in rows], 3)
        yield Finding(
            "missing-picture",
            "error",
            f"{len(rows)} of {plural(len(table), 'picture')} not found: {names}",
            "Only names, labels and the order of the rows were looked at.",
            "Name the pictures' folder with --images.",
            tuple(rows),
            {"pictures": len(rows)},
        )


def about_contradictions(pairs: Sequence[DuplicatePair], table: ImageTable) -> Iterator[Finding]:
    """The same picture under two labels."""
    if pairs and table.labels is not None:
        labels = table.labels
        shown = [
            f"{table.ids[p.first]} is '{labels[p.first]}', {table.ids[p.second]} is "
            f"'{labels[p.second]}'"
            for p in pairs
        ]
        rows = dict.fromkeys(row for pair in pairs for row in (pair.first, pair.second))
        yield Finding(
            "contradiction",
            "error",
            f"{plural(len(pairs), 'pair')} of duplicates with different labels: "
            f"{some_of(shown, 3)}",
            "One of the two labels is wrong, or the pictures do not show what the classes differ "
            "in. Whatever the model answers, one of them counts as an error.",
            "Give both the right label, or take one out. Pictures of a burst that do differ may "
            "stay as they are: judge by looking.",
            tuple(rows),
            {"pairs": len(pairs), "pictures": len(rows)},
        )


def about_given_split(rows: Sequence[int], table: ImageTable) -> Iterator[Finding]:
    """Test rows of a given split whose duplicate or group the training part has."""
    if rows:
        names = some_of([table.ids[row] for row in rows], 3)
        has = "has" if len(rows) == 1 else "have"
        yield Finding(
            "given-split",
            "warning",
            f"{plural(len(rows), 'test picture')} of the given split {has} a duplicate, or one of "
            f"the same group, among the training pictures: {names}",
            "A model has seen them while it learnt, and its test accuracy is too good.",
            "Move each group to one side, or leave --split-column out and have fit draw a split.",
            tuple(rows),
            {"pictures": len(rows)},
        )


def about_series(found: NameSeries | None, table: ImageTable) -> Iterator[Finding]:
    """Series that names tell, and whether they are alike."""
    if found is None:
        return
    test = found.test
    rows = [row for members in found.apart for row in members]
    shown = [" | ".join(table.ids[row] for row in m[:2]) for m in found.apart]
    numbers: dict[str, float] = {"series": len(found.apart), "pictures": len(rows)}
    if test is None:
        told = "Whether they are alike was not tested."
    else:
        share, chance = test.near / test.tested, test.expected / test.tested
        told = (
            f"Of {plural(test.tested, 'such picture')} {share:.0%} have the picture most like them "
            f"in their own series, {chance:.0%} would by chance ({p_words(test.p_value)})."
        )
        numbers |= {"tested": test.tested, "near": test.near, "expected": test.expected}
        numbers["p_value"] = test.p_value
    matters = test is not None and test.p_value <= MATTERS
    yield Finding(
        "series",
        "warning" if matters else "info",
        f"{len(found.apart)} series of pictures by their names ({len(rows)} pictures): "
        f"{some_of(shown, 3)}",
        f"{told} With pictures of one series on both sides of a split, a model is tested on what "
        "it has nearly seen, and figures are too good.",
        "If a series shows one thing, keep it on one side: "
        f"{pattern_words(found.pattern)}. Frames, crops, sides and exports of one picture do.",
        tuple(rows),
        numbers,
    )


def pattern_words(pattern: str | None) -> str:
    """How to make series groups: with a pattern that fits, or with one of the user's."""
    if pattern is None:
        return "--group-pattern with a regular expression that tells the series from the name"
    return f"--group-pattern {shlex.quote(pattern)}"


def about_shortcuts(search: ShortcutSearch) -> Iterator[Finding]:
    """Ways to tell the label without looking at the content."""
    for item in search.found:
        title, found, figures = item.sentence.partition(MODEL)
        yield Finding(
            kind_name("shortcut", item.kind),
            "error" if has_errors(item) else "warning",
            title.rstrip(),
            f"{found}{figures}" if found else _WITHOUT_RULE[item.sort],
            item.advice,
            numbers={
                "rows": item.rows,
                "accuracy": item.accuracy,
                "low": item.interval[0],
                "high": item.interval[1],
                "largest_class": item.largest,
                "p_value": item.p_value,
            },
        )


_WITHOUT_RULE = {
    "metadata": "Nothing of the content is needed for that.",
    "look": "A coarse view of the content is enough for that.",
}


def has_errors(item: Shortcut) -> bool:
    """A kind that gives the label away and leaves its traces in the pixels."""
    return item.gives_away and item.kind in SEEN


def about_wrong_labels(found: Sequence[WrongLabel]) -> Iterator[Finding]:
    """Labels in doubt."""
    if found:
        shown = [f"{w.image} is '{w.given}', likelier '{w.likelier}'" for w in found]
        yield Finding(
            "wrong-label",
            "warning",
            f"{plural(len(found), 'label')} in doubt: {some_of(shown, 3)}",
            "A model that has not learnt from these pictures is sure of another class. Part of "
            "them are wrong labels, part are rare or hard pictures with a right label.",
            "Look at each in check.html and decide there, or in a table from check --write-fixes "
            "fixes.csv; use the decisions with fit --fixes fixes.csv. Do not change a label only "
            "because the model says so.",
            tuple(item.row for item in found),
            {"labels": len(found)},
        )


def about_duplicates(pairs: Sequence[DuplicatePair], leak: Leak | None) -> Iterator[Finding]:
    """Pictures that are there twice."""
    if not pairs:
        return
    exact = sum(pair.kind == "exact" for pair in pairs)
    rows = dict.fromkeys(row for pair in pairs for row in (pair.first, pair.second))
    yield Finding(
        "duplicate",
        "info",
        f"{plural(len(pairs), 'pair')} of duplicates ({exact} exact, {len(pairs) - exact} near)",
        leak.sentence if leak is not None else "A split that ignores them shows too good figures.",
        "Nothing has to be done: they are kept on one side of every split and fold.",
        tuple(rows),
        {"pairs": len(pairs), "exact": exact, "near": len(pairs) - exact, "pictures": len(rows)},
    )


def about_odd(kinds: Sequence[OddKind]) -> Iterator[Finding]:
    """Pictures that are unlike the others or show nothing."""
    for kind in kinds:
        rows = kind.worst_first
        if rows:
            yield Finding(
                kind_name("odd", kind.kind),
                "warning",
                f"{plural(len(rows), 'picture')} {BEING[kind.kind]}",
                kind.meaning,
                kind.advice,
                rows,
                {"pictures": len(rows), "limit": kind.limit},
            )


BEING = {
    "blank": "of one colour",
    "unscaled": "of 16 bits whose values are not scaled",
    "dark": "very dark",
    "bright": "very bright",
    "blurred": "blurred",
    "tiny": "very small",
    "extreme shape": "very wide or very tall",
    "far": "unlike all others",
}


def about_counts(counts: SmallClasses) -> Iterator[Finding]:
    """What the numbers of pictures can say."""
    if counts.class_sentences:
        yield Finding(
            "small-class",
            "warning" if counts.small else "info",
            f"{plural(len(counts.class_sentences), 'remark')} about small classes",
            " ".join(counts.class_sentences),
            "Gather more pictures of these classes, or use folds, which test every picture once.",
            numbers={"remarks": len(counts.class_sentences)},
        )
    if counts.balance:
        yield Finding("imbalance", "warning", "The classes are unequal", counts.balance,
                      "Use fit --class-weight balanced if the small classes matter.")  # fmt: skip
    yield Finding(
        "test-size",
        "info",
        f"What {plural(counts.n_test, 'test picture')} can say",
        " ".join(counts.sentences),
        "For a narrower interval use folds over all pictures, or gather more test pictures.",
        numbers={"test_pictures": counts.n_test},
    )


def about_curve(curve: LearningCurve) -> Iterator[Finding]:
    """Whether more pictures would help."""
    yield Finding(
        "learning-curve",
        "info",
        curve.sentence,
        "; ".join(
            f"{point.n_train:,} training pictures: {point.accuracy:.1%} "
            f"({point.interval[0]:.1%} to {point.interval[1]:.1%})"
            for point in curve.points
        )
        + ".",
        {
            True: "Gather more pictures of the same kind.",
            False: "Better than more of the same: mend labels, gather what the errors show, or "
            "try another backbone.",
            None: "Gather some more and look again.",
        }[curve.helps],
        numbers=_curve_numbers(curve),
    )


def _curve_numbers(curve: LearningCurve) -> dict[str, float]:
    known = {"error_now": curve.error_now, "error_twice": curve.error_twice}
    return {name: value for name, value in known.items() if value is not None}
