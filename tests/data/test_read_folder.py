from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from tests.embedding import paths_of

from headstart.data.image_table import ImageTable
from headstart.data.read_folder import read_folder
from headstart.errors import TableError, UsageError
from headstart.options import ReadOptions


def make(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"picture")
    return root


def read(root: Path, *exclude: str) -> ImageTable:
    return read_folder(root, ReadOptions(exclude=exclude))


def bad(table: ImageTable) -> list[str]:
    return [str(item) for item in table.bad]


def test_class_folders(tmp_path: Path) -> None:
    table = read(make(tmp_path, "dog/2.png", "dog/10.png", "cat/3.png", "cat/deep/er/1.png"))
    assert table.ids == ("cat/3.png", "cat/deep/er/1.png", "dog/2.png", "dog/10.png")
    assert table.labels == ("cat", "cat", "dog", "dog")
    assert paths_of(table.images)[0] == tmp_path / "cat" / "3.png"
    assert table.lines is None
    assert table.splits is None
    assert table.notes == ()
    assert table.bad == ()


def test_empty_class_folders_are_named(tmp_path: Path) -> None:
    make(tmp_path, "cat/1.png", "dog/1.png", "fish/readme.txt")
    (tmp_path / "bird").mkdir()
    table = read(tmp_path)
    assert bad(table) == [
        "bird: no picture in it (empty folder)",
        "fish: no picture in it (1 other file)",
    ]
    assert table.classes == ("cat", "dog")
    assert read(tmp_path, "bird", "fish").bad == ()


def test_parts_of_a_split(tmp_path: Path) -> None:
    make(tmp_path, "train/cat/1.png", "train/dog/1.png", "train/dog/x/2.png", "valid/cat/3.png")
    table = read(make(tmp_path, "Test/dog/4.png", "Test/owl/5.png"))
    assert dict(zip(table.ids, table.splits or (), strict=True)) == {
        "Test/dog/4.png": "test",
        "Test/owl/5.png": "test",
        "train/cat/1.png": "train",
        "train/dog/1.png": "train",
        "train/dog/x/2.png": "train",
        "valid/cat/3.png": "val",
    }
    assert table.labels == ("dog", "owl", "cat", "dog", "dog", "cat")
    assert table.notes == (
        "parts: test 2, train 3, val 1",
        "class 'owl' is in test, not in train",
    )


def test_pictures_loose_in_a_part(tmp_path: Path) -> None:
    make(tmp_path, "train/cat/1.png", "train/dog/1.png", "val/cat/1.png")
    with pytest.raises(TableError, match="'train' and 'val' look like parts of a split, not like"):
        read(make(tmp_path / "odd", "train/1.png", "val/1.png"))
    assert read(tmp_path / "train").classes == ("cat", "dog")


def test_a_class_of_trains_is_a_class(tmp_path: Path) -> None:
    table = read(make(tmp_path, "train/1.png", "car/1.png", "bus/1.png"))
    assert table.classes == ("bus", "car", "train")
    assert table.splits is None
    nested = read(make(tmp_path / "n", "train/steam/1.png", "car/1.png", "bus/1.png"))
    assert nested.classes == ("bus", "car", "train")


def test_parts_beside_something_else(tmp_path: Path) -> None:
    make(tmp_path, "train/a/1.png", "train/b/1.png", "val/b/1.png", "val2/d/1.png")
    with pytest.raises(
        TableError, match="'train' and 'val' look like parts of a split, 'val2' not"
    ):
        read(tmp_path)


def test_the_same_file_in_two_parts(tmp_path: Path) -> None:
    make(tmp_path, "train/cat/1.png", "train/dog/1.png", "test/dog/2.png")
    (tmp_path / "test/cat").mkdir()
    (tmp_path / "test/cat/1.png").symlink_to("../../train/cat/1.png")
    table = read(tmp_path)
    assert bad(table) == ["test/cat/1.png: the same file in two parts: also train/cat/1.png"]


def test_a_wrapper_folder(tmp_path: Path) -> None:
    root = tmp_path / "wrapped"
    make(root, *(f"dataset/images/{c}/{i}.png" for c in ("cat", "dog") for i in range(3)))
    right = (
        f"one class only ('dataset'); did you mean {root}/dataset/images (2 classes, 6 pictures)?"
    )
    with pytest.raises(TableError, match=re.escape(right)):
        read(root)
    parts = make(tmp_path / "p", "set/train/a/1.png", "set/val/a/1.png")
    with pytest.raises(TableError, match=r"did you mean .*/p/set \(2 parts, 2 pictures\)"):
        read(parts)


def test_one_class_alone_is_a_note(tmp_path: Path) -> None:
    assert read(make(tmp_path, "cat/1.png")).notes == ("one class only: 'cat'",)


def test_pictures_beside_the_class_folders(tmp_path: Path) -> None:
    table = read(make(tmp_path, "cat/1.png", "dog/1.png", "b.png", "a.png"))
    assert bad(table) == [
        f"{tmp_path.name}: 2 pictures beside the class folders, without a class: a.png, b.png"
    ]
    assert len(table) == 2


def test_no_classes_at_all(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"no picture in it$"):
        read(tmp_path)
    with pytest.raises(TableError, match=r"no picture in it \(1 other file\)"):
        read(make(tmp_path / "texts", "a.txt"))
    with pytest.raises(TableError, match="2 pictures without a class; put the pictures of each"):
        read(make(tmp_path / "loose", "a.png", "b.png"))


def test_unicode_forms_of_one_class(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "café")
    table = read(make(tmp_path, "café/1.png", f"{decomposed}/2.png", "tea/1.png"))
    assert table.classes == ("café", "tea")
    assert "2 folders are class 'café'" in table.notes
    assert all(path.is_file() for path in paths_of(table.images))


def test_spellings_of_one_class(tmp_path: Path) -> None:
    table = read(make(tmp_path, "cat/1.png", "cat/2.png", "Cat/3.png", "dog/1.png"))
    assert table.classes == ("cat", "dog")
    assert any("'Cat' (1) taken as 'cat' (2)" in note for note in table.notes)


def test_excluded_classes(tmp_path: Path) -> None:
    make(tmp_path, "cat/1.png", "dog/1.png", "owl/1.png")
    table = read(tmp_path, "owl")
    assert table.classes == ("cat", "dog")
    assert "class 'owl' left out: 1 row" in table.notes
    with pytest.raises(UsageError, match=r"--exclude cow: there is no such class.*cat, dog, owl"):
        read(tmp_path, "cow")


def test_options_of_tables_are_refused(tmp_path: Path) -> None:
    make(tmp_path, "cat/1.png")
    with pytest.raises(UsageError, match=r"--label-column x is for tables, and .* is a folder"):
        read_folder(tmp_path, ReadOptions(label_column="x"))


def test_numbers_in_numeric_order(tmp_path: Path) -> None:
    table = read(make(tmp_path, *(f"{k}/p{i}.png" for k in range(1, 13) for i in range(2))))
    assert table.classes == tuple(str(k) for k in range(1, 13))
    assert table.labels == tuple(str(k) for k in range(1, 13) for _ in range(2))
