"""What is measured once, while a picture is decoded anyway: small, cheap, kept in the cache."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from headstart.arrays import FloatArray
from headstart.images.decode import Decoded, decode_picture, reduction
from headstart.images.memory_budget import Claim
from headstart.images.source import Content

STATISTICS_VERSION = 3  # part of the cache's key: raise it when a measure changes

MINIMUM_SIDE = 256  # pixels: of the reduced decoding that is measured, whatever a backbone needs
SIDE = 128  # grey values are measured after shrinking (or growing) the picture to this square
GRID = 16  # the border is the outermost ring of a grid of this many cells a side
THUMBNAIL_SIDE = 8

_LEVELS = np.arange(256, dtype=np.float64)


@dataclass(frozen=True)
class ImageStatistics:
    """Measures of one picture, from its header and its pixels.

    Attributes:
        width, height: size in pixels as stored in the file, before any reduced decoding.
        format, mode: the file's, such as "JPEG" and "RGB".
        frames: frames of an animation, 1 for a still picture.
        file_bytes: size of the file in bytes.
        exif: the header's fields as text.
        jpeg_quality: estimated from the quantisation tables, 1 to 100; None for other formats.
        difference_hash: 64 bits, bit 63 first; see the function `difference_hash`.
        mean_colour: mean red, green and blue, 0 to 255.
        brightness: mean of the grey picture, shrunk to 128x128, 0 to 255.
        contrast: standard deviation of that grey picture, 0 to 127.5.
        sharpness: variance of the Laplacian of that grey picture.
        thumbnail: 8x8 pixels, rows first, RGB, 192 bytes.
        border: mean colours (red, green, blue) of the frame, 1/16 deep, in eight segments: left
            and right half of the top, of the bottom, upper and lower half of the left, of the
            right; 24 numbers, 0 to 255.
    """

    width: int
    height: int
    format: str
    mode: str
    frames: int
    file_bytes: int
    exif: dict[str, str]
    jpeg_quality: int | None
    difference_hash: int
    mean_colour: tuple[float, float, float]
    brightness: float
    contrast: float
    sharpness: float
    thumbnail: bytes
    border: tuple[float, ...]

    def to_json(self) -> str:
        """One line of JSON; the hash is text, since many readers keep only 53 bits of a number."""
        values = dict(vars(self))
        values["difference_hash"] = f"{self.difference_hash:016x}"
        values["thumbnail"] = base64.b64encode(self.thumbnail).decode("ascii")
        return json.dumps({"version": STATISTICS_VERSION, **values}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> ImageStatistics:
        """What `to_json` wrote. Raises ValueError for another version or other fields."""
        values: dict[str, Any] = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError(f"statistics are an object, not {text[:40]!r}")
        version = values.pop("version", None)
        if version != STATISTICS_VERSION:
            raise ValueError(f"statistics of version {version!r}, expected {STATISTICS_VERSION}")
        if values.keys() != cls.__dataclass_fields__.keys():
            raise ValueError(f"statistics with the fields {sorted(values)}")
        values["difference_hash"] = int(values["difference_hash"], 16)
        values["thumbnail"] = base64.b64decode(values["thumbnail"])
        values["mean_colour"] = tuple(values["mean_colour"])
        values["border"] = tuple(values["border"])
        return cls(**values)


def measure_content(
    content: Content, decoded: Decoded, max_pixels: int, claim: Claim | None = None
) -> ImageStatistics:
    """Measure a picture at a scale that its file alone decides.

    A large JPEG is decoded at a part of its size, which depends on who needs it: its measures,
    the groups of near-duplicates and with them the split would depend on which backbone read it
    first. So it is decoded once more where `decoded` has another part than the one measured.
    """
    part = decoded.reduction
    if decoded.format == "JPEG":
        part = reduction(min(decoded.width, decoded.height), MINIMUM_SIDE)
    if part != decoded.reduction:
        decoded = decode_picture(
            content, minimum_side=MINIMUM_SIDE, max_pixels=max_pixels, claim=claim
        )
    return measure(decoded, len(content) if isinstance(content, bytes) else content.nbytes)


def measure(decoded: Decoded, file_bytes: int) -> ImageStatistics:
    """Measure a decoded picture whose file has `file_bytes` bytes."""
    # Grey values are measured at one size: cheap, and a large picture of a soft scene does not
    # count as more blurred than a small one.
    picture = decoded.image
    grey = _shrunk(picture.convert("L"), SIDE)
    counts = np.array(grey.histogram(), dtype=np.float64) / SIDE**2
    brightness = float(counts @ _LEVELS)
    contrast = max(float(counts @ _LEVELS**2) - brightness**2, 0.0) ** 0.5
    cells = np.asarray(_shrunk(picture, GRID), dtype=np.float64)  # (16, 16, 3)
    red, green, blue = cells.reshape(-1, 3).mean(axis=0).tolist()
    return ImageStatistics(
        width=decoded.width,
        height=decoded.height,
        format=decoded.format,
        mode=decoded.mode,
        frames=decoded.frames,
        file_bytes=file_bytes,
        exif=dict(decoded.exif),
        jpeg_quality=decoded.jpeg_quality,
        difference_hash=difference_hash(grey),
        mean_colour=(round(red, 3), round(green, 3), round(blue, 3)),
        brightness=round(brightness, 3),
        contrast=round(contrast, 3),
        sharpness=round(_sharpness(grey), 3),
        thumbnail=_thumbnail(cells),
        border=_border(cells),
    )


def difference_hash(grey: Image.Image) -> int:
    """64 bits that tell where a grey picture gets brighter from left to right.

    The picture is shrunk to 9 columns and 8 rows; a bit is set where a cell is brighter than its
    left neighbour. Row by row, the top left cell in the highest bit.
    """
    cells = np.asarray(grey.convert("F").resize((9, 8), Image.Resampling.BILINEAR))
    # In whole levels, neighbours in a soft picture would often be equal and a bit be chance; with
    # every digit, rounding errors would decide in a flat one.
    steps = np.rint(cells * 16)
    return int.from_bytes(np.packbits(steps[:, 1:] > steps[:, :-1]).tobytes(), "big")


def _shrunk(picture: Image.Image, side: int) -> Image.Image:
    # A box filter would be cheaper, but jumps by a cell when the size changes by a few pixels, and
    # copies of a picture would no longer measure the same.
    return picture.resize((side, side), Image.Resampling.BILINEAR, reducing_gap=2.0)


def _sharpness(grey: Image.Image) -> float:
    wide = np.asarray(grey, dtype=np.int16)
    neighbours = wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:]
    laplacian = (neighbours - 4 * wide[1:-1, 1:-1]).ravel().astype(np.float32)
    mean = float(laplacian.mean())
    return float(laplacian @ laplacian) / laplacian.size - mean**2


def _thumbnail(cells: FloatArray) -> bytes:
    rows = cells[0::2] + cells[1::2]
    blocks = (rows[:, 0::2] + rows[:, 1::2]) / 4
    return bytes(np.rint(blocks).astype(np.uint8).tobytes())


def _border(cells: FloatArray) -> tuple[float, ...]:
    sides = np.stack((cells[0], cells[-1], cells[:, 0], cells[:, -1]))  # (4, 16, 3)
    segments = sides.reshape(8, GRID // 2, 3).mean(axis=1)
    return tuple(round(value, 3) for value in segments.ravel().tolist())
