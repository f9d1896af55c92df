from __future__ import annotations

from pathlib import Path

import pytest
from tests.embedding import paths_of

from headstart.data.columns import find_columns
from headstart.data.image_table import ImageTable
from headstart.data.read_table import read_table
from headstart.errors import TableError, UsageError
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


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("image_names,emergency_or_not", "images from column 'image_names', labels from 'emer"),
        ("IMAGE,Label", "images from column 'IMAGE', labels from 'Label'"),
        ("File Name,Category", "images from column 'File Name', labels from 'Category'"),
        ("path,target", "images from column 'path', labels from 'target'"),
        ("filename,class", "images from column 'filename', labels from 'class'"),
        ("image_id,kind", "images from column 'image_id', labels from 'kind'"),
    ],
)
def test_columns_by_their_usual_names(folder: Path, header: str, taken: str) -> None:
    table = read(folder, PLAIN.replace("image,label", header))
    assert_six(table)
    assert table.notes[0].startswith(taken)


def test_columns_in_another_place(folder: Path) -> None:
    rows = "".join(f'{i},48,{label},{name},"a\nb"\n' for i, (name, label) in enumerate(ROWS))
    content = "id,width,lbl,img,notes\n" + rows
    assert_six(read(folder, content, image_column="img", label_column="lbl"))
    listed = r"\['id', 'width', 'lbl', 'img', 'notes'\].*--image-column.*--label-column"
    with pytest.raises(TableError, match=listed):
        read(folder, content)
    with pytest.raises(TableError, match=r"no column for the labels.*--label-column"):
        read(folder, content, image_column="img")
    with pytest.raises(UsageError, match=r"--image-column pics: no such column.*'img'"):
        read(folder, content, image_column="pics")
    with pytest.raises(UsageError, match="'img' is named for two things"):
        read(folder, content, image_column="img", label_column="IMG")


def test_two_columns_that_both_could(folder: Path) -> None:
    with pytest.raises(TableError, match="'label' and 'class' could both hold the labels"):
        read(folder, "image,label,class\ncat0.png,0,cat\n")
    with pytest.raises(TableError, match="'image' and 'path' could both hold the pictures"):
        read(folder, "image,path,label\ncat0.png,x,cat\n")


def test_split_and_group_columns(folder: Path) -> None:
    rows = "".join(
        f"{n},{lab},{'test' if i < 2 else 'train'},p{i // 2}\n" for i, (n, lab) in enumerate(ROWS)
    )
    content = "image,kind,split,patient\n" + rows
    table = read(folder, content, split_column="split", group_column="Patient")
    assert_six(table)
    assert table.splits == ("test", "test", "train", "train", "train", "train")
    assert table.groups == ("p0", "p0", "p1", "p1", "p2", "p2")
    unused = read(folder, content)
    assert_six(unused)  # neither is taken for the label
    assert "column 'split' is not used; to use it: --split-column split" in unused.notes
    assert "column 'patient' is not used; to use it: --group-column patient" in unused.notes
    empty = read(folder, content.replace("train,p2", ",p2"), split_column="split")
    assert bad(empty)[0] == "table.csv, line 6: cat2.png: no split"


def test_no_labels(folder: Path) -> None:
    table = read(folder, "image\ncat0.png\ndog0.png\n")
    assert table.labels is None
    assert table.ids == ("cat0.png", "dog0.png")
    assert table.notes == ("images from column 'image', no labels",)
    with pytest.raises(UsageError, match="has no labels"):
        read(folder, "image\ncat0.png\n", exclude=("cat",))


def test_many_columns_have_short_words() -> None:
    many = [f"column {number}" for number in range(10_000)]
    pictures = [f"{number}.png" for number in range(10_000)]
    long = ["x" * 100_000, "y" * 100_000]
    for columns, options in (
        (many, ReadOptions()),
        (pictures, ReadOptions()),
        (["image", *many], ReadOptions()),
        (["image", *many], ReadOptions(label_column="lost")),
        (["image"] * 10_000, ReadOptions()),
        (["image", *long], ReadOptions()),
    ):
        with pytest.raises((TableError, UsageError)) as caught:
            find_columns("t.csv", columns, options, label_needed=True)
        assert len(str(caught.value)) < 1000
