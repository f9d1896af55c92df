"""A JPEG that was cut is told, also with an end marker; what cameras write is none of that."""

from __future__ import annotations

import contextlib
import io
import itertools
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image, JpegImagePlugin

from headstart.errors import ImageError
from headstart.images.decode import decode, decode_picture
from headstart.images.jpeg_file import jpeg_layout

END = b"\xff\xd9"
SCAN = b"\xff\xda"


def scene(size: tuple[int, int], mode: str = "RGB") -> Image.Image:
    coarse = np.random.default_rng(2).integers(0, 256, (size[1] // 8, size[0] // 8, 3), np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).convert(mode)


def jpeg(image: Image.Image, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **{"quality": 80, **options})
    return buffer.getvalue()


def cut(data: bytes, share: float) -> bytes:
    """A part of the coded data, and an end marker."""
    scan = data.index(SCAN)
    start = scan + 2 + int.from_bytes(data[scan + 2 : scan + 4], "big")
    return data[: start + int((len(data) - 2 - start) * share)] + END


def by_pillow(data: bytes) -> np.ndarray:
    with JpegImagePlugin.JpegImageFile(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


SIZES = [(8, 8), (17, 9), (100, 33), (320, 200)]
KINDS = list(itertools.product(("RGB", "L"), (20, 95), (False, True), (0, 2), (0, 1)))


def every_kind() -> list[tuple[bytes, bool]]:
    """JPEGs of many sizes and kinds, and whether they are progressive."""
    return [
        (
            jpeg(
                scene(size, mode),
                quality=quality,
                progressive=progressive,
                subsampling=subsampling,
                restart_marker_rows=restarts,
            ),
            progressive,
        )
        for size in SIZES
        for mode, quality, progressive, subsampling, restarts in KINDS
    ]


def test_a_whole_picture_is_the_same_as_pillows() -> None:
    for data, _ in every_kind():
        expected = by_pillow(data)
        # Padding before the end marker, and what phones append, are no damage.
        for more in (data, data[:-2] + bytes(9) + END, data + b"junk" + data):
            assert np.array_equal(decode(more), expected)


def test_a_large_picture_at_a_part_of_its_size() -> None:
    data = jpeg(scene((640, 480)))
    found = decode_picture(data, minimum_side=30)
    assert found.rgb.shape == (60, 80, 3)
    with pytest.raises(ImageError, match="truncated"):
        decode_picture(cut(data, 0.5), minimum_side=30)


def test_a_cut_picture_with_an_end_marker() -> None:
    silent = 0
    for data, is_progressive in every_kind():
        if len(data) < 2000:  # a few bytes are within what libjpeg looks ahead
            continue
        for share in (0.0, 0.1, 0.5) if is_progressive else (0.0, 0.1, 0.5, 0.9, 0.97):
            part = cut(data, share)
            with contextlib.suppress(OSError):
                silent += by_pillow(part).size > 0
            with pytest.raises(ImageError, match="truncated: "):
                decode(part)
    assert silent > 50  # pictures of which Pillow says nothing


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_even_a_picture_of_the_grey_that_is_filled_in(mode: str) -> None:
    half = scene((320, 200)).convert(mode)
    half.paste(Image.new("RGB", (320, 100), (128, 128, 128)).convert(mode), (0, 100))
    data = jpeg(half)
    assert decode(data).shape == (200, 320, 3)
    with pytest.raises(ImageError, match="truncated"):
        decode(cut(data, 0.5))


@pytest.mark.parametrize("progressive", [False, True])
def test_a_header_that_claims_far_more_than_there_is(progressive: bool) -> None:
    data = bytearray(jpeg(Image.new("RGB", (8, 8)), progressive=progressive))
    place = data.index(b"\xff\xc2" if progressive else b"\xff\xc0")
    data[place + 5 : place + 9] = struct.pack(">HH", 14000, 14000)
    words = rf"truncated: {len(data)} bytes cannot hold 14000 x 14000 pixels, which take \d"
    with pytest.raises(ImageError, match=words):
        decode(bytes(data))


def test_the_emptiest_picture_has_enough_bytes() -> None:
    for size in ((4000, 3000), (8, 20000)):
        for progressive in (False, True):
            blank = jpeg(Image.new("L", size, 255), progressive=progressive, optimize=True)
            assert (decode(blank) == 255).all()


def test_a_preview_with_an_end_marker_of_its_own() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    preview = jpeg(scene((64, 48)))
    data = jpeg(scene((320, 200)), exif=exif.tobytes() + preview)
    assert data.count(END) == 2
    assert np.array_equal(decode(data), by_pillow(data))
    with pytest.raises(ImageError, match="truncated"):
        decode(cut(data, 0.5))


def test_a_second_picture_behind_the_first() -> None:
    buffer = io.BytesIO()
    first, second = scene((320, 200)), scene((160, 96))
    first.save(buffer, "MPO", save_all=True, append_images=[second], quality=80)
    data = buffer.getvalue()
    found = decode_picture(data)
    assert found.rgb.shape == (200, 320, 3)
    start = data.index(b"\xff\xd8\xff", 10)
    assert jpeg_layout(data).end == start - 2
    with pytest.raises(ImageError, match="truncated"):
        decode(cut(data[:start], 0.5) + data[start:])


def test_scans_by_component() -> None:
    one = jpeg_layout(jpeg(scene((64, 48))))
    assert (one.frame, one.components, one.is_one_scan, one.lacks_scans) == (0xC0, 3, True, False)
    data = jpeg(scene((64, 48)), progressive=True)
    many = jpeg_layout(data)
    assert (many.frame, many.is_one_scan, many.lacks_scans) == (0xC2, False, False)
    assert len(many.scans) > 5
    last = data.rindex(SCAN)
    assert jpeg_layout(data[:last] + END).lacks_scans


def test_no_jpeg_at_all_has_no_layout() -> None:
    random = np.random.default_rng(0)
    for length in (0, 1, 2, 3, 50, 3000):
        layout = jpeg_layout(b"\xff\xd8" + random.bytes(length))
        assert layout.is_one_scan in (False, True)
