from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from headstart.data.folder_scan import natural_key
from headstart.data.image_table import ImageTable
from headstart.data.read_folder import read_folder
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


def test_extensions_without_case_and_the_rest_counted(tmp_path: Path) -> None:
    names = ["cat/a.JPG", "cat/b.Jpeg", "cat/c.jpg", "dog/a.PNG", "dog/b.Png", "dog/c.TIFF"]
    table = read(make(tmp_path, *names, "dog/d.jfif", "dog/e.heic", "cat/notes.txt", "cat/raw"))
    assert table.labels == ("cat",) * 3 + ("dog",) * 5
    assert table.notes == ("2 files left out, no picture by name: cat/notes.txt, cat/raw",)


def test_system_files_are_left_aside(tmp_path: Path) -> None:
    make(tmp_path, "cat/1.jpg", "dog/1.jpg", ".DS_Store", "cat/._1.jpg", "dog/Thumbs.db")
    make(tmp_path, "dog/desktop.ini", "__MACOSX/cat/._1.jpg", ".ipynb_checkpoints/1.jpg")
    table = read(make(tmp_path, "cat/.ipynb_checkpoints/1-checkpoint.jpg", "__MACOSX/a.jpg"))
    assert table.ids == ("cat/1.jpg", "dog/1.jpg")
    assert table.notes == ()
    assert table.bad == ()


def test_links(tmp_path: Path) -> None:
    root = make(tmp_path / "root", "cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png")
    make(tmp_path, "elsewhere/3.png", "more/sub/4.png")
    (root / "cat/loop").symlink_to("..")
    (root / "cat/up").symlink_to("../..")
    (root / "cat/dogs").symlink_to("../dog")
    (root / "cat/broken.png").symlink_to("nowhere.png")
    (root / "dog/3.png").symlink_to("../../elsewhere/3.png")
    (root / "dog/again.png").symlink_to("1.png")
    (root / "dog/more").symlink_to("../../more")
    (tmp_path / "more/back").symlink_to("../more/sub")
    table = read(root)
    assert table.ids == (
        *("cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png", "dog/3.png"),
        "dog/more/sub/4.png",
    )
    assert table.labels == ("cat",) * 2 + ("dog",) * 4
    assert bad(table) == ["cat/broken.png: broken link to nowhere.png"]
    assert table.notes == (
        "4 links to folders that are read anyway left out: "
        "cat/dogs, cat/loop, cat/up, dog/more/back",
        "1 link to pictures that count already: dog/again.png",
    )


def test_a_class_folder_may_be_a_link(tmp_path: Path) -> None:
    root = make(tmp_path / "root", "dog/1.png")
    make(tmp_path, "cats/1.png")
    (root / "cat").symlink_to(tmp_path / "cats")
    (root / "owl").symlink_to("nowhere")
    table = read(root)
    assert table.labels == ("cat", "dog")
    assert bad(table) == ["owl: broken link to nowhere"]


def test_one_file_linked_under_two_classes_is_refused(tmp_path: Path) -> None:
    root = make(tmp_path / "root", "cat/1.png", "dog/2.png", "cat/3.png")
    (root / "dog/1.png").symlink_to("../cat/1.png")
    shared = make(tmp_path / "shared", "5.png")
    (root / "cat/more").symlink_to(shared)
    (root / "dog/more").symlink_to(shared)
    table = read(root)
    assert bad(table) == [
        "cat/1.png: the same file in two classes: also dog/1.png",
        "cat/more/5.png: the same file in two classes: also dog/more/5.png",
    ]
    assert table.ids == ("cat/3.png", "dog/2.png")


def test_the_directorys_own_order_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "b/2.png", "b/10.png", "B2/1.png", "a/x.png", "a/X2.png")
    right = read(tmp_path).ids
    assert right == ("a/X2.png", "a/x.png", "b/2.png", "b/10.png", "B2/1.png")
    scandir = os.scandir

    class Backwards:
        def __init__(self, path: Path) -> None:
            self.listing = scandir(path)

        def __enter__(self) -> Iterator[os.DirEntry[str]]:
            return iter(sorted(self.listing, key=lambda entry: entry.name, reverse=True))

        def __exit__(self, *error: object) -> None:
            self.listing.close()

    monkeypatch.setattr(os, "scandir", Backwards)
    assert read(tmp_path).ids == right


def test_natural_order() -> None:
    names = ["img10", "img2", "IMG1", "img", "2", "10", "a", "²"]
    assert sorted(names, key=natural_key)[:2] == ["2", "10"]
    assert sorted(names, key=natural_key).index("img2") < sorted(names, key=natural_key).index(
        "img10"
    )


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    make(tmp_path, "cat/1.png", "dog/1.png")
    try:
        (Path(os.fsdecode(os.fsencode(tmp_path) + b"/cat/\xff.png"))).touch()
    except OSError:
        pytest.skip("this file system has only UTF-8 names")
    assert bad(read(tmp_path)) == ["cat/\\xff.png: the name is not UTF-8; rename it"]


def test_a_folder_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "cat/1.png", "dog/1.png")
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if path.name == "dog":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert "dog: folder cannot be read: Permission denied" in bad(read(tmp_path))
