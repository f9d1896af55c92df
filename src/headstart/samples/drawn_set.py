"""The drawn sample set of the demo and the tests: vehicles, of an emergency service or not.

Nothing but the drawing tells the class. The names are a random permutation of numbers, the rows
are in random order, and all files have one format, quality, number of pixels, number of bytes and
time. Bodies, paints, places and sizes are drawn alike for both classes.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from headstart.errors import UsageError
from headstart.options import DEFAULT_SEED
from headstart.outputs import disk
from headstart.outputs.own_files import first_line
from headstart.outputs.permission import OutputFolder
from headstart.outputs.text_files import write_table
from headstart.samples.bodies import BUS, HATCHBACK, LORRY, SALOON, VAN, Body
from headstart.samples.pen import Pen
from headstart.samples.scene import draw_scene
from headstart.samples.vehicle import draw_vehicle

SIDE = 224
QUALITY = 88
MODIFIED = 1_577_880_000  # every file's time: 1 January 2020, noon
TABLE, IMAGES = "labels.csv", "images"
COLUMNS = ("image_names", "emergency_or_not")

_FINE = 2  # drawn at twice the size and shrunk, which smooths the edges
_LONGEST_COMMENT = 65_533


def write_drawn(folder: Path, *, count: int = 240, seed: int = DEFAULT_SEED) -> Path:
    """Draw `count` pictures into folder/images and their table folder/labels.csv.

    The table has the columns image_names and emergency_or_not: 1 for an ambulance, a fire engine
    or a police car, 0 for a car, a bus, a lorry or a van; half of each. The same seed gives the
    same pictures. A set that was drawn there before is replaced, as one.

    Returns:
        The table's path.

    Raises:
        UsageError: fewer than two pictures are asked for, or files that were not drawn by this
            program are in the way.
        OSError: nothing was drawn then.
    """
    if count < 2:
        raise UsageError(f"count is {count}; the drawn set needs 2 pictures or more.")
    labels, names = _rows(count, seed)
    outputs = OutputFolder(folder, "demo", files=(TABLE,), folders=(IMAGES,))
    files = []
    for row, label in enumerate(labels):
        picture = draw_picture(np.random.default_rng([seed, row]), emergency=bool(label))
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=QUALITY)
        files.append(buffer.getvalue())
    size = max(len(data) for data in files) + 4  # 4 bytes are the shortest comment
    with outputs.writing() as new:
        disk.make_folder(new / IMAGES)
        for name, data in zip(names, files, strict=True):
            with disk.create(new / IMAGES / name) as file:
                file.write(_padded(data, size))
            os.utime(new / IMAGES / name, (MODIFIED, MODIFIED))
        write_table(new / TABLE, COLUMNS, zip(names, labels, strict=True))
        os.utime(new / TABLE, (MODIFIED, MODIFIED))
    return folder / TABLE


def check_drawn(folder: Path) -> bool:
    """True when a drawn set is there. Raises UsageError for another table in its place."""
    table = folder / TABLE
    if not table.exists():
        return False
    if first_line(table) != ",".join(COLUMNS):
        raise UsageError(f"{table} is not the table of the drawn pictures; name another folder")
    return True


def draw_picture(rng: np.random.Generator, emergency: bool) -> Image.Image:
    """Draw one vehicle in a place, 224x224 pixels RGB."""
    side = SIDE * _FINE
    body = _body(rng, emergency)
    length = side * rng.uniform(*body.size)
    ground = side * rng.uniform(0.72, 0.92)
    left = rng.uniform(-0.05, 1.05) * (side - length)
    picture = draw_scene(side, ground, rng)
    draw = ImageDraw.Draw(picture)
    shadow = (left, ground - length * 0.03, left + length, ground + length * 0.03)
    draw.ellipse(shadow, fill=(58, 58, 62))
    pen = Pen(draw, left, ground, length, faces_left=bool(rng.random() < 0.5))
    draw_vehicle(pen, body, emergency, rng)
    return _photographed(picture.reduce(_FINE), rng)


def _rows(count: int, seed: int) -> tuple[list[int], list[str]]:
    """Labels and names in the table's order; neither the order nor a name goes with a label."""
    rng = np.random.default_rng(seed)
    labels: list[int] = rng.permutation(np.arange(count) % 2).tolist()
    names = [f"{number}.jpg" for number in (rng.permutation(count) + 1).tolist()]
    return labels, names


def _body(rng: np.random.Generator, emergency: bool) -> Body:
    # Of both classes a third is small, a third are vans, a third is large.
    kind = int(rng.integers(3))
    other = rng.random() < 0.5
    if kind == 0:
        return SALOON if other else HATCHBACK
    if kind == 1:
        return VAN
    return BUS if other and not emergency else LORRY


def _photographed(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """With a camera's noise, and more or less light."""
    pixels = np.asarray(picture, dtype=np.float32)
    noise = rng.standard_normal(pixels.shape, dtype=np.float32) * np.float32(rng.uniform(1, 5))
    light = np.float32(rng.uniform(0.75, 1.15))
    return Image.fromarray(np.clip(pixels * light + noise, 0, 255).astype(np.uint8))


def _padded(jpeg: bytes, size: int) -> bytes:
    """The JPEG with comments behind its first segment, so that it has `size` bytes."""
    start = 4 + int.from_bytes(jpeg[4:6], "big")  # behind the start, a marker and its segment
    missing = size - len(jpeg)
    comments = b""
    while missing:
        whole = min(missing, _LONGEST_COMMENT + 4)
        if 0 < missing - whole < 4:  # leave enough for one more comment
            whole -= 4
        comments += b"\xff\xfe" + (whole - 2).to_bytes(2, "big") + b" " * (whole - 4)
        missing -= whole
    return jpeg[:start] + comments + jpeg[start:]
