from __future__ import annotations

import io

import pytest
from PIL import Image

from headstart.images.decode import EXTENSIONS, decode_picture, extension_disagrees
from headstart.images.formats import format_of, has_picture_suffix, webp_size


@pytest.mark.parametrize(
    ("kind", "name", "wrong"),
    [
        ("PNG", "a.jpg", True),
        ("WEBP", "a.JPG", True),
        ("BMP", "a.png", True),
        ("JPEG", "a.jfif", False),
        ("JPEG", "a.JPEG", False),
        ("JPEG", "a", False),
        ("PNG", "v1.2_b1", False),
        ("TIFF", "a.tif", False),
    ],
)
def test_the_content_decides_and_the_name_may_disagree(kind: str, name: str, wrong: bool) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), (9, 9, 9)).save(buffer, kind)
    found = decode_picture(buffer.getvalue())
    assert found.format == kind
    assert extension_disagrees(name, found.format) is wrong


def test_extensions() -> None:
    assert {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".webp"} <= EXTENSIONS
    assert {".tif", ".tiff", ".heic", ".heif", ".avif", ".ppm"} <= EXTENSIONS
    assert has_picture_suffix("folder/A.JFIF")
    assert not has_picture_suffix("notes.txt")
    assert not has_picture_suffix("jpg")


def test_brands_tell_avif_from_heic() -> None:
    box = b"\0\0\0\x1cftyp%s\0\0\0\0%smiaf"
    assert format_of(box % (b"mif1", b"avifmif1")) == "AVIF"
    assert format_of(box % (b"mif1", b"heicmif1")) == "HEIC"
    assert format_of(box % (b"mp42", b"isommp41")) is None


@pytest.mark.parametrize(
    "options", [{"lossless": True}, {"lossless": False}, {"lossless": True, "exif": b"Exif\0\0"}]
)
def test_the_size_of_a_webp_from_its_first_bytes(options: dict[str, bool]) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (301, 77), (1, 2, 3)).save(buffer, "WEBP", **options)
    assert webp_size(buffer.getvalue()[:30]) == (301, 77)
    assert webp_size(buffer.getvalue()[:20]) is None
