from __future__ import annotations

import io
import struct
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image
from tests.drawn_files import orientation, saved, smooth

from headstart.errors import ImageError
from headstart.images.decode import decode

T = Image.Transpose


def bomb(width: int, height: int) -> bytes:
    """A PNG whose header announces a size; its pixels do not matter."""
    data = bytearray(saved(Image.new("1", (8, 8)), "PNG"))
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    return bytes(data)


def test_the_pixel_limit_is_read_from_the_header() -> None:
    words = "20000 x 20000 = 400000000 pixels, more than the limit of 200000000.*--max-pixels"
    with pytest.raises(ImageError, match=words):
        decode(bomb(20000, 20000))
    lies = bytearray(saved(smooth(), "JPEG"))
    place = lies.index(b"\xff\xc0")
    lies[place + 5 : place + 9] = struct.pack(">HH", 65000, 65000)
    with pytest.raises(ImageError, match="65000 x 65000 = 4225000000 pixels"):
        decode(bytes(lies))
    webp = bytearray(saved(smooth(), "WEBP", lossless=True, exif=orientation(1)))
    assert webp[12:16] == b"VP8X"
    webp[24:30] = (16382).to_bytes(3, "little") * 2
    with pytest.raises(ImageError, match="16383 x 16383 = 268402689 pixels"):
        decode(bytes(webp))


def test_the_limit_is_the_option_not_pillows() -> None:
    picture = saved(Image.new("1", (40, 30)), "PNG")
    assert decode(picture, max_pixels=1200).shape == (30, 40, 3)
    with pytest.raises(ImageError, match="40 x 30 = 1200 pixels, more than the limit of 1199"):
        decode(picture, max_pixels=1199)
    # Above Pillow's own limit: the header is allowed, and only then are pixels found missing.
    with pytest.raises(ImageError, match="truncated"):
        decode(bomb(20000, 10000))


def test_a_tiff_has_no_limit_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # from twice as many on, Pillow refuses
    for compression in (None, "tiff_lzw", "group4"):
        image = smooth(40, 30).convert("1" if compression == "group4" else "RGB")
        data = saved(image, "TIFF", compression=compression)
        assert np.array_equal(decode(data, max_pixels=1200), np.asarray(image.convert("RGB")))
        with pytest.raises(ImageError, match="--max-pixels"):
            decode(data, max_pixels=1199)


def test_nor_has_a_webp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 700)  # above twice as many, none is
    image = smooth(40, 30).convert("RGB")
    data = saved(image, "WEBP", lossless=True)
    assert np.array_equal(decode(data, max_pixels=1200), np.asarray(image))


def test_threads_meet_no_warning_and_leave_the_process_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # Pillow would warn, and refuse
    bombs = [bomb(20000, 20000), saved(smooth(15, 10), "PNG"), saved(smooth(15, 10), "GIF")]
    odd = saved(smooth(15, 10), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01")
    gate = threading.Barrier(8)

    def work(number: int) -> list[str]:
        gate.wait(10)
        outcomes = []
        for turn in range(40):
            try:
                decode([*bombs, odd][(number + turn) % 4])
                outcomes.append("fine")
            except ImageError as error:
                outcomes.append("limit" if "--max-pixels" in str(error) else str(error))
        return outcomes

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with ThreadPoolExecutor(8) as pool:
            outcomes = [word for found in pool.map(work, range(8)) for word in found]
        with pytest.raises(Image.DecompressionBombWarning):
            Image.open(io.BytesIO(bombs[1]))
    assert outcomes.count("fine") == 240
    assert outcomes.count("limit") == 80
    assert Image.MAX_IMAGE_PIXELS == 100
