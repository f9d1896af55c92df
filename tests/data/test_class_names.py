"""Classes under names of the user's, and labels in a model's spelling."""

from __future__ import annotations

from pathlib import Path

import pytest

from headstart.data.class_names import read_renames, renamed, to_classes
from headstart.errors import BadInputsError, TableError, UsageError
from headstart.options import ReadOptions


def options(*words: str, table: Path | None = None) -> ReadOptions:
    return ReadOptions(rename=words, rename_table=table)


def test_names_change_at_once_and_may_change_places() -> None:
    assert renamed(["0", "1", "0"], options("0=1", "1=0"))[0] == ["1", "0", "1"]
    labels, notes = renamed(["0", "1", "2"], options("0=other", "2=other"))
    assert labels == ["other", "1", "other"]
    assert notes == ["class '0' is called 'other' (1)", "class '2' is called 'other' (1)"]
    assert renamed(["a"], options()) == (["a"], [])


def test_a_new_name_that_is_there_in_another_spelling_is_merged_with_a_note() -> None:
    labels, notes = renamed(["Dog", "Dog", "hund"], options("HUND=dog"))
    assert labels == ["Dog", "Dog", "Dog"]
    assert "labels 'dog' (1) taken as 'Dog' (2): only the case differs" in notes


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("0",), "--rename 0: it is OLD=NEW"),
        (("=cat",), "--rename =cat: it is OLD=NEW"),
        (("0=a=b",), "--rename 0=a=b: names with a = stand in a --rename-table"),
        (("0=cat", "0=dog"), "--rename gives '0' two names, 'cat' and 'dog'"),
        (("7=cat",), "--rename 7=cat: there is no such class; the classes are 0, 1"),
    ],
)
def test_a_wrong_renaming_is_refused(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        renamed(["0", "1"], options(*words))
    assert str(caught.value).startswith(message)


def test_a_table_of_names_may_be_for_more_than_is_here(tmp_path: Path) -> None:
    table = tmp_path / "classes.csv"
    table.write_text("New;Old\n a=b ;0\nc;1\nd;2\n", encoding="utf-8")
    assert read_renames(table) == {"0": "a=b", "1": "c", "2": "d"}
    labels, notes = renamed(["0", "1"], options("1=x", table=table))
    assert labels == ["a=b", "x"]
    assert notes[-1] == "classes.csv: 1 class of it not here"


def test_a_table_of_names_that_cannot_be_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "classes.csv"
    table.write_text("from,to\n0,a\n")
    with pytest.raises(TableError, match="has the columns from, to; a table of new class names"):
        read_renames(table)
    table.write_text("old,new\n0,a\n1,\n0,b\n")
    with pytest.raises(BadInputsError) as caught:
        read_renames(table)
    assert [str(item) for item in caught.value.inputs] == [
        "classes.csv, line 3: no new name",
        "classes.csv, line 4: '0' has two new names, 'a' and 'b'",
    ]


def test_a_label_in_another_spelling_is_the_models_class() -> None:
    labels, notes, unknown = to_classes(
        ["Emergency", "sports  car", "other", "dgo"], ["emergency", "sports car", "other"]
    )
    assert labels == ["emergency", "sports car", "other", "dgo"]
    assert len(notes) == 2
    assert notes[0].startswith("label 'Emergency' (1) taken as the model's class 'emergency'")
    assert unknown == [3]


def test_letters_and_ambiguous_spellings_are_not_guessed() -> None:
    assert to_classes(["A", "b"], ["a", "b"])[2] == [0]
    assert to_classes(["DOG"], ["Dog", "dog"])[2] == [0]
    assert to_classes(["dog"], ["Dog", "dog"]) == (["dog"], [], [])
