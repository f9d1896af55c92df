from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from tests.embedding import paths_of

from headstart.data.image_table import ImageTable
from headstart.data.read_table import read_table
from headstart.errors import TableError, UsageError
from headstart.images.source import Unavailable
from headstart.options import ReadOptions

NAMES = ["cat0.png", "dog0.png", "cat1.png", "dog1.png", "cat2.png", "dog2.png"]


ROWS = [(name, name[:3]) for name in NAMES]


PLAIN = "image,label\n" + "".join(f"{name},{label}\n" for name, label in ROWS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A table's folder, with files that only have to be there."""
    for name in NAMES:
        (tmp_path / name).write_bytes(b"picture")
    return tmp_path


def read(
    folder: Path, content: str | bytes, *, keep: bool = False, **options: object
) -> ImageTable:
    path = folder / "table.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    given = ReadOptions(**options)  # type: ignore[arg-type]  # options by name, for short tests
    return read_table(path, given, keep_missing=keep)


def assert_six(table: ImageTable) -> None:
    assert table.ids == tuple(NAMES)
    assert table.labels == ("cat", "dog") * 3
    assert all(path.is_file() for path in paths_of(table.images))
    assert table.bad == ()


def bad(table: ImageTable) -> list[str]:
    return [str(item) for item in table.bad]


def test_a_plain_table(folder: Path) -> None:
    table = read(folder, PLAIN)
    assert_six(table)
    assert table.lines == (2, 3, 4, 5, 6, 7)
    assert paths_of(table.images)[0] == folder / "cat0.png"
    assert table.splits is None
    assert table.groups is None
    assert table.notes == ("images from column 'image', labels from 'label'",)
    assert table.where(2) == "table.csv, line 4: cat1.png"


def test_blanks_are_trimmed_and_counted(folder: Path) -> None:
    lines = ["image , label", "cat0.png ,cat", " dog0.png,dog ", "cat1.png,cat "]
    lines += ["dog1.png,dog", "cat2.png,\u00a0cat", "dog2.png,dog"]
    table = read(folder, "\n".join(lines))
    assert_six(table)
    assert table.notes[1:] == ("blanks trimmed in the header", "blanks trimmed in 5 cells")


def test_labels_stay_text(folder: Path) -> None:
    labels = ["00012", "NA", "1.0", "nan", "1e3", "None"]
    rows = "".join(f"{name},{label}\n" for name, label in zip(NAMES, labels, strict=True))
    assert read(folder, "image,label\n" + rows).labels == tuple(labels)


def test_spellings_that_differ_by_case(folder: Path) -> None:
    labels = ["True", "False", "TRUE", "FALSE", "true", "FALSE"]
    rows = "".join(f"{name},{label}\n" for name, label in zip(NAMES, labels, strict=True))
    table = read(folder, "image,label\n" + rows)
    assert table.labels == ("True", "FALSE", "True", "FALSE", "True", "FALSE")
    assert any("'TRUE' (1), 'true' (1) taken as 'True' (1)" in note for note in table.notes)
    assert any("'False' (1) taken as 'FALSE' (2)" in note for note in table.notes)


def test_rows_without_a_label(folder: Path) -> None:
    content = PLAIN.replace("cat1.png,cat", "cat1.png,").replace("dog2.png,dog", "dog2.png,   ")
    table = read(folder, content + "\n")
    assert bad(table) == [
        "table.csv, line 4: cat1.png: no label",
        "table.csv, line 7: dog2.png: no label",
    ]
    assert table.classes == ("cat", "dog")
    assert len(table) == 4


def test_rows_of_another_length(folder: Path) -> None:
    table = read(folder, PLAIN + "my,photo.png,dog\ncat0.png\n,\n,cat\n")
    assert bad(table) == [
        "table.csv, line 8: has 3 fields, expected 2",
        "table.csv, line 9: has 1 field, expected 2",
        "table.csv, line 11: no picture's name",
    ]
    assert len(table) == 6
    assert "1 row with empty cells only left out" in table.notes


def test_nothing_to_read(folder: Path) -> None:
    for content in (b"", b"\n \n", b"\xef\xbb\xbf", b",\n,\n"):
        with pytest.raises(TableError, match=r"table.csv is empty"):
            read(folder, content)
    with pytest.raises(TableError, match=r"table.csv has no rows"):
        read(folder, "image,label\n")
    words = "columns are called 'cat0.png' and 'cat': is the header missing?"
    with pytest.raises(TableError, match=words.replace("?", r"\?")):
        read(folder, PLAIN.split("\n", 1)[1])
    missing = PLAIN.replace("cat", "img_cat").replace("dog", "img_dog")
    with pytest.raises(TableError, match=f"6 of 6 pictures not found under {folder}, first: img_"):
        read(folder, missing)
    with pytest.raises(TableError, match=r"nowhere.csv: not found"):
        read_table(folder / "nowhere.csv", ReadOptions())
    with pytest.raises(UsageError, match=r"--images .*nowhere: no such folder"):
        read(folder, PLAIN, images=folder / "nowhere")


def test_some_pictures_missing(folder: Path) -> None:
    table = read(folder, PLAIN.replace("dog1.png", "lost.png"))
    assert bad(table) == ["table.csv, line 5: lost.png: not found"]
    assert len(table) == 5


def test_repeated_rows_and_contradictions(folder: Path) -> None:
    content = PLAIN + "cat0.png,cat\n./cat0.png,cat\ndog0.png,cat\n"
    table = read(folder, content)
    assert "2 repeated rows counted once (line 8, 9)" in table.notes
    assert bad(table) == [
        "table.csv, lines 3, 10: dog0.png: one picture with 2 labels: 'dog' and 'cat'"
    ]
    assert table.ids == ("cat0.png", "cat1.png", "dog1.png", "cat2.png", "dog2.png")
    splits = "image,label,split\ncat0.png,cat,train\ncat0.png,cat,test\ndog0.png,dog,test\n"
    assert bad(read(folder, splits, split_column="split")) == [
        "table.csv, lines 2, 3: cat0.png: one picture with 2 splits: 'train' and 'test'"
    ]


def test_excluded_classes(folder: Path) -> None:
    table = read(folder, PLAIN + "gone.png,owl\n", exclude=("owl", "dog "))
    assert table.classes == ("cat",)
    assert table.bad == ()  # an excluded row's missing file is nobody's concern
    assert "class 'owl' left out: 1 row" in table.notes
    assert "class 'dog' left out: 3 rows" in table.notes
    with pytest.raises(UsageError, match=r"--exclude cow: there is no such class.*are cat, dog"):
        read(folder, PLAIN, exclude=("cow",))


def test_the_same_accent_in_two_forms(folder: Path) -> None:
    rows = f"cat0.png,{unicodedata.normalize('NFD', 'café')}\ncat1.png,café\n"
    table = read(folder, "image,label\n" + rows)
    assert table.labels == ("café", "café")
    assert "accents of 1 label brought to one Unicode form" in table.notes


def test_keep_missing_for_predict(folder: Path) -> None:
    (folder / "sub").mkdir()
    order = ["dog0.png", "lost.png", "cat0.png", "sub", "x" * 300, "dog0.png"]
    table = read(folder, "image\n" + "\n".join(order) + "\n", keep=True)
    assert table.ids == tuple(order)
    assert [path.name for path in paths_of(table.images)] == order
    assert table.labels is None
    assert table.bad == ()
    assert len(read(folder, "image\nlost.png\n", keep=True)) == 1
    labelled = read(folder, "image,label,class\ncat0.png,a,\n", keep=True)
    assert labelled.labels is None


def test_keep_missing_keeps_bad_rows_with_their_causes(folder: Path) -> None:
    (folder / "cat0.jpg").touch()
    content = (
        "image,label,split\ncat0.png,cat,\n../secret.png,cat,train\n,dog,test\n"
        "cat1.png\ncat0,dog,val\nhttps://h/a.png,cat,\ncat2.png,cat,train,more\n"
    )
    table = read(folder, content, keep=True)
    assert table.bad == ()
    assert table.lines == (2, 3, 4, 5, 6, 7, 8)
    assert table.ids == (
        *("cat0.png", "../secret.png", "", "cat1.png", "cat0", "https://h/a.png", "cat2.png"),
    )
    causes = [image.cause if isinstance(image, Unavailable) else "" for image in table.images]
    for cause, words in zip(
        causes,
        [
            *("", "leads out", "no picture's name", "has 1 field, expected 3"),
            *("fits", "--allow-outside", "has 4 fields, expected 3"),
        ],
        strict=True,
    ):
        assert words in cause
        assert bool(words) is bool(cause)
    without_labels = read(folder, "image,more,other\ncat0.png,x,y\ncat1.png\n", keep=True)
    assert without_labels.labels is None
    assert len(without_labels) == 2


def test_keep_missing_keeps_rows_without_a_label(folder: Path) -> None:
    table = read(folder, "image,label\ncat0.png,cat\ncat1.png,\ncat0.png,dog\n", keep=True)
    assert table.labels == ("cat", "", "dog")
