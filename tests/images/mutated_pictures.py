"""Picture files of every format and kind, and the same with wrong bytes in them."""

from __future__ import annotations

import io
import re
import struct
import zlib
from functools import cache
from typing import Any

import numpy as np
from PIL import Image
from tests.drawn_files import saved, smooth

PNG = b"\x89PNG\r\n\x1a\n"
# What a field of 1, 2 or 4 bytes is set to: ends of ranges, lengths that are not there.
VALUES = (0, 1, 2, 3, 4, 6, 7, 8, 16, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
# Where a part of a file may begin: a marker of JPEG, a name of four letters, a frame of GIF.
_PARTS = re.compile(rb"(?=\xff[\xc0-\xfe]|[A-Za-z]{4}|\x21[\xf9\xfe\xff]|\x2c\x00)")


def _picture(mode: str, size: tuple[int, int] = (41, 30)) -> Image.Image:
    return smooth(*size).convert(mode)


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112], exif[271], exif[306] = 6, "A maker", "2020:01:02 03:04:05"
    exif.get_ifd(0x8825)[1] = "N"
    return exif


def _clear(mode: str = "RGBA") -> Image.Image:
    picture = _picture("RGBA")
    picture.putalpha(smooth(41, 30).convert("L"))
    return picture.convert(mode)


def _wide() -> Image.Image:
    return Image.fromarray(np.arange(30 * 41, dtype=np.uint16).reshape(30, 41) * 50)


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png_of_16_bits() -> bytes:
    """RGB of 16 bits a sample, which Pillow does not write, with a transparent colour."""
    rows = np.random.default_rng(5).integers(0, 256, (30, 41 * 6), dtype=np.uint8)
    data = zlib.compress(np.pad(rows, ((0, 0), (1, 0))).tobytes())
    head = struct.pack(">IIBBBBB", 41, 30, 16, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"tRNS", bytes(6)), (b"IDAT", data), (b"IEND", b""))
    return PNG + b"".join(_png_chunk(*part) for part in parts)


@cache
def whole_files() -> dict[str, bytes]:
    """Files that are right, by a name that begins with their format."""
    rgb, exif = _picture("RGB"), _exif()

    def moving() -> dict[str, Any]:
        # New pictures each time: Pillow keeps what one format was asked for with the picture.
        return {"save_all": True, "append_images": [rgb.rotate(90), rgb.rotate(180)]}

    tiff = ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd")
    made: list[tuple[str, Image.Image, dict[str, Any]]] = [
        ("JPEG plain", rgb, {}),
        ("JPEG sparse", rgb, {"quality": 30, "subsampling": 2, "restart_marker_rows": 1}),
        ("JPEG progressive", rgb, {"progressive": True, "optimize": True}),
        ("JPEG grey", _picture("L"), {}),
        ("JPEG CMYK", _picture("CMYK"), {}),
        ("JPEG EXIF", rgb, {"exif": exif, "comment": b"a comment", "icc_profile": bytes(300)}),
        ("JPEG large", _picture("RGB", (640, 480)), {}),
        ("MPO pictures", rgb, moving()),
        ("PNG plain", rgb, {}),
        ("PNG bits", _picture("1"), {}),
        ("PNG grey", _picture("L"), {"transparency": 3}),
        ("PNG palette", _picture("P"), {"transparency": bytes(range(200))}),
        ("PNG clear", _clear(), {"exif": exif}),
        ("PNG grey and clear", _clear("LA"), {}),
        ("PNG wide", _wide(), {}),
        ("PNG moving", rgb, moving()),
        ("GIF plain", _picture("P"), {"interlace": 1}),
        ("GIF clear", _picture("P"), {"transparency": 2}),
        ("GIF moving", rgb, {**moving(), "duration": 40, "loop": 0, "disposal": 2}),
        ("WEBP lossy", rgb, {"exif": exif}),
        ("WEBP lossless", _clear(), {"lossless": True}),
        ("WEBP clear", _clear(), {"quality": 40}),
        ("WEBP moving", rgb, moving()),
        *(("TIFF " + name, rgb, {"compression": name}) for name in tiff),
        ("TIFF plain", rgb, {}),
        ("TIFF turned", rgb, {"exif": exif}),
        ("TIFF bits", _picture("1"), {"compression": "group4"}),
        ("TIFF wide", _wide(), {}),
        ("TIFF CMYK", _picture("CMYK"), {}),
        ("TIFF clear", _clear(), {"compression": "tiff_lzw"}),
        ("TIFF pages", rgb, moving()),
        ("TIFF large", rgb, {"big_tiff": True}),
        ("BMP plain", rgb, {}),
        ("BMP bits", _picture("1"), {}),
        ("BMP palette", _picture("P"), {}),
        ("BMP clear", _clear(), {}),
        ("PPM plain", rgb, {}),
        ("PPM wide", _wide(), {}),
        ("AVIF plain", rgb, {"exif": exif}),
        ("AVIF moving", rgb, moving()),
        ("JPEG2000 plain", rgb, {}),
        ("JPEG2000 clear", _clear(), {}),
    ]
    files = {name: saved(picture.copy(), name.split()[0], **more) for name, picture, more in made}
    files["PNG RGB of 16 bits"] = _png_of_16_bits()
    files["TIFF of Motorola"] = _big_endian()
    return files


def _big_endian() -> bytes:
    """A grey TIFF whose numbers have their highest byte first."""
    pixels = smooth(41, 30).convert("L").tobytes()
    tags = ((256, 41), (257, 30), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 30))
    entries = [struct.pack(">HHIHH", tag, 3, 1, value, 0) for tag, value in tags]
    entries.append(struct.pack(">HHII", 279, 4, 1, len(pixels)))
    end = struct.pack(">H", len(entries)) + b"".join(entries) + bytes(4)
    return struct.pack(">2sHI", b"MM", 42, 8 + len(pixels)) + pixels + end


def mutated(name: str, rng: np.random.Generator) -> bytes:
    """A file with one to four changes; a PNG's checksums mostly fit what is in it afterwards."""
    files = whole_files()
    data = files[name]
    for _ in range(int(rng.integers(1, 5))):
        change = _CHANGES[int(rng.integers(len(_CHANGES)))]
        data = change(data, rng)
    if rng.random() < 0.1:
        other = files[list(files)[int(rng.integers(len(files)))]]
        data = data[: _place(data, rng)] + other[_place(other, rng) :]
    return _signed(data) if data.startswith(PNG) and rng.random() < 0.8 else data


def _place(data: bytes, rng: np.random.Generator) -> int:
    """Anywhere, half the time in the first 200 bytes, where most of what is said is said."""
    most = len(data) if rng.random() < 0.5 else min(200, len(data))
    return int(rng.integers(0, most + 1))


def _flip(data: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(data or b"\0")
    for _ in range(int(rng.integers(1, 9))):
        changed[min(_place(data, rng), len(changed) - 1)] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _field(data: bytes, rng: np.random.Generator) -> bytes:
    at, length = _place(data, rng), (1, 2, 4)[int(rng.integers(3))]
    value = VALUES[int(rng.integers(len(VALUES)))] % 256**length
    field: bytes = value.to_bytes(length, "big")[:: 1 if rng.random() < 0.5 else -1]
    return data[:at] + field + data[at + length :]


def _cut(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: _place(data, rng)] if rng.random() < 0.3 else data


def _leave_out(data: bytes, rng: np.random.Generator) -> bytes:
    at = _place(data, rng)
    return data[:at] + data[at + int(rng.integers(1, 40)) :]


def _insert(data: bytes, rng: np.random.Generator) -> bytes:
    at = _place(data, rng)
    more = rng.integers(0, 256, int(rng.integers(1, 40)), dtype=np.uint8).tobytes()
    return data[:at] + (more if rng.random() < 0.7 else data[at : at + 300]) + data[at:]


def _swap(data: bytes, rng: np.random.Generator) -> bytes:
    """Two parts of the file change places, or one is there twice or not at all."""
    parts = _PARTS.split(data)
    one, other = (int(n) for n in rng.integers(0, len(parts), 2))
    kind = int(rng.integers(3))
    if kind == 0:
        parts[one], parts[other] = parts[other], parts[one]
    elif kind == 1:
        parts.insert(other, parts[one])
    else:
        del parts[one]
    return b"".join(parts)


_CHANGES = (_flip, _field, _field, _cut, _leave_out, _insert, _swap)


def _signed(data: bytes) -> bytes:
    """A PNG whose chunks have the checksums of what is in them, as far as chunks can be told."""
    found, place = io.BytesIO(), len(PNG)
    found.write(PNG)
    while place + 12 <= len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        body = data[place + 4 : place + 8 + length]
        if place + 12 + length > len(data):
            break
        found.write(data[place : place + 4] + body + struct.pack(">I", zlib.crc32(body)))
        place += 12 + length
    return found.getvalue() + data[place:]
