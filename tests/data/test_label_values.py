"""Labels and groups as Python code gives them."""

from __future__ import annotations

import enum
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from headstart.data.label_values import (
    LabelType,
    label_text,
    places,
    read_groups,
    read_labels,
    restored_classes,
)
from headstart.errors import DataError

KINDS: dict[str, tuple[Any, list[Any], LabelType]] = {
    "text": (["b", "a", "b"], ["a", "b"], "text"),
    "fixed-width text": (np.array(["b", "a", "b"]), ["a", "b"], "text"),
    "NumPy's own text": (
        np.array(["b", "a", "b"], dtype=np.dtypes.StringDType()),
        ["a", "b"],
        "text",
    ),
    "numbers as text": (["10", "9", "10"], ["10", "9"], "text"),
    "integers": ([10, 9, 10], [9, 10], "integer"),
    "small integers": (np.array([10, 9, 10], dtype=np.uint8), [9, 10], "integer"),
    "integers of NumPy in a list": ([np.int64(10), 9, 10], [9, 10], "integer"),
    "large integers": ([2**63 + 5, 2**63, 2**63], [2**63, 2**63 + 5], "integer"),
    "below zero": ([-1, 1, -1], [-1, 1], "integer"),
    "whole floats": (np.array([1.0, 0.0, 1.0]), [0.0, 1.0], "number"),
    "short floats": (np.array([1, 0, 1], dtype=np.float32), [0.0, 1.0], "number"),
    "both zeros": ([0.0, -0.0, 1.0], [0.0, 1.0], "number"),
    "bools": ([True, False, True], [False, True], "boolean"),
    "bools of NumPy": (np.array([True, False, True]), [False, True], "boolean"),
    "pandas text": (pd.Series(["b", "a", "b"], index=[7, 8, 9]), ["a", "b"], "text"),
    "pandas category": (pd.Series(["b", "a", "b"], dtype="category"), ["a", "b"], "text"),
    "pandas integers": (pd.Series([2, 1, 2], dtype="Int64"), [1, 2], "integer"),
    "pandas bools": (pd.Series([True, False, True], dtype="boolean"), [False, True], "boolean"),
    "a frame": (pd.DataFrame({"label": ["b", "a", "b"]}), ["a", "b"], "text"),
    "rows of a column": ([["b"], ["a"], ["b"]], ["a", "b"], "text"),
    "objects": (np.array([2, 1, 2], dtype=object), [1, 2], "integer"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_values_keep_their_type(kind: str) -> None:
    given, classes, type_ = KINDS[kind]
    labels = read_labels(given, 3)
    assert labels.type == type_
    assert labels.classes.tolist() == classes
    assert [type(value) for value in labels.classes.tolist()] == [type(c) for c in classes]
    assert labels.values.tolist() == np.ravel(given).tolist()
    texts = sorted(set(labels.texts))
    restored = restored_classes(texts, labels.type)
    assert sorted(restored) == classes
    assert [type(value) for value in restored] == [type(value) for value in classes]


def test_anything_that_can_be_iterated_once() -> None:
    assert read_labels((label for label in "aba"), 3).texts == ("a", "b", "a")
    assert read_labels({"x": 1, "y": 2}.values(), 2).values.tolist() == [1, 2]
    assert read_groups((group for group in (1, 2)), 2) == ("1", "2")


def test_texts_are_trimmed_and_of_one_form() -> None:
    labels = read_labels([" caf\u0065\u0301\u00a0", "tea"], 2)
    assert labels.texts == ("caf\u00e9", "tea")
    assert labels.values.tolist() == [" caf\u0065\u0301\u00a0", "tea"]
    assert label_text(np.True_) == label_text(True) == "True"


class Colour(enum.Enum):
    RED = 1


MANY = "several .*multi-label"
WRONG: dict[str, tuple[Any, str]] = {
    "none": (None, "requires y to be passed, but the target y is None; labels have the shape"),
    "one text": ("aba", r"labels have the shape \(\), got 'aba'"),
    "one number": (3, r"labels have the shape \(\), got 3"),
    "too few": (["a", "b"], "3 pictures and 2 labels"),
    "too many": (["a"] * 4, "3 pictures and 4 labels"),
    "a row": ([["a", "b", "a"]], r"labels have the shape \(1, 3\); expected one label for each"),
    "one-hot": (np.eye(3), rf"labels have the shape \(3, 3\).*{MANY}"),
    "lists": ([["a"], ["a", "b"], ["b"]], rf"label 0 is \['a'\]: {MANY}"),
    "pairs": ([["a", "b"]] * 3, rf"labels have the shape \(3, 2\).*{MANY}"),
    "tuples": ([("a",), ("a", "b"), ()], rf"label 0 is \('a',\): {MANY}"),
    "sets": ([{"a"}, {"a", "b"}, set()], rf"label 0 is \{{'a'\}}: {MANY}"),
    "arrays": ([np.array(["a", "b"]), np.array(["a"]), np.array(["b"])], rf"label 0 is .*{MANY}"),
    "dicts": ([{"a": 1}, {"b": 1}, {"a": 1}], rf"label 0 is .*{MANY}"),
    "missing": (["a", None, "b"], "1 label missing .* at 1 counted from 0; give each"),
    "NaN": (np.array([1, np.nan, np.nan]), "2 labels missing .* at 1, 2 counted"),
    "pandas NA": (pd.Series([1, pd.NA, 2], dtype="Int64"), "1 label missing .* at 1 counted"),
    "blank": (["a", " \u00a0", "b"], "1 label missing .* at 1 counted"),
    "text and numbers": (["a", 1, "b"], "of the type int, str; they must be all text, all whole"),
    "bools and numbers": ([True, 2, False], "of the type bool, int; they must be"),
    "bytes": ([b"a", b"b", b"a"], "of the type bytes; they must be"),
    "bytes of NumPy": (np.array([b"a", b"b", b"a"]), "of the type bytes_; they must be"),
    "enum": ([Colour.RED] * 3, "of the type Colour; they must be"),
    "decimals": ([Decimal(1)] * 3, "of the type Decimal; they must be"),
    "dates": (np.array(["2020-01-01"] * 3, dtype="M8[D]"), "of the type datetime64"),
    "complex": (np.array([1j, 2, 3]), "of the type complex128; they must be"),
    "huge": ([2**70, 1, 2], "of the type int; they must be"),
    "together too wide": ([2**63, -1, 2], r"all whole numbers \(of 64 bits\) or all bools"),
    "fractions": ([0.0, 1.5, 1.0], r"label 1 is 1\.5: continuous numbers are no classes"),
    "infinite": ([0.0, 1.0, np.inf], "label 2 is inf: continuous numbers are no classes"),
    "case": (["Cat", "cat", "dog"], "labels 'Cat' and 'cat' differ only by case"),
    "blanks": (["cat", "cat ", "dog"], "labels 'cat ' and 'cat' differ only by case, blanks"),
    "blanks inside": (
        ["a b", "a  b", "dog"],
        "labels 'a  b' and 'a b' differ only by case, blanks",
    ),
    "forms": (["\u00e9t\u00e9", "e\u0301te\u0301", "a"], "differ only by case, blanks or Unicode"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_labels_are_refused(wrong: str) -> None:
    given, message = WRONG[wrong]
    with pytest.raises(DataError, match=message):
        read_labels(given, 3)


def test_letters_stay_apart() -> None:
    assert read_labels(["a", "A", "a"], 3).classes.tolist() == ["A", "a"]


def test_groups_are_one_for_each_picture() -> None:
    assert read_groups(np.array([[3], [4]]), 2) == ("3", "4")
    assert read_groups(pd.Series(["x", "X"]), 2) == ("x", "X")
    with pytest.raises(DataError, match=r"2 pictures and 1 group$"):
        read_groups(["x"], 2)
    with pytest.raises(DataError, match=r"groups have the shape \(2, 2\); expected one group for"):
        read_groups(np.ones((2, 2)), 2)
    for missing in (None, float("nan"), "", pd.NA):
        with pytest.raises(DataError, match=r"1 group missing .* at 1 counted from 0; give each"):
            read_groups(["x", missing], 2)


@pytest.mark.parametrize(
    ("classes", "given", "right"),
    [
        (["a", "b"], ["b", "a", "c"], [1, 0, -1]),
        (["a", "b"], ["b ", "a", "a"], [1, 0, 0]),
        ([1, 2], [2, 1, 3], [1, 0, -1]),
        ([1, 2], [2.0, 1.0, 3.0], [1, 0, -1]),
        ([0.0, 1.0], [1, 0, 2], [1, 0, -1]),
        ([0, 1], [True, False, True], [1, 0, 1]),
        ([False, True], [1, 0, 1], [1, 0, 1]),
        (["1", "2"], [2, 1, 3], [1, 0, -1]),
        ([1, 2], ["2", "1", "3"], [1, 0, -1]),
        (["A", "a"], ["a", "A", "b"], [1, 0, -1]),
    ],
)
def test_places_of_labels_among_classes(
    classes: list[Any], given: list[Any], right: list[int]
) -> None:
    assert places(read_labels(given, 3), np.array(classes)).tolist() == right


def test_a_label_that_differs_from_a_class_by_case_only_is_refused() -> None:
    labels = read_labels(["emergency", "Other", "emergency"], 3)
    with pytest.raises(DataError, match=r"label 'Other' is no class of this model, .*'other' only"):
        places(labels, np.array(["emergency", "other"]))


def test_restored_classes_refuse_other_text() -> None:
    for kind, text in (("integer", "1.5"), ("number", "x"), ("boolean", "true")):
        with pytest.raises((ValueError, LookupError)):
            restored_classes([text], kind)  # type: ignore[arg-type]
