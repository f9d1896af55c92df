"""Small copies of pictures."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image

from headstart.images.source import LocalFile
from headstart.report.thumbnails import thumbnail


def test_a_large_picture_becomes_a_small_jpeg(tmp_path: Path) -> None:
    Image.new("RGB", (640, 320), (200, 40, 30)).save(tmp_path / "a.png")
    small = thumbnail(LocalFile.at(tmp_path / "a.png"))
    assert (small.width, small.height, small.error) == (160, 80, "")
    head, _, body = small.uri.partition(",")
    assert head == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(body))) as opened:
        assert opened.size == (160, 80)
        assert opened.convert("RGB").getpixel((80, 40))[0] > 190  # type: ignore[index]


def test_a_small_picture_keeps_its_size(tmp_path: Path) -> None:
    Image.new("RGB", (3, 1)).save(tmp_path / "a.png")
    small = thumbnail(LocalFile.at(tmp_path / "a.png"))
    assert (small.width, small.height) == (3, 1)


def test_a_picture_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    assert thumbnail(LocalFile.at(tmp_path / "empty.jpg")).error == "empty (0 bytes)"
    assert thumbnail(LocalFile.at(tmp_path / "gone.jpg")).error == "not found"
    Image.new("RGB", (30, 30)).save(tmp_path / "a.png")
    large = thumbnail(LocalFile.at(tmp_path / "a.png"), max_pixels=100)
    assert "more than the limit of 100" in large.error
    assert large.uri == ""
