from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from tests.drawn_files import quarters, saved

from headstart.errors import ImageError
from headstart.images.decode import decode, decode_picture, pixels_of

T = Image.Transpose


def png(
    depth: int, colour: int, rows: list[bytes], width: int, *extra: tuple[bytes, bytes]
) -> bytes:
    """A PNG written by hand, for depths that Pillow does not write."""

    def chunk(name: bytes, body: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + crc

    head = struct.pack(">IIBBBBB", width, len(rows), depth, colour, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    chunks = [(b"IHDR", head), *extra, (b"IDAT", body), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*pair) for pair in chunks)


def test_cmyk_as_adobe_stores_it_is_red_not_cyan() -> None:
    inks = np.zeros((32, 64, 4), np.uint8)
    inks[:16, :32], inks[:16, 32:] = (0, 255, 255, 0), (255, 0, 255, 0)
    inks[16:, :32] = (255, 255, 0, 0)
    data = saved(Image.frombytes("CMYK", (64, 32), inks.tobytes()), "JPEG")
    found = decode_picture(data)
    assert found.mode == "CMYK"
    got = [found.rgb[8, 16], found.rgb[8, 48], found.rgb[24, 16], found.rgb[24, 48]]
    right = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]
    assert np.abs(np.array(got, int) - right).max() <= 30
    start = data.index(b"\xff\xee")
    length = struct.unpack(">H", data[start + 2 : start + 4])[0]
    assert decode(data[:start] + data[start + 2 + length :]).shape == (32, 64, 3)


def test_palette_transparency_over_white() -> None:
    image = Image.new("P", (48, 16), 0)
    image.putpalette([255, 0, 255, 255, 0, 0, 0, 0, 255] + [0] * (768 - 9))
    image.paste(1, (16, 0, 32, 16))
    image.paste(2, (32, 0, 48, 16))
    rgb = decode(saved(image, "PNG", transparency=bytes([0, 255, 128])))
    right = [(255, 255, 255), (255, 0, 0), (127, 127, 255)]
    assert np.abs(rgb[8, [8, 24, 40]].astype(int) - right).max() <= 2
    gif = decode(saved(image, "GIF", transparency=0))
    assert gif[8, [8, 24, 40]].tolist() == [[255, 255, 255], [255, 0, 0], [0, 0, 255]]


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_hidden_pixels_never_matter(mode: str, kind: str) -> None:
    channels = len(mode)
    shown: tuple[int, ...] = (200, 255) if mode == "LA" else (30, 160, 60, 255)
    decoded = []
    for seed in (1, 2):
        pixels = np.random.default_rng(seed).integers(0, 256, (32, 32, channels), dtype=np.uint8)
        pixels[..., -1] = 0
        pixels[8:24, 8:24] = shown
        options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
        decoded.append(decode(saved(Image.fromarray(pixels, mode), kind, **options)))
    assert (decoded[0] == decoded[1]).all()
    assert decoded[0][0, 0].tolist() == [255, 255, 255]
    assert decoded[0][16, 16].tolist() == ([200] * 3 if mode == "LA" else [30, 160, 60])


def test_half_transparent_is_half_white() -> None:
    image = Image.new("RGBA", (4, 4), (0, 100, 200, 51))  # a fifth of the colour
    assert decode(saved(image, "PNG"))[0, 0].tolist() == [204, 224, 244]


def test_a_transparent_colour_without_alpha_is_white() -> None:
    rgb = saved(Image.new("RGB", (4, 4), (1, 2, 3)), "PNG", transparency=(1, 2, 3))
    assert (decode(rgb) == 255).all()
    grey = Image.new("L", (4, 4), 9)
    grey.putpixel((0, 0), 77)
    found = decode(saved(grey, "PNG", transparency=77))
    assert found[0, 0].tolist() == [255] * 3
    assert found[1, 1].tolist() == [9] * 3


def test_a_transparent_colour_in_another_depth() -> None:
    four_bits = png(4, 0, [bytes([0x5A])], 2, (b"tRNS", struct.pack(">H", 5)))
    assert decode(four_bits)[0].tolist() == [[255] * 3, [170] * 3]  # 10 of 15 is 170 of 255
    pixel = struct.pack(">6H", 0x1234, 0x5678, 0x9ABC, 0x0000, 0x8000, 0xFFFF)
    sixteen = png(16, 2, [pixel], 2, (b"tRNS", struct.pack(">3H", 0x1234, 0x5678, 0x9ABC)))
    assert decode(sixteen)[0].tolist() == [[255] * 3, [0, 0x80, 255]]
    one_bit = png(1, 0, [b"\x80"], 2, (b"tRNS", struct.pack(">H", 0)))
    assert decode(one_bit)[0].tolist() == [[255] * 3, [255] * 3]


def test_sixteen_bits_are_divided_by_257() -> None:
    values = np.array([[0, 257, 128 * 257, 65535, 128, 129]], np.uint16)
    right = [0, 1, 128, 255, 0, 1]  # 128 / 257 rounds to 0, 129 / 257 to 1
    big_endian = values.astype(">u2")
    for data in (
        saved(Image.fromarray(values), "PNG"),
        saved(Image.fromarray(values), "TIFF"),
        saved(Image.fromarray(big_endian), "TIFF"),
        b"P5 6 1 65535\n" + big_endian.tobytes(),
    ):
        rgb = decode(data)
        assert rgb[0, :, 0].tolist() == right
        assert (rgb[..., 0] == rgb[..., 1]).all()
        assert (rgb[..., 0] == rgb[..., 2]).all()


def test_a_hidden_grey_of_sixteen_bits_is_white() -> None:
    data = png(16, 0, [struct.pack(">2H", 1000, 1001)], 2, (b"tRNS", struct.pack(">H", 1000)))
    assert decode(data)[0, :, 0].tolist() == [255, 4]


@pytest.mark.parametrize(("dtype", "words"), [(np.int32, "integer"), (np.float32, "floating")])
def test_thirty_two_bits_are_refused(dtype: type, words: str) -> None:
    data = saved(Image.fromarray(np.zeros((4, 4), dtype)), "TIFF")
    with pytest.raises(ImageError, match=f"32-bit {words}.*save it with 8 or 16 bits"):
        decode(data)


def test_a_mode_that_pillow_cannot_convert_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise ValueError("conversion from LAB to RGB not supported")

    data = saved(Image.new("LAB", (4, 4)), "TIFF")
    monkeypatch.setattr(Image.Image, "convert", refuse)
    with pytest.raises(ImageError, match="kind LAB; save it as RGB"):
        decode(data)


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (1, 3), (3, 1)])
def test_tiny_pictures(size: tuple[int, int]) -> None:
    rgb = decode(saved(Image.new("RGB", size, (250, 20, 10)), "PNG"))
    assert rgb.shape == (size[1], size[0], 3)
    assert (rgb == (250, 20, 10)).all()


def test_grey_and_one_bit() -> None:
    assert (decode(saved(Image.new("L", (1, 1), 128), "PNG")) == 128).all()
    grey = decode(saved(Image.new("L", (9, 5), 128), "JPEG"))
    assert grey.shape == (5, 9, 3)
    assert (grey == 128).all()
    assert decode(saved(Image.new("1", (2, 1), 1), "PNG")).tolist() == [[[255] * 3] * 2]


def test_the_pixels_can_be_written_to() -> None:
    rgb = decode(saved(quarters(), "PNG"))
    assert rgb.flags.writeable
    assert rgb.flags.c_contiguous
    assert rgb.dtype == np.uint8


def test_pillow_images_of_other_depths_are_as_their_files() -> None:
    """Pillow keeps a transparent colour in the file's depth, and forgets the depth later."""
    rng = np.random.default_rng(3)
    wide = [rng.integers(0, 2**16, 12).astype(">u2").tobytes() for _ in range(4)]
    files = [
        png(16, 2, wide, 4, (b"tRNS", wide[1][6:12])),
        png(2, 0, [bytes([0b00011011, 0b11100100])] * 4, 8, (b"tRNS", struct.pack(">H", 2))),
        png(4, 0, [bytes([0x17, 0xF7])] * 4, 4, (b"tRNS", struct.pack(">H", 7))),
        png(8, 0, [bytes([0, 7, 200, 7])] * 4, 4, (b"tRNS", struct.pack(">H", 7))),
        png(1, 0, [bytes([0b10100000])] * 4, 4, (b"tRNS", struct.pack(">H", 0))),
    ]
    for data in files:
        right = decode(data)
        assert np.array_equal(pixels_of(Image.open(io.BytesIO(data))), right)
        assert (right == 255).all(axis=2).any()
