"""Places where a drawn vehicle stands: a sky or a wall, something far away, a ground."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from headstart.samples.pen import Colour, shade

SKIES: tuple[Colour, ...] = (
    (150, 190, 232), (205, 214, 224), (236, 190, 150), (96, 110, 140), (178, 208, 214),
)  # fmt: skip
GROUNDS: tuple[Colour, ...] = (
    (88, 90, 94), (126, 122, 116), (150, 136, 108), (104, 130, 82), (214, 216, 220),
)  # fmt: skip
HOUSES: tuple[Colour, ...] = (
    (166, 92, 76), (208, 190, 160), (142, 142, 148), (186, 150, 110), (92, 104, 120),
    (222, 214, 200), (130, 60, 56),
)  # fmt: skip
LEAVES: tuple[Colour, ...] = ((58, 104, 60), (92, 124, 54), (44, 82, 66), (150, 120, 50))


def draw_scene(side: int, ground: float, rng: np.random.Generator) -> Image.Image:
    """A square picture of an empty place; its ground begins at the height `ground` in pixels."""
    picture = _sky(side, rng)
    draw = ImageDraw.Draw(picture)
    horizon = ground - side * rng.uniform(0.06, 0.16)
    [_houses, _hills, _trees, _wall][int(rng.integers(4))](draw, side, horizon, rng)
    # The far end of a place is out of focus, as behind a real vehicle.
    picture = picture.filter(ImageFilter.BoxBlur(side * rng.uniform(0, 0.006)))
    _ground(ImageDraw.Draw(picture), side, horizon, rng)
    return picture


def _one(colours: tuple[Colour, ...], rng: np.random.Generator) -> Colour:
    return shade(colours[int(rng.integers(len(colours)))], rng.uniform(0.85, 1.12))


def _sky(side: int, rng: np.random.Generator) -> Image.Image:
    top = np.array(_one(SKIES, rng), dtype=np.float64)
    bottom = top + (255 - top) * rng.uniform(0.1, 0.6)
    part = np.linspace(0, 1, side)[:, None]
    column = (top * (1 - part) + bottom * part).astype(np.uint8)  # (side, 3)
    return Image.fromarray(np.ascontiguousarray(np.repeat(column[:, None], side, axis=1)))


def _houses(draw: ImageDraw.ImageDraw, side: int, horizon: float, rng: np.random.Generator) -> None:
    x = -side * rng.uniform(0, 0.2)
    while x < side:
        width, height = side * rng.uniform(0.15, 0.35), side * rng.uniform(0.15, 0.5)
        wall, top = _one(HOUSES, rng), horizon - height
        draw.rectangle((x, top, x + width, side), fill=wall)
        if rng.random() < 0.6:
            peak = (x + width / 2, top - height * rng.uniform(0.15, 0.4))
            draw.polygon([(x, top), peak, (x + width, top)], fill=shade(wall, 0.6))
        pane = side * 0.035
        for y in np.arange(top + pane, horizon - pane, pane * 2.2):
            for left in np.arange(x + pane, x + width - pane * 1.5, pane * 2.2):
                lit = shade((150, 160, 170), rng.uniform(0.5, 1.3))
                draw.rectangle((left, y, left + pane, y + pane * 1.2), fill=lit)
        x += width


def _hills(draw: ImageDraw.ImageDraw, side: int, horizon: float, rng: np.random.Generator) -> None:
    leaf = _one(LEAVES, rng)
    for step, distance in enumerate((0.24, 0.12)):
        x = np.linspace(0, side, 24)
        wave = np.sin(x / side * rng.uniform(3, 9) + rng.uniform(0, 6)) * 0.05
        y = horizon - side * (distance + wave)
        outline = [*zip(x.tolist(), y.tolist(), strict=True), (side, side), (0, side)]
        draw.polygon(outline, fill=shade(leaf, 1.5 - 0.4 * step))


def _trees(draw: ImageDraw.ImageDraw, side: int, horizon: float, rng: np.random.Generator) -> None:
    leaf = _one(LEAVES, rng)
    draw.rectangle((0, horizon - side * 0.05, side, side), fill=shade(leaf, 0.8))
    for _ in range(int(rng.integers(4, 10))):
        x, height = side * rng.uniform(0, 1), side * rng.uniform(0.15, 0.42)
        draw.rectangle(
            (x - side * 0.008, horizon - height * 0.5, x + side * 0.008, horizon), fill=(84, 66, 52)
        )
        for _ in range(5):
            r = height * rng.uniform(0.15, 0.28)
            cx = x + height * rng.uniform(-0.2, 0.2)
            cy = horizon - height * rng.uniform(0.5, 0.95)
            fill = shade(leaf, rng.uniform(0.8, 1.3))
            draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=fill)


def _wall(draw: ImageDraw.ImageDraw, side: int, horizon: float, rng: np.random.Generator) -> None:
    colour, top = _one(HOUSES, rng), side * rng.uniform(-0.1, 0.3)
    draw.rectangle((0, top, side, side), fill=colour)
    course = side * rng.uniform(0.04, 0.09)
    for row, y in enumerate(np.arange(horizon, top, -course)):
        draw.line([(0, y), (side, y)], fill=shade(colour, 0.85), width=2)
        for x in np.arange((row % 2) * course, side, course * 2):
            draw.line([(x, y), (x, max(y - course, top))], fill=shade(colour, 0.85), width=2)


def _ground(draw: ImageDraw.ImageDraw, side: int, horizon: float, rng: np.random.Generator) -> None:
    colour = _one(GROUNDS, rng)
    draw.rectangle((0, horizon, side, side), fill=colour)
    draw.rectangle((0, horizon, side, horizon + side * 0.015), fill=shade(colour, 1.25))
    if rng.random() < 0.6:  # a dashed line on the road
        y, dash = side * rng.uniform(0.93, 0.98), side * rng.uniform(0.08, 0.2)
        for x in np.arange(-dash * rng.uniform(0, 1), side, dash * 2):
            draw.rectangle((x, y, x + dash, y + side * 0.012), fill=shade(colour, 1.6))
