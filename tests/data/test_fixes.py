"""Fixes as other programs save them, slips of the pen in them, and what they do to a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from headstart.data.fixes import apply_fixes, read_fixes
from headstart.data.image_table import ImageTable
from headstart.errors import BadInputsError, TableError
from headstart.images.source import local_files

CLASSES = ("cat", "dog", "Owl")


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "fixes.csv"
    path.write_bytes(text.encode(encoding))
    return path


def make_table(ids: Sequence[str], labels: Sequence[str] | None) -> ImageTable:
    return ImageTable(
        ids=tuple(ids),
        images=local_files([Path("/nowhere") / name for name in ids]),
        labels=None if labels is None else tuple(labels),
        source=Path("labels.csv"),
        lines=tuple(range(2, len(ids) + 2)),
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_as_other_programs_save_it(tmp_path: Path, encoding: str) -> None:
    text = (
        "Image;label;suggested;probability;Fix\n1.jpg;dog;cat;0,98; CAT \n2.jpg;dog;cat;0,9;Drop\n"
    )
    fixes = read_fixes(written(tmp_path, text, encoding), CLASSES)
    assert fixes == {"1.jpg": "cat", "2.jpg": None}


def test_every_unknown_word_is_listed(tmp_path: Path) -> None:
    path = written(tmp_path, "image,fix\n1.jpg,dgo\n2.jpg,dog\n3.jpg,remove\n,cat\n")
    with pytest.raises(BadInputsError) as caught:
        read_fixes(path, CLASSES)
    assert [str(item) for item in caught.value.inputs] == [
        "fixes.csv, line 2: 1.jpg: fix 'dgo': allowed are a class (cat, dog, Owl), or 'drop', or "
        "nothing",
        "fixes.csv, line 4: 3.jpg: fix 'remove': allowed are a class (cat, dog, Owl), or 'drop', "
        "or nothing",
        "fixes.csv, line 5: : fix 'cat' without an image",
    ]
    assert read_fixes(written(tmp_path, "image,fix\n1.jpg,dgo\n")) == {"1.jpg": "dgo"}


def test_two_fixes_for_one_image(tmp_path: Path) -> None:
    with pytest.raises(BadInputsError, match="two fixes: 'cat' and 'drop'"):
        read_fixes(written(tmp_path, "image,fix\n1.jpg,cat\n1.jpg,drop\n"), CLASSES)
    assert read_fixes(written(tmp_path, "image,fix\n1.jpg,cat\n1.jpg,cat\n"), CLASSES) == {
        "1.jpg": "cat"
    }


def test_a_class_called_drop_is_a_class(tmp_path: Path) -> None:
    path = written(tmp_path, "image,fix\n1.jpg,drop\n")
    assert read_fixes(path, ("drop", "rain")) == {"1.jpg": "drop"}


def test_a_table_without_the_columns(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"no column 'fix'.*--write-fixes"):
        read_fixes(written(tmp_path, "image,label\n1.jpg,cat\n"))


def test_fixes_for_other_images_are_refused() -> None:
    table = make_table(["1.jpg", "2.jpg"], ["cat", "dog"])
    with pytest.raises(BadInputsError) as caught:
        apply_fixes(table, {"9.jpg": "cat", "1.jpg": "dog", "8.jpg": None})
    assert [str(item) for item in caught.value.inputs] == [
        "9.jpg: a fix for an image that labels.csv does not have",
        "8.jpg: a fix for an image that labels.csv does not have",
    ]
    with pytest.raises(TableError, match="drop all 2 rows"):
        apply_fixes(table, {"1.jpg": None, "2.jpg": None})
    with pytest.raises(TableError, match="no labels"):
        apply_fixes(make_table(["1.jpg"], None), {})


def test_a_fix_that_changes_nothing_is_counted() -> None:
    fixed = apply_fixes(make_table(["1.jpg"], ["cat"]), {"1.jpg": "cat"})
    assert fixed.notes == (
        "fixes: 0 labels changed, 0 pictures left out, 1 of the fixes give the label that was "
        "there",
    )
