"""Every kind of picture behind one type: what is read, how it is recognised, what it is called."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from headstart.arrays import ByteImage
from headstart.errors import ImageError, UsageError
from headstart.images.address import Url
from headstart.images.decode import decode
from headstart.images.source import (
    Content,
    EncodedImage,
    LocalFile,
    PillowImage,
    PixelImage,
    RemoteFile,
    content_digest,
    image_source,
    image_sources,
    read_bytes,
)


@pytest.fixture
def pixels() -> ByteImage:
    return np.random.default_rng(4).integers(0, 256, (6, 9, 3), dtype=np.uint8)


@pytest.fixture
def png(pixels: ByteImage) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_what_is_given_decides_the_kind(tmp_path: Path, pixels: ByteImage, png: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png)
    with os.scandir(os.fsencode(tmp_path)) as entries:
        entry = next(entry for entry in entries if entry.is_file())
    for given, kind in (
        (path, LocalFile),
        (str(path), LocalFile),
        (entry, LocalFile),
        (png, EncodedImage),
        (bytearray(png), EncodedImage),
        (memoryview(png), EncodedImage),
        (pixels, PixelImage),
        (np.asfortranarray(pixels), PixelImage),
        (Image.fromarray(pixels), PillowImage),
        (Image.open(path), PillowImage),
        (LocalFile.at(path), LocalFile),
    ):
        source = image_source(given)
        assert type(source) is kind
        assert (decode(source) == pixels).all()
    assert image_source("s3://bucket/a.png") == RemoteFile(Url("s3://bucket/a.png"))
    assert image_source("C:/a.png") == LocalFile.at(Path("C:/a.png"))


def test_names_in_messages_and_answers(tmp_path: Path, pixels: ByteImage, png: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png)
    opened = Image.open(path)
    opened.load()  # and its file is closed
    given = [str(path), "https://h/b.png", png, pixels, Image.fromarray(pixels), opened]
    names = [source.name for source in image_sources(given)]
    assert names == [str(path), "https://h/b.png", "X[2]", "X[3]", "X[4]", str(path)]
    assert str(image_source(png, "the upload")) == "the upload"
    assert image_source(png).name == "picture"


def test_equal_places_are_equal_sources(tmp_path: Path, pixels: ByteImage) -> None:
    assert len({LocalFile.at(tmp_path), LocalFile.at(tmp_path), RemoteFile(Url("s3://a"))}) == 2
    assert PixelImage(pixels) != PixelImage(pixels.copy())
    assert EncodedImage(b"a") == EncodedImage(b"a")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "picture is of type NoneType; a picture is a path, a URL, bytes, a Pillow image or"),
        (7, "picture is of type int"),
        (["a.png"], "picture is of type list"),
        (np.zeros((4, 4, 3)), r"an array of float64 \(4, 4, 3\); a picture is a uint8 array"),
        (np.zeros((4, 4), np.uint8), r"an array of uint8 \(4, 4\); a picture is a uint8 array"),
        (np.zeros((4, 4, 4), np.uint8), r"an array of uint8 \(4, 4, 4\)"),
        (np.zeros((3, 4, 4), np.uint8), r"\(3, 4, 4\); a picture is a uint8 array \(height, width"),
        (np.zeros((0, 4, 3), np.uint8), r"an array of uint8 \(0, 4, 3\)"),
        (np.zeros((2, 4, 4, 3), np.uint8), r"an array of uint8 \(2, 4, 4, 3\)"),
    ],
)
def test_what_is_no_picture_is_named_by_type_and_shape(given: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        image_source(given)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("a.png", "got one path; put it into a list"),
        (Path("a.png"), "got one path; put it into a list"),
        (b"\x89PNG", "got one picture; put it into a list"),
        (Image.new("RGB", (2, 2)), "got one picture; put it into a list"),
        (np.zeros((4, 4, 3), np.uint8), r"X is one array \(4, 4, 3\); pictures are a list"),
        (np.zeros((9, 20)), r"X is one array \(9, 20\)"),
        (7, "X is of type int; expected a list of pictures"),
        (["a.png", 3.5], r"X\[1\] is of type float"),
    ],
)
def test_what_is_no_list_of_pictures(given: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        image_sources(given)


def test_lists_of_every_form(pixels: ByteImage) -> None:
    names = ["a.png", "b.png"]
    column = np.array(names).reshape(2, 1)
    for given in (names, tuple(names), iter(names), np.array(names), column):
        assert image_sources(given) == (LocalFile.at(Path("a.png")), LocalFile.at(Path("b.png")))
    several = image_sources(np.stack([pixels, pixels]))
    assert [source.name for source in several] == ["X[0]", "X[1]"]
    assert image_sources([]) == ()


def test_an_empty_name() -> None:
    with pytest.raises(UsageError, match="a picture's name is empty"):
        image_source("")


def test_digests_are_of_bytes_or_of_pixels(pixels: ByteImage, png: bytes) -> None:
    assert content_digest(png) == hashlib.sha256(png).hexdigest()
    assert content_digest(pixels) == content_digest(np.asfortranarray(pixels))
    assert content_digest(pixels) == content_digest(image_source(Image.fromarray(pixels)).read())
    others: list[Content] = [pixels.reshape(9, 6, 3), pixels + 1, pixels.tobytes(), png]
    assert content_digest(pixels) not in [content_digest(other) for other in others]


def test_a_stamp_of_a_file_changes_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"one")
    first = LocalFile.at(path).stamp()
    assert first is not None
    assert first.place == str(path)
    monkeypatch.chdir(tmp_path)
    assert LocalFile.at(Path("a.png")).stamp() == first
    status = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    second = LocalFile.at(path).stamp()
    assert second is not None
    assert second != first
    assert (second.size, second.mtime) == (first.size, first.mtime)
    for gone in (tmp_path / "gone.png", Path("a\0b"), tmp_path / ("x" * 300)):
        assert LocalFile.at(gone).stamp() is None


def test_what_lies_in_memory_has_no_stamp(pixels: ByteImage, png: bytes) -> None:
    for given in (png, pixels, Image.fromarray(pixels)):
        assert image_source(given).stamp() is None


def test_a_pillow_picture_is_turned_when_it_is_read_and_stays_as_it_is(pixels: ByteImage) -> None:
    image = Image.fromarray(pixels).convert("RGBA")
    image.putalpha(0)
    source = image_source(image)
    assert np.array_equal(source.read(), np.full_like(pixels, 255))
    assert not np.shares_memory(source.read(), source.read())  # the caller's pixels are enough
    assert image.mode == "RGBA"
    with pytest.raises(ImageError, match="32-bit floating-point pixels"):
        image_source(Image.new("F", (4, 4))).read()


def test_a_file_has_a_most_number_of_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"12345")
    assert read_bytes(path, 5) == b"12345"
    with pytest.raises(ImageError, match="has 5 bytes, more than the limit of 4 for one file"):
        read_bytes(path, 4)
    with path.open("wb") as sparse:
        sparse.truncate(10_000_000_000)
    with pytest.raises(ImageError, match="has 10,000,000,000 bytes, more than the limit of"):
        LocalFile.at(path).read()


def test_nobody_waits_at_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImageError, match="is not a regular file"):
        LocalFile.at(tmp_path / "pipe").read()
