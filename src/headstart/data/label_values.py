"""Labels as Python code gives them: values of some type, and the text that stands for each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from headstart.arrays import IntArray
from headstart.data.labels import composed, spelling, trim
from headstart.errors import DataError
from headstart.wording import plural, some_of

LabelType = Literal["text", "integer", "number", "boolean"]
SHOWN_POSITIONS = 20
_KINDS: dict[str, LabelType] = {  # by NumPy's letter
    "U": "text",
    "T": "text",
    "i": "integer",
    "u": "integer",
    "f": "number",
    "b": "boolean",
}
_LISTS = (list, tuple, set, frozenset, dict, np.ndarray)


@dataclass(frozen=True)
class LabelValues:
    """Labels of n pictures.

    Attributes:
        values: as they were given, (n,).
        texts: the same as text, one for one, (n,).
        type: what `values` are.
    """

    values: npt.NDArray[Any]
    texts: tuple[str, ...]
    type: LabelType

    @property
    def classes(self) -> npt.NDArray[Any]:
        """The distinct values, sorted as NumPy sorts them, (k,)."""
        return np.unique(self.values)


def label_text(value: Any) -> str:
    """The text of one label: trimmed, in one Unicode form."""
    return composed(trim(str(value)))


def read_labels(y: Any, pictures: int) -> LabelValues:
    """Labels (n,) or (n, 1), one a picture: any iterable of text, of whole numbers or of bools.

    Raises DataError for another shape or length, for missing labels by their positions, for lists
    of labels, for values of other types or numbers with fractions, and for two labels that the same
    text stands for, or that differ only by case.
    """
    given = _column(y, pictures, "label")
    _refuse_missing(given, "label")
    _refuse_lists(given)
    values = _of_one_type(given)
    texts = tuple(map(label_text, values.tolist()))
    _refuse_twins(texts, values)
    return LabelValues(values, texts, _KINDS.get(values.dtype.kind, "text"))


def places(labels: LabelValues, classes: npt.NDArray[Any]) -> IntArray:
    """Where each label stands among the classes (k,); -1 for one that is none of them, (n,).

    Equal numbers are one class whatever their type, as for NumPy, and a number is its text: a
    model that was read from a folder may have been fitted on text. Raises DataError for a label
    that differs from a class only by case or Unicode form, which would else count as wrong.
    """
    known = {value: place for place, value in enumerate(classes.tolist())}
    by_text = {label_text(value): place for value, place in known.items()}
    folded = {spelling(text): text for text in by_text}
    found = np.array(
        [
            known.get(value, by_text.get(text, -1))
            for value, text in zip(labels.values.tolist(), labels.texts, strict=True)
        ],
        dtype=np.int64,
    )
    for row in np.flatnonzero(found < 0):
        text = labels.texts[row]
        if spelling(text) in folded:
            raise DataError(
                f"label {text!r} is no class of this model, and differs from its class "
                f"{folded[spelling(text)]!r} only by case or blanks; spell each class in one way"
            )
    return found


def read_groups(groups: Any, pictures: int) -> tuple[str, ...]:
    """Groups (n,) or (n, 1), one for each of n pictures, as text.

    Raises DataError for another shape or length, and for missing groups, as a table's are refused:
    pictures without one may belong together.
    """
    given = _column(groups, pictures, "group")
    _refuse_missing(given, "group")
    return tuple(label_text(group) for group in given.tolist())


def restored_classes(classes: Sequence[str], kind: LabelType) -> list[Any]:
    """Class names as the values that they stood for. Raises ValueError for other text."""
    if kind == "integer":
        return [int(name) for name in classes]
    if kind == "number":
        return [float(name) for name in classes]
    if kind == "boolean":
        return [{"True": True, "False": False}[name] for name in classes]
    return list(classes)


def _column(given: Any, pictures: int, noun: str) -> npt.NDArray[Any]:
    """One value for each picture, (n,). Raises DataError for another shape or length."""
    column = _array(given)
    if column.ndim == 2 and column.shape[1] == 1:
        column = column.ravel()
    if column.ndim != 1:
        needs_y = "ImageClassifier requires y to be passed, but the target y is None; "
        is_multi_label = column.ndim == 2 and len(column) == pictures and noun == "label"
        raise DataError(
            (needs_y if given is None and noun == "label" else "")
            + f"{noun}s have the shape {column.shape}{'' if column.ndim else f', got {given!r}'}; "
            f"expected one {noun} for each picture, ({pictures},) or ({pictures}, 1)"
            + ("; several for a picture (multi-label) are not supported" if is_multi_label else "")
        )
    if len(column) != pictures:
        raise DataError(f"{plural(pictures, 'picture')} and {plural(len(column), noun)}")
    return column


def _array(given: Any) -> npt.NDArray[Any]:
    """An array of any iterable; a single value has the shape ()."""
    if hasattr(given, "__array__"):  # such as a column of pandas
        return np.asarray(given)
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        return np.array(given, dtype=object)
    items = list(given)
    try:
        return np.asarray(items, dtype=object)
    except ValueError:  # lists of different lengths
        column = np.empty(len(items), dtype=object)
        column[:] = items
        return column


def _refuse_missing(given: npt.NDArray[Any], noun: str) -> None:
    missing = [str(i) for i, value in enumerate(given) if _is_missing(value)]
    if missing:
        raise DataError(
            f"{plural(len(missing), noun)} missing (None, NaN or blank), at "
            f"{some_of(missing, SHOWN_POSITIONS)} counted from 0; "
            f"give each picture a {noun}, or leave the picture out"
        )


def _refuse_lists(given: npt.NDArray[Any]) -> None:
    lists = [i for i, label in enumerate(given) if isinstance(label, _LISTS)]
    if lists:
        raise DataError(
            f"label {lists[0]} is {given[lists[0]]!r}: several labels for a picture (multi-label) "
            "are not supported; give one label for each picture"
        )


def _of_one_type(given: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The values as an array of their own type; text stays text."""
    kinds = {type(label) for label in given}
    families = {_family(kind) for kind in kinds}
    if given.dtype == object and families <= {"text"}:
        return np.array([str(label) for label in given], dtype=object)
    values = np.array(given.tolist()) if given.dtype == object else given
    is_rounded = values.dtype.kind == "f" and all(issubclass(kind, Integral) for kind in kinds)
    if len(families) > 1 or values.ndim != 1 or values.dtype.kind not in _KINDS or is_rounded:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise DataError(
            f"labels are of the type {names}; they must be all text, all whole numbers (of 64 "
            "bits) or all bools"
        )
    return _whole(values) if values.dtype.kind == "f" else values


def _family(kind: type) -> str:
    if issubclass(kind, str):
        return "text"
    return "bool" if issubclass(kind, bool | np.bool_) else "number"


def _whole(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Numbers without fractions. Raises DataError for others, which are no classes."""
    odd = np.flatnonzero(~np.isfinite(values) | (values != np.trunc(values)))
    if len(odd):
        raise DataError(
            f"label {odd[0]} is {values[odd[0]]}: continuous numbers are no classes; give text or "
            "whole numbers"
        )
    return values + 0.0  # turns -0.0, whose text is another, into 0.0


def _refuse_twins(texts: Sequence[str], values: npt.NDArray[Any]) -> None:
    """One class under two spellings would be two classes, one of them always answered wrongly."""
    spellings: dict[str, set[str]] = defaultdict(set)
    for text, value in zip(texts, values.tolist(), strict=True):
        spellings[spelling(text)].add(repr(value))
    twins = [sorted(same) for same in spellings.values() if len(same) > 1]
    if twins:
        raise DataError(
            f"labels {' and '.join(twins[0])} differ only by case, blanks or Unicode form; spell "
            "each class in one way"
        )


def _is_missing(label: Any) -> bool:
    if label is None or not trim(str(label)):
        return True
    try:
        return bool(label != label)  # NaN is unequal to itself
    except (TypeError, ValueError):  # pandas' NA is neither equal nor unequal, a list has no truth
        return not isinstance(label, _LISTS)
