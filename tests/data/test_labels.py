from __future__ import annotations

import pytest

from headstart.data.labels import kept_rows, merge_spellings, trim
from headstart.errors import UsageError
from headstart.wording import some_of


@pytest.mark.parametrize(
    ("text", "right"),
    [(" a ", "a"), ("\u00a0a b\u200b ", "a b"), ("\ufeff\t\u00a0", ""), ("", ""), ("a", "a")],
)
def test_trim(text: str, right: str) -> None:
    assert trim(text) == right


def test_the_most_frequent_spelling_wins_then_the_first() -> None:
    assert merge_spellings(["Cat", "cat", "cat", "Dog", "DOG"])[0] == ["cat"] * 3 + ["Dog"] * 2


def test_letters_stay_apart_with_a_note() -> None:
    labels, notes = merge_spellings(["a", "A", "b"])
    assert labels == ["a", "A", "b"]
    assert notes == ["labels 'a' and 'A' differ only by case and stay apart"]


def test_equal_numbers_stay_apart_with_a_note() -> None:
    labels, notes = merge_spellings(["1", "1.0", "2", "01.5"])
    assert labels == ["1", "1.0", "2", "01.5"]
    assert notes == ["labels '1' and '1.0' are equal as numbers and stay apart"]


def test_kept_rows() -> None:
    assert kept_rows(["a", "b", "a"], ["b"]) == ([0, 2], ["class 'b' left out: 1 row"])
    assert kept_rows(["a"], ["e"], known=["e"]) == ([0], ["class 'e' left out: 0 rows"])
    with pytest.raises(UsageError, match="--exclude c: there is no such class; the classes are a"):
        kept_rows(["a"], ["c"])


def test_some_of() -> None:
    assert some_of(["a", "b"]) == "a, b"
    assert some_of(["a", "b", "c"], 2) == "a, b and 1 more"


def test_blanks_inside_are_no_difference() -> None:
    labels, notes = merge_spellings(["fire  engine", "fire engine", "Fire engine", "fire engine"])
    assert labels == ["fire engine"] * 4
    assert notes[0].endswith("taken as 'fire engine' (2): only blanks or case differ")
