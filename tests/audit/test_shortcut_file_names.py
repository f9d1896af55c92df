"""Names in numbers and words."""

from __future__ import annotations

import numpy as np

from headstart.audit.shortcuts.file_names import name_numbers, name_words, plain_names


def test_numbers_left_to_right() -> None:
    found = name_numbers(["cam2_0013.jpg", "cam10.jpg", "x.jpg", "7/cam1_25.jpg"])
    assert found.names == (
        "number 1 of the file name",
        "number 2 of the file name",
        "the last digit of the file name's number",
        "the number's remainder by 2",
    )
    nan = np.nan
    rows = np.array([[2, 13, 3, 1], [10, nan, 0, 0], [nan, nan, nan, nan], [1, 25, 5, 1]])
    assert np.array_equal(found.values, rows, equal_nan=True)
    assert name_numbers(["a.jpg", "b.jpg"]).values.shape == (2, 0)


def test_words_that_are_frequent_but_not_everywhere() -> None:
    names = ["s/Tree-1.jpg", "s/tree-2.jpg", "s/tree3.png", "s/a.jpg", "s/b.jpg", "s/c.jpg"]
    found = name_words(names)
    assert "the word 'tree' in the file name" in found.names
    assert "the folder 's'" not in found.names  # everywhere
    assert "the ending '.png'" not in found.names  # once
    column = found.names.index("the word 'tree' in the file name")
    assert found.values[:, column].tolist() == [1, 1, 1, 0, 0, 0]


def test_folders_that_gave_the_label_are_cut_off() -> None:
    labels = ["Cat", "dog"]
    assert plain_names(["Cat/x/1.jpg", "dog/2.jpg"], labels, True) == ["x/1.jpg", "2.jpg"]
    assert plain_names(["train/cat/1.jpg", "val/dog/2.jpg"], labels, True) == ["1.jpg", "2.jpg"]
    assert plain_names(["im\\cat\\1.jpg", "im\\dog\\2.jpg"], labels, False) == [
        "im/1.jpg",
        "im/2.jpg",
    ]
    assert plain_names(["a/1.jpg", "b/2.jpg"], labels, False) == ["a/1.jpg", "b/2.jpg"]
