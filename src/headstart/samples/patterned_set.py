"""A drawn set that a frozen backbone finds hard: shapes that are filled with textures.

Each class is a shape with a texture, such as "star, waves"; colours, place, size, turn, the
background and what else lies there are drawn alike for all classes. Photographs teach neither the
outlines nor the fillings alone to tell the classes.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from headstart.arrays import BoolArray, FloatArray
from headstart.errors import UsageError
from headstart.options import DEFAULT_SEED
from headstart.outputs import disk
from headstart.outputs.permission import OutputFolder
from headstart.outputs.text_files import write_table

SIDE = 160  # pixels
QUALITY = 90
TABLE, IMAGES = "labels.csv", "images"

# The corners of each shape: how many, and how near the centre every second one is.
SHAPES = {
    "triangle": (3, 1.0), "square": (4, 1.0), "pentagon": (5, 1.0), "hexagon": (6, 1.0),
    "star": (10, 0.5), "gear": (16, 0.75),
}  # fmt: skip
Texture = Callable[[FloatArray, FloatArray], FloatArray]
TEXTURES: dict[str, Texture] = {
    "stripes": lambda u, _: np.sin(u),
    "waves": lambda u, v: np.sin(u + 1.5 * np.sin(v)),
    "checks": lambda u, v: np.sign(np.sin(u)) * np.sign(np.sin(v)),
    "dots": lambda u, v: np.sin(u) + np.sin(v) - 0.7,
}
CLASSES = tuple(f"{shape}, {texture}" for shape in SHAPES for texture in TEXTURES)


def write_patterned(folder: Path, *, count: int = 960, seed: int = DEFAULT_SEED) -> Path:
    """Draw `count` pictures into folder/images and their table folder/labels.csv.

    The table has the columns image and label, and as many pictures of each of the 24 classes as
    can be, in random order. The same seed gives the same pictures. A set that was drawn there
    before is replaced, as one.

    Returns:
        The table's path.

    Raises:
        UsageError: fewer pictures than two of each class, or files that were not drawn by this
            program are in the way.
        OSError: nothing was drawn then.
    """
    if count < 2 * len(CLASSES):
        raise UsageError(f"count is {count}; this set needs {2 * len(CLASSES)} pictures or more.")
    order = np.random.default_rng(seed).permutation(np.arange(count) % len(CLASSES)).tolist()
    outputs = OutputFolder(folder, "demo", files=(TABLE,), folders=(IMAGES,))
    with outputs.writing() as new:
        disk.make_folder(new / IMAGES)
        for row, label in enumerate(order):
            buffer = io.BytesIO()
            picture = draw_patterned(np.random.default_rng([seed, row]), CLASSES[label])
            picture.save(buffer, "JPEG", quality=QUALITY)
            with disk.create(new / IMAGES / f"{row}.jpg") as file:
                file.write(buffer.getvalue())
        rows = [(f"{row}.jpg", CLASSES[label]) for row, label in enumerate(order)]
        write_table(new / TABLE, ("image", "label"), rows)
    return folder / TABLE


def draw_patterned(rng: np.random.Generator, label: str) -> Image.Image:
    """Draw one picture of a class, 160 x 160 pixels RGB."""
    shape, texture = label.split(", ")
    pixels = _background(rng)
    for _ in range(int(rng.integers(1, 4))):  # smaller shapes of any kind, in one colour
        other = tuple(SHAPES)[int(rng.integers(len(SHAPES)))]
        pixels[_mask(rng, other, SIDE * rng.uniform(0.05, 0.12))] = _colour(rng)
    inside = _mask(rng, shape, SIDE * rng.uniform(0.22, 0.4))
    filling = _filling(rng, texture)
    pixels[inside & filling], pixels[inside & ~filling] = _colour(rng), _colour(rng)
    noisy = pixels + rng.normal(0, rng.uniform(5, 25), pixels.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def _colour(rng: np.random.Generator) -> FloatArray:
    return rng.uniform(20, 235, 3)


def _background(rng: np.random.Generator) -> FloatArray:
    """Soft blotches of two colours, (SIDE, SIDE, 3)."""
    coarse = rng.random((5, 5)).astype(np.float32)
    part = np.asarray(Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    share = np.clip(part.astype(np.float64), 0, 1)[..., None]
    return np.asarray(share * _colour(rng) + (1 - share) * _colour(rng))


def _mask(rng: np.random.Generator, shape: str, radius: float) -> BoolArray:
    """Where the shape is, (SIDE, SIDE): turned, and wholly in the picture."""
    corners, inner = SHAPES[shape]
    x, y = rng.uniform(radius, SIDE - radius, 2)
    turn = rng.uniform(0, 2 * np.pi)
    angles = turn + 2 * np.pi * np.arange(corners) / corners
    lengths = radius * np.where(np.arange(corners) % 2, inner, 1.0)
    points = list(zip(x + lengths * np.cos(angles), y + lengths * np.sin(angles), strict=True))
    canvas = Image.new("1", (SIDE, SIDE))
    ImageDraw.Draw(canvas).polygon(points, fill=1)
    return np.asarray(canvas, dtype=np.bool_)


def _filling(rng: np.random.Generator, texture: str) -> BoolArray:
    """Which of the two colours the texture has at each pixel, (SIDE, SIDE)."""
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float64)
    turn, period = rng.uniform(0, 2 * np.pi), rng.uniform(8, 16)
    along = np.cos(turn) * columns + np.sin(turn) * rows
    across = -np.sin(turn) * columns + np.cos(turn) * rows
    factor = 2 * np.pi / period
    found = TEXTURES[texture](along * factor, across * factor + rng.uniform(0, 6))
    return np.asarray(found > 0)
