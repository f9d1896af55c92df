"""C77: tables with a column of 0 and 1 for each class."""

from __future__ import annotations

from pathlib import Path

import pytest

from headstart.data.image_table import ImageTable
from headstart.data.read_table import read_table
from headstart.errors import TableError
from headstart.options import ReadOptions

ONE_EACH = ("a.png,1,0,0", "b.png,0,1,0", "c.png,0,0,1", "d.png,0,1,0")


def read(
    root: Path, *rows: str, head: str = "filename,cat,dog,bird", needs: bool = True, **options: str
) -> ImageTable:
    for row in rows:
        (root / row.split(",")[0]).write_bytes(row.encode())
    (root / "_classes.csv").write_text("\n".join((head, *rows)) + "\n")
    return read_table(root / "_classes.csv", ReadOptions(**options), needs_labels=needs)  # type: ignore[arg-type]


@pytest.mark.parametrize("head", ["filename,cat,dog,bird", "filename, cat, dog, bird"])
def test_one_1_in_every_row(head: str, tmp_path: Path) -> None:
    table = read(tmp_path, *ONE_EACH, head=head)
    assert table.labels == ("cat", "dog", "bird", "dog")
    assert table.lines == (2, 3, 4, 5)
    assert "each row's class is the one column with a 1 among 'cat', 'dog', 'bird'" in table.notes


def test_more_than_one_and_none_are_named(tmp_path: Path) -> None:
    with pytest.raises(TableError) as error:
        read(tmp_path, *ONE_EACH, "e.png,1,1,0", "f.png,0,0,0", "g.png,1,0,1")
    assert "2 rows with more than one 1 (line 6, 8) and 1 row with no 1 (line 7)" in str(
        error.value
    )
    assert "multi-label" in str(error.value)
    assert "--label-column" in str(error.value)


def test_one_of_the_columns_may_be_named(tmp_path: Path) -> None:
    table = read(tmp_path, *ONE_EACH, "e.png,1,1,0", label_column="cat")
    assert table.labels == ("1", "0", "0", "0", "1")


def test_where_labels_are_not_needed_there_are_none(tmp_path: Path) -> None:
    assert read(tmp_path, *ONE_EACH, "e.png,1,1,0", needs=False).labels is None
    assert read(tmp_path, *ONE_EACH, needs=False).labels == ("cat", "dog", "bird", "dog")


def test_a_column_of_labels_comes_first(tmp_path: Path) -> None:
    rows = ("a.png,1,0,x", "b.png,0,1,y")
    assert read(tmp_path, *rows, head="filename,wide,dark,label").labels == ("x", "y")


def test_a_single_column_of_0_and_1_is_the_label(tmp_path: Path) -> None:
    table = read(tmp_path, "a.png,1", "b.png,0", head="image_names,emergency_or_not")
    assert table.labels == ("1", "0")


def test_split_and_other_columns_stay_what_they_are(tmp_path: Path) -> None:
    rows = ("a.png,1,0,0,200,train", "b.png,0,1,1,300,test")
    head = "filename,cat,dog,fold,width,part"
    table = read(tmp_path, *rows, head=head, split_column="part")
    assert table.labels == ("cat", "dog")
    assert table.splits == ("train", "test")


def test_rows_of_another_length_are_refused_with_their_line(tmp_path: Path) -> None:
    table = read(tmp_path, *ONE_EACH, "e.png,1,0")
    assert [str(bad) for bad in table.bad] == ["_classes.csv, line 6: has 3 fields, expected 4"]
