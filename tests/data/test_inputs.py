from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from tests.embedding import paths_of

from headstart.data.inputs import list_pictures, read_images, read_pictures
from headstart.errors import ImageError, TableError, UsageError
from headstart.images.source import LocalFile, Unavailable
from headstart.options import ReadOptions


def make(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"picture")
    return root


def test_a_table_or_a_folder(tmp_path: Path) -> None:
    make(tmp_path, "cat/1.png", "dog/1.png")
    table = tmp_path / "labels.csv"
    table.write_text("image,label\ncat/1.png,cat\ndog/1.png,dog\n")
    from_table = read_images(table, ReadOptions())
    from_folder = read_images(tmp_path, ReadOptions())
    assert from_table.ids == from_folder.ids == ("cat/1.png", "dog/1.png")
    assert from_table.labels == from_folder.labels
    assert paths_of(from_table.images) == paths_of(from_folder.images)
    assert from_table.lines == (2, 3)
    assert from_folder.lines is None


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.zip", b"PK\x03\x04rest", "is a zip archive; unpack it"),
        ("a.xlsx", b"PK\x03\x04rest", "is a workbook; save its sheet as CSV"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 99, "is a workbook"),
        ("a.csv", pickle.dumps({"a": 1}), "a Python pickle, which may run code"),
        ("a.csv.gz", b"\x1f\x8b\x08", "is a gzip archive; unpack it"),
        ("a.csv", b"", "a.csv is empty"),
        ("a.csv", b"\xff\xd8\xff\xe0\0\x10JFIF\0", "not a table"),
        ("a.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF\0", "a.jpg is a picture; give a table"),
        ("a.csv", b"<!DOCTYPE html><title>404</title>", "a.csv is an HTML page, not a table"),
        ("a.csv", b"version https://git-lfs.github.com/spec/v1", "a.csv is a git-LFS pointer"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TableError, match=words):
        read_images(tmp_path / name, ReadOptions())


def test_a_missing_source(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"lost: not found; give a table .* or a folder"):
        read_images(tmp_path / "lost", ReadOptions())


def test_pictures_in_the_given_order(tmp_path: Path) -> None:
    make(tmp_path, "z.png", "a.png", "more/10.png", "more/2.png", "more/sub/1.JPG", "more/n.txt")
    table = tmp_path / "list.csv"
    table.write_text("image,label\nz.png,x\nlost.png,y\nz.png,z\n")
    sources = [tmp_path / name for name in ("z.png", "gone.jpg", "more", "list.csv", "a.png")]
    found = list_pictures(sources, ReadOptions())
    assert [path.relative_to(tmp_path).as_posix() for path in paths_of(found.images)] == [
        *("z.png", "gone.jpg", "more/2.png", "more/10.png", "more/sub/1.JPG"),
        *("z.png", "lost.png", "z.png", "a.png"),
    ]
    assert found.ids[0] == str(tmp_path / "z.png")
    assert found.ids[2] == f"{(tmp_path / 'more').as_posix()}/2.png"
    assert found.ids[5:8] == ("z.png", "lost.png", "z.png")
    assert found.labels is None
    assert found.lines is None
    assert found.bad == ()
    assert "1 file left out, no picture by name: n.txt" in found.notes


def test_seven_rows_in_seven_rows_out(tmp_path: Path) -> None:
    order = ["z.png", "m.png", "broken.jpg", "a.png", "missing.png", "b.png", "z.png"]
    make(tmp_path / "images", *(name for name in order if name != "missing.png"))
    table = tmp_path / "table.csv"
    table.write_text("image\n" + "\n".join(order) + "\n")
    found = list_pictures([table], ReadOptions(images=tmp_path / "images"))
    assert found.ids == tuple(order)
    assert found.lines == (2, 3, 4, 5, 6, 7, 8)
    assert [path.is_file() for path in paths_of(found.images)] == [True] * 4 + [False] + [True] * 2


def test_what_cannot_be_read_of_a_folder_has_its_rows(tmp_path: Path) -> None:
    folder = make(tmp_path / "more", "1.png")
    (folder / "broken.png").symlink_to("nowhere.png")
    (folder / "loop.png").symlink_to("loop.png")
    found = list_pictures([folder], ReadOptions())
    assert found.bad == ()
    assert [Path(name).name for name in found.ids] == ["1.png", "broken.png", "loop.png"]
    assert [type(image) for image in found.images] == [LocalFile, Unavailable, Unavailable]
    for image, cause in zip(found.images[1:], ("broken link", "is a link to itself"), strict=True):
        with pytest.raises(ImageError, match=cause):
            image.read()


def test_nothing_to_list(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no picture given"):
        list_pictures([], ReadOptions())
    found = list_pictures([make(tmp_path, "a.txt")], ReadOptions())
    assert [str(item) for item in found.bad] == [f"{tmp_path}: no picture in it (1 other file)"]
    assert len(found) == 0


def test_a_file_of_any_name_is_listed(tmp_path: Path) -> None:
    make(tmp_path, "no_extension", "notes.txt")
    sources = [tmp_path / "no_extension", tmp_path / "notes.txt", tmp_path / "lost.csv"]
    assert paths_of(list_pictures(sources, ReadOptions()).images) == sources


def test_pictures_without_labels(tmp_path: Path) -> None:
    flat = tmp_path / "flat"
    make(flat, "b.png", "a.png")
    found = read_pictures(flat, ReadOptions())
    assert found.labels is None
    assert [path.name for path in paths_of(found.images)] == ["a.png", "b.png"]
    assert len(read_pictures(flat / "a.png", ReadOptions())) == 1
    (flat / "names.csv").write_text("image\na.png\nb.png\n")
    (flat / "lost.csv").write_text("image\na.png\nc.png\n")
    (flat / "labels.csv").write_text("image,label\na.png,cat\nb.png,dog\n")
    assert read_pictures(flat / "names.csv", ReadOptions()).labels is None
    assert read_pictures(flat / "labels.csv", ReadOptions()).labels == ("cat", "dog")
    assert len(read_pictures(flat / "lost.csv", ReadOptions()).bad) == 1
    # C75: no column of a table without labels is taken for one.
    (flat / "sizes.csv").write_text("image,width,height\na.png,3,4\nb.png,3,4\n")
    sized = read_pictures(flat / "sizes.csv", ReadOptions())
    assert (sized.labels, len(sized), sized.bad) == (None, 2, ())
    make(tmp_path / "classes", "cat/a.png", "dog/b.png")
    assert read_pictures(tmp_path / "classes", ReadOptions()).labels == ("cat", "dog")


def test_predicting_advises_no_option_that_it_lacks(tmp_path: Path) -> None:
    make(tmp_path, "a.png")
    (tmp_path / "t.csv").write_text("image,label,split,patient\na.png,cat,train,p1\n")
    listed = list_pictures([tmp_path / "t.csv"], ReadOptions())
    assert not [note for note in listed.notes if "--" in note]
    told = read_images(tmp_path / "t.csv", ReadOptions()).notes
    assert [note.partition(";")[0] for note in told if "--" in note] == [
        "column 'split' is not used",
        "column 'patient' is not used",
    ]


def test_c83_a_folder_of_dicom_files_is_named_as_one(tmp_path: Path) -> None:
    folder = tmp_path / "scans"
    (folder / "ill").mkdir(parents=True)
    (folder / "ill" / "scan1.dcm").write_bytes(bytes(128) + b"DICM" + bytes(60))
    (folder / "ill" / "scan2.DCM").write_bytes(b"\x08\0\x05\0 without its beginning")
    words = (
        "no picture in it (2 other files; ill/scan1.dcm looks like a DICOM file; convert it to PNG)"
    )
    assert [item.cause for item in list_pictures([folder], ReadOptions()).bad] == [words]
    with pytest.raises(
        TableError, match=r"ill/scan1\.dcm looks like a DICOM file; convert it to PNG"
    ):
        read_images(folder, ReadOptions())
    make(folder, "ill/1.png", "well/1.png")
    notes = read_images(folder, ReadOptions()).notes
    assert "2 DICOM files among them, which are not read: convert them to PNG" in notes
