"""Labels as Python code gives them: values of some type, and the text that stands for each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from headstart.data.labels import composed, plural, some_of, trim
from headstart.errors import DataError

LabelType = Literal["text", "integer", "number", "boolean"]
SHOWN_POSITIONS = 20
_KINDS: dict[str, LabelType] = {"i": "integer", "u": "integer", "f": "number", "b": "boolean"}


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
    """Labels (n,) or (n, 1), one for each of n pictures, of any iterable of text or numbers.

    Raises DataError for another shape or length, for missing labels by their positions, for lists
    of labels, and for two labels that the same text stands for, or that differ only by case.
    """
    given = y if isinstance(y, np.ndarray) else _array(y, pictures)
    if given.ndim == 2 and given.shape[1] == 1:
        given = given.ravel()
    if given.ndim != 1:
        raise DataError(
            f"labels have the shape {given.shape}; expected one label for each picture, "
            f"({pictures},) or ({pictures}, 1)"
        )
    if len(given) != pictures:
        raise DataError(f"{plural(pictures, 'picture')} and {plural(len(given), 'label')}")
    _refuse_missing(given)
    _refuse_lists(given)
    values = _of_one_type(given)
    texts = tuple(map(label_text, values.tolist()))
    _refuse_twins(texts, values)
    return LabelValues(values, texts, _KINDS.get(values.dtype.kind, "text"))


def restored_classes(classes: Sequence[str], kind: LabelType) -> list[Any]:
    """Class names as the values that they stood for. Raises ValueError for other text."""
    if kind == "integer":
        return [int(name) for name in classes]
    if kind == "number":
        return [float(name) for name in classes]
    if kind == "boolean":
        return [{"True": True, "False": False}[name] for name in classes]
    return list(classes)


def _array(y: Any, pictures: int) -> npt.NDArray[Any]:
    if isinstance(y, str | bytes) or not isinstance(y, Iterable):
        raise DataError(
            f"labels have the shape (), got {y!r}; expected one label for each picture, "
            f"({pictures},) or ({pictures}, 1)"
        )
    if hasattr(y, "__array__"):  # a column of pandas or polars: a generator could be read once
        return np.asarray(y)
    items = list(y)
    try:
        return np.asarray(items, dtype=object)
    except ValueError:  # lists of different lengths
        column = np.empty(len(items), dtype=object)
        column[:] = items
        return column


def _refuse_missing(given: npt.NDArray[Any]) -> None:
    missing = [str(i) for i, label in enumerate(given) if _is_missing(label)]
    if missing:
        raise DataError(
            f"{plural(len(missing), 'label')} missing (None, NaN or blank), at "
            f"{some_of(missing, SHOWN_POSITIONS)} counted from 0; "
            "give each picture a label, or leave the picture out"
        )


def _refuse_lists(given: npt.NDArray[Any]) -> None:
    lists = [i for i, label in enumerate(given) if isinstance(label, list | tuple | set | dict)]
    if lists:
        raise DataError(
            f"label {lists[0]} is {given[lists[0]]!r}: several labels for a picture (multi-label) "
            "are not supported; give one label for each picture"
        )


def _of_one_type(given: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The values as an array of their own type; text stays text."""
    if given.dtype != object:
        return given
    kinds = {type(label) for label in given}
    if all(issubclass(kind, str) for kind in kinds):
        return np.array([str(label) for label in given], dtype=object)
    values = np.array(given.tolist())
    if values.dtype.kind in _KINDS and values.ndim == 1:
        return values
    names = ", ".join(sorted(kind.__name__ for kind in kinds))
    raise DataError(f"labels are of the types {names}; give text, or numbers of one type")


def _refuse_twins(texts: Sequence[str], values: npt.NDArray[Any]) -> None:
    """One class under two spellings would be two classes, one of them always answered wrongly."""
    spellings: dict[str, set[str]] = defaultdict(set)
    for text, value in zip(texts, values.tolist(), strict=True):
        spellings[text if len(text) == 1 else text.casefold()].add(repr(value))
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
        return not isinstance(label, list | tuple | set | dict)
