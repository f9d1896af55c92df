"""Text of labels, names and cells: trimming, Unicode form, spellings that mean one class."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from headstart.errors import UsageError
from headstart.wording import plural, some_of

_INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060"


def trim(text: str) -> str:
    """Without blanks at the ends: spaces, tabs, non-breaking and zero-width ones, NULs."""
    stripped = text.strip()
    while stripped and (stripped[0] in _INVISIBLE or stripped[-1] in _INVISIBLE):
        stripped = stripped.strip(_INVISIBLE).strip()
    return stripped


def composed(text: str) -> str:
    """Unicode form NFC: an accent is part of its letter, however the system stored it."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def spelling(text: str) -> str:
    """What two spellings of one class share: all but case, blanks and Unicode form.

    One rule for tables, folders, models and Python. Single letters keep their case: 'a' and 'A' are
    two classes of a set of handwriting.
    """
    text = composed(" ".join(text.split()))
    return text if len(text) == 1 else text.casefold()


def merge_spellings(labels: Sequence[str]) -> tuple[list[str], list[str]]:
    """Labels of one `spelling` become one class.

    The most frequent of them wins, at equal counts the first. Empty labels stay empty.

    Returns:
        the labels, (n,), and a note for each merged class.
    """
    forms = [composed(label) for label in labels]
    counts = Counter(forms)
    spellings: dict[str, list[str]] = {}
    for form in counts:
        spellings.setdefault(spelling(form).casefold(), []).append(form)
    chosen: dict[str, str] = {}
    notes = []
    for variants in spellings.values():
        if len(variants) == 1:
            continue
        if len(set(map(spelling, variants))) > 1:
            both = " and ".join(repr(variant) for variant in variants)
            notes.append(f"labels {both} differ only by case and stay apart")
            continue
        best = max(variants, key=lambda form: counts[form])
        chosen |= dict.fromkeys(variants, best)
        is_case = len({variant.casefold() for variant in variants}) == 1
        differs = "the case differs" if is_case else "blanks or case differ"
        others = ", ".join(f"{v!r} ({counts[v]})" for v in variants if v != best)
        notes.append(f"labels {others} taken as {best!r} ({counts[best]}): only {differs}")
    changed = sum(form != label for form, label in zip(forms, labels, strict=True))
    if changed:
        notes.append(f"accents of {plural(changed, 'label')} brought to one Unicode form")
    return [chosen.get(form, form) for form in forms], notes + _equal_numbers(counts)


def _equal_numbers(labels: Iterable[str]) -> list[str]:
    """A note when two labels are one number: '1' and '1.0' stay two classes."""
    numbers: dict[float, list[str]] = {}
    for label in labels:
        if label.isascii() and label.replace(".", "", 1).isdigit():
            numbers.setdefault(float(label), []).append(label)
    return [
        f"labels {' and '.join(repr(label) for label in same)} are equal as numbers and stay apart"
        for same in numbers.values()
        if len(same) > 1
    ]


def kept_rows(
    labels: Sequence[str], exclude: Sequence[str], known: Iterable[str] = ()
) -> tuple[list[int], list[str]]:
    """Rows whose label is not excluded, and a note for each class left out.

    Args:
        labels: the rows' labels, (n,).
        exclude: classes to leave out.
        known: classes that exist without a row, such as empty folders.

    Raises:
        UsageError: an excluded class does not exist, or all classes are excluded.
    """
    counts = Counter(labels)
    classes = sorted({label for label in (*counts, *known) if label})
    names = [composed(trim(name)) for name in exclude]
    for name in names:
        if name not in classes:
            raise UsageError(
                f"--exclude {name}: there is no such class; the classes are {some_of(classes, 20)}"
            )
    if classes and set(classes) <= set(names):
        raise UsageError(
            f"--exclude takes all classes ({some_of(classes, 20)}): no picture is left; "
            "leave it out for two classes or more"
        )
    notes = [f"class {name!r} left out: {plural(counts[name], 'row')}" for name in names]
    return [row for row, label in enumerate(labels) if label not in names], notes
