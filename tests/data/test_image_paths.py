from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from headstart.data.image_paths import ImageFinder, Resolver, UnresolvedError
from headstart.images.address import Url
from headstart.images.source import LocalFile, RemoteFile


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    (folder / "Sub").mkdir(parents=True)
    for name in ("a1.jpg", "b2.JPG", "v1.2_b1.png", "amb.jpg", "amb.png", "Sub/c.png", "plain"):
        (folder / name).write_bytes(b"x")
    (folder / "notes.txt").touch()
    (folder / unicodedata.normalize("NFD", "café.png")).touch()
    (tmp_path / "secret.png").touch()
    return folder


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("a1.jpg", "a1.jpg"),
        ("./Sub/../a1.jpg", "a1.jpg"),
        ("plain", "plain"),
        ("a1", "a1.jpg"),
        ("b2", "b2.JPG"),
        ("v1.2_b1", "v1.2_b1.png"),
        ("A1.JPG", "a1.jpg"),
        ("sub/C.png", "Sub/c.png"),
        ("sub/c", "Sub/c.png"),
        ("Sub\\c.png", "Sub/c.png"),
        ("café.png", unicodedata.normalize("NFD", "café.png")),
        ("café", unicodedata.normalize("NFD", "café.png")),
    ],
)
def test_names_that_lead_to_a_file(root: Path, name: str, right: str) -> None:
    resolver = Resolver(root, allow_outside=False)
    assert resolver.resolve(name) == root / right
    bent = name not in ("a1.jpg", "./Sub/../a1.jpg", "plain")
    assert len(resolver.notes) == bent


def test_bent_names_are_counted_with_an_example(root: Path) -> None:
    resolver = Resolver(root, allow_outside=False)
    for name in ("a1", "b2", "A1.jpg"):
        resolver.resolve(name)
    assert resolver.notes == [
        "2 names completed with the extension, first: 'a1' is 'a1.jpg'",
        "1 name found in another case or Unicode form, first: 'A1.jpg' is 'a1.jpg'",
    ]


@pytest.mark.parametrize(
    ("name", "cause", "missing"),
    [
        ("amb", "the name fits 'amb.jpg' and 'amb.png'; write it whole", False),
        ("lost.png", "not found", True),
        ("lost/a.png", "not found", True),
        ("a1.jpg/x.png", "not found", True),
        ("notes", "not found", True),
        ("Sub", "is a folder, not a picture", True),
        (".", "is a folder, not a picture", True),
        ("x" * 300, "not found: File name too long", True),
        ("", "no picture's name", False),
        ("a\0.jpg", "the name has a NUL character", False),
        ("../secret.png", "leads out of the pictures' folder", False),
        ("Sub/../../secret.png", "leads out of the pictures' folder", False),
        ("..\\secret.png", "leads out of the pictures' folder", False),
        ("/etc/passwd", "leads out of the pictures' folder", False),
        ("C:\\secret.png", "not found: a Windows path with a drive", False),
        ("C:/secret.png", "not found: a Windows path with a drive", False),
        ("Sub\\lost.png", "not found: a Windows path, read as Sub/lost.png", True),
        ("\\\\server\\share\\a.png", "leads out of the pictures' folder", False),
    ],
)
def test_names_that_lead_nowhere(root: Path, name: str, cause: str, missing: bool) -> None:
    with pytest.raises(UnresolvedError) as caught:
        Resolver(root, allow_outside=False).resolve(name)
    assert str(caught.value).startswith(cause)
    assert caught.value.missing is missing


def test_two_files_that_differ_by_case(root: Path) -> None:
    (root / "A1.jpg").touch()
    resolver = Resolver(root, allow_outside=False)
    assert resolver.resolve("a1.jpg") == root / "a1.jpg"
    assert resolver.resolve("A1.jpg") == root / "A1.jpg"
    assert resolver.resolve("a1") == root / "a1.jpg"
    with pytest.raises(UnresolvedError, match=r"fits 'A1.jpg' and 'a1.jpg'"):
        resolver.resolve("a1.JPG")


def test_a_broken_link_is_missing(root: Path) -> None:
    (root / "broken.png").symlink_to("nowhere.png")
    with pytest.raises(UnresolvedError, match="broken link"):
        Resolver(root, allow_outside=False).resolve("broken.png")


def test_absolute_names(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = Resolver(root, allow_outside=False)
    assert inside.resolve(str(root / "a1.jpg")) == root / "a1.jpg"
    outside = Resolver(root, allow_outside=True)
    assert outside.resolve(str(root.parent / "secret.png")) == root.parent / "secret.png"
    assert outside.resolve("../secret.png") == root.parent / "secret.png"
    monkeypatch.chdir(root)
    assert Resolver(Path(), allow_outside=False).resolve("a1.jpg") == Path("a1.jpg")


def test_a_folder_beside_with_the_same_beginning_is_outside(root: Path) -> None:
    beside = root.parent / "images-2"
    beside.mkdir()
    (beside / "a.png").touch()
    with pytest.raises(UnresolvedError, match="leads out"):
        Resolver(root, allow_outside=False).resolve("../images-2/a.png")


def test_a_linked_root_knows_its_real_name(root: Path) -> None:
    link = root.parent / "link"
    link.symlink_to(root)
    assert Resolver(link, allow_outside=False).resolve(str(root / "a1.jpg")) == link / "a1.jpg"


def test_addresses_are_taken_only_where_rows_may_leave_the_folder(root: Path) -> None:
    address = "https://example.org/a.jpg"
    with pytest.raises(UnresolvedError, match=r"is a web address outside .*--allow-outside"):
        ImageFinder(root, allow_outside=False).resolve(address)
    assert ImageFinder(root, allow_outside=True).resolve(address) == RemoteFile(Url(address))
    for wrong in ("file:///etc/passwd", "simplecache::https://example.org/a.jpg"):
        with pytest.raises(UnresolvedError):
            ImageFinder(root, allow_outside=True).resolve(wrong)
    assert ImageFinder(root, allow_outside=False).resolve("a1") == LocalFile.at(root / "a1.jpg")


def test_names_under_an_address(root: Path) -> None:
    finder = ImageFinder(Url("memory://set/images"), allow_outside=False)
    inside = RemoteFile(Url("memory://set/images/sub/a.jpg"))
    assert finder.resolve("sub/a.jpg") == inside
    assert finder.resolve("memory://set/images/sub/a.jpg") == inside
    assert finder.notes == []
    for outside in ("../a.jpg", "/a.jpg", "memory://set/other/a.jpg", "memory://set/images/../b"):
        with pytest.raises(UnresolvedError, match=r"outside|leads out"):
            finder.resolve(outside)
