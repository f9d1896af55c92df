"""Tables at addresses, and addresses in tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headstart.data.inputs import list_pictures, read_images
from headstart.errors import TableError, UsageError
from headstart.images.address import Url
from headstart.images.source import LocalFile, RemoteFile
from headstart.options import ReadOptions

TABLE = b"image,label\na.png,cat\nsub/b.png,dog\n"


def remote(*addresses: str) -> tuple[RemoteFile, ...]:
    return tuple(RemoteFile(Url(address)) for address in addresses)


def test_names_are_relative_to_the_tables_address(memory: Any) -> None:
    memory.pipe_file("/set/labels.csv", TABLE)
    found = read_images(Url("memory://set/labels.csv"), ReadOptions())
    assert found.ids == ("a.png", "sub/b.png")
    assert found.images == remote("memory://set/a.png", "memory://set/sub/b.png")
    assert found.labels == ("cat", "dog")
    assert found.where(1) == "labels.csv, line 3: sub/b.png"


def test_images_at_another_address(memory: Any, tmp_path: Path) -> None:
    memory.pipe_file("/set/labels.csv", TABLE)
    (tmp_path / "labels.csv").write_bytes(TABLE)
    (tmp_path / "sub").mkdir()
    for name in ("a.png", "sub/b.png"):
        (tmp_path / name).touch()
    elsewhere = remote("memory://pictures/a.png", "memory://pictures/sub/b.png")
    options = ReadOptions(images="memory://pictures/")
    assert read_images(Url("memory://set/labels.csv"), options).images == elsewhere
    assert read_images(tmp_path / "labels.csv", options).images == elsewhere
    here = read_images(Url("memory://set/labels.csv"), ReadOptions(images=tmp_path)).images
    assert here == (LocalFile.at(tmp_path / "a.png"), LocalFile.at(tmp_path / "sub" / "b.png"))


def test_addresses_in_a_table_on_disk(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("image,label\nhttps://h/a.png,cat\nhere.png,dog\n")
    (tmp_path / "here.png").touch()
    inside = read_images(table, ReadOptions())
    assert inside.ids == ("here.png",)
    assert [str(item) for item in inside.bad] == [
        "labels.csv, line 2: https://h/a.png: is a web address outside the pictures' folder "
        f"{tmp_path}; allow that with --allow-outside"
    ]
    both = read_images(table, ReadOptions(allow_outside=True))
    assert both.images == (*remote("https://h/a.png"), LocalFile.at(tmp_path / "here.png"))
    assert both.bad == ()


@pytest.mark.parametrize("name", ["../a.png", "/a.png", "%2e%2e/a.png", "memory://other/a.png"])
def test_names_that_leave_the_address(memory: Any, name: str) -> None:
    memory.pipe_file("/set/labels.csv", f"image,label\nb.png,x\n{name},y\n".encode())
    found = read_images(Url("memory://set/labels.csv"), ReadOptions())
    assert found.ids == ("b.png",)
    assert [item.where for item in found.bad] == [f"labels.csv, line 3: {name}"]


def test_a_table_that_is_not_there(memory: Any) -> None:
    for url, words in (
        ("memory://set/labels.csv", "memory://set/labels.csv: not found; give a table"),
        ("nonsense://labels.csv", "no address that can be opened"),
    ):
        with pytest.raises(TableError, match=words):
            read_images(Url(url), ReadOptions())
    with pytest.raises(UsageError, match="give the path itself"):
        memory.pipe_file("/set/labels.csv", TABLE)
        read_images(Url("memory://set/labels.csv"), ReadOptions(images="file:///tmp"))


def test_a_picture_is_no_table(memory: Any) -> None:
    memory.pipe_file("/a.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF\0")
    with pytest.raises(TableError, match=r"a\.jpg is a picture; give a table"):
        read_images(Url("memory://a.jpg"), ReadOptions())


def test_pictures_and_tables_at_addresses_are_listed(memory: Any, tmp_path: Path) -> None:
    memory.pipe_file("/set/list.csv", b"image\nb.png\nb.png\n")
    found = list_pictures(
        [Url("memory://a.png"), Url("memory://set/list.csv"), tmp_path / "c.png"], ReadOptions()
    )
    b = "memory://set/b.png"
    assert found.images == (*remote("memory://a.png", b, b), LocalFile.at(tmp_path / "c.png"))
    assert found.ids == ("memory://a.png", "b.png", "b.png", str(tmp_path / "c.png"))
