"""What is painted on vehicles or mounted on them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from headstart.samples.bodies import Body
from headstart.samples.pen import BLACK, GREY, WHITE, Colour, Pen, shade

SIGNALS: tuple[Colour, ...] = (
    (206, 32, 38), (28, 70, 170), (236, 214, 40), (40, 150, 70), (245, 130, 30), WHITE,
)  # fmt: skip
BLUE_LIGHT: Colour = (40, 110, 250)
RED_LIGHT: Colour = (240, 40, 40)


def _light_bar(pen: Pen, body: Body, rng: np.random.Generator) -> None:
    start, end, v = body.roof
    middle, half = start + (end - start) * rng.uniform(0.3, 0.8), rng.uniform(0.07, 0.11)
    height = rng.uniform(0.045, 0.065)
    left, right = (BLUE_LIGHT, BLUE_LIGHT) if rng.random() < 0.6 else (RED_LIGHT, BLUE_LIGHT)
    pen.box(middle - half, v, middle + half, v + height * 0.35, BLACK)
    pen.box(middle - half, v + height * 0.3, middle - half * 0.2, v + height, left)
    pen.box(middle + half * 0.2, v + height * 0.3, middle + half, v + height, right)


def _cross(pen: Pen, body: Body, rng: np.random.Generator) -> None:
    u0, v0, u1, v1 = body.side
    u, v, arm = u0 + (u1 - u0) * rng.uniform(0.25, 0.75), (v0 + v1) / 2, (v1 - v0) * 0.34
    colour = SIGNALS[int(rng.integers(4))]
    pen.disc(u, v, arm * 1.35, WHITE)
    pen.box(u - arm, v - arm * 0.33, u + arm, v + arm * 0.33, colour)
    pen.box(u - arm * 0.33, v - arm, u + arm * 0.33, v + arm, colour)


def _checkers(pen: Pen, body: Body, rng: np.random.Generator) -> None:
    u0, v0, u1, v1 = body.side
    count, height = int(rng.integers(8, 15)), min(0.14, (v1 - v0) * 0.95)
    step, low = (u1 - u0) / count, v0 + (v1 - v0 - height) * rng.uniform(0, 1)
    colours = _two_colours(rng)
    for i in range(count):
        for row in range(2):
            v = low + row * height / 2
            pen.box(u0 + i * step, v, u0 + (i + 1) * step, v + height / 2, colours[(i + row) % 2])


def _slanted_stripes(pen: Pen, body: Body, rng: np.random.Generator) -> None:
    u0, v0, u1, v1 = body.side
    count, height = int(rng.integers(6, 11)), min(0.14, (v1 - v0) * 0.95)
    step, low = (u1 - u0) / count, v0 + (v1 - v0 - height) * rng.uniform(0, 0.5)
    colours = _two_colours(rng)
    for i in range(count):
        u, slope = u0 + i * step, min(step, 0.05)
        lower, upper = (u, u + step), (min(u + slope, u1), min(u + slope + step, u1))
        points = [(lower[0], low), (lower[1], low),
                  (upper[1], low + height), (upper[0], low + height)]  # fmt: skip
        pen.shape(points, colours[i % 2])


def _two_colours(rng: np.random.Generator) -> tuple[Colour, Colour]:
    red, blue, yellow, green, orange, white = SIGNALS
    pairs = ((red, white), (blue, yellow), (red, yellow), (green, white), (green, yellow),
             (blue, white), (orange, blue))  # fmt: skip
    return pairs[int(rng.integers(len(pairs)))]


def _ladder(pen: Pen, body: Body, rng: np.random.Generator) -> None:
    start, end, v = body.roof
    if body.load is not None:
        start, end, v = 0.04, 0.68, body.load[3]
    metal = shade(GREY, rng.uniform(0.9, 1.5))
    for height in (0.015, 0.045):
        pen.line((start, v + height), (end, v + height), 0.008, metal)
    for u in np.linspace(start, end, 9):
        pen.line((float(u), v + 0.015), (float(u), v + 0.045), 0.006, metal)


def _plain_stripe(pen: Pen, body: Body, rng: np.random.Generator) -> None:
    u0, v0, u1, v1 = body.side
    v = v0 + (v1 - v0) * rng.uniform(0.1, 0.7)
    pen.box(u0, v, u1, v + rng.uniform(0.015, 0.05), SIGNALS[int(rng.integers(len(SIGNALS)))])


def _advert(pen: Pen, body: Body, rng: np.random.Generator) -> None:
    u0, v0, u1, v1 = body.side
    width = (u1 - u0) * rng.uniform(0.25, 0.6)
    left = u0 + (u1 - u0 - width) * rng.uniform(0, 1)
    ground, ink = _two_colours(rng)
    pen.box(left, v0, left + width, v1, ground)
    for _ in range(int(rng.integers(1, 4))):
        u, v = left + width * rng.uniform(0.2, 0.8), v0 + (v1 - v0) * rng.uniform(0.3, 0.7)
        pen.disc(u, v, (v1 - v0) * rng.uniform(0.1, 0.28), ink)
    pen.box(left + width * 0.1, v0, left + width * 0.9, v0 + (v1 - v0) * 0.14, ink)


def _roof_load(pen: Pen, body: Body, rng: np.random.Generator) -> None:
    start, end, v = body.roof
    half = rng.uniform(0.04, 0.12)
    middle = start + (end - start) * rng.uniform(0.3, 0.8)
    pen.box(
        middle - half,
        v,
        middle + half,
        v + rng.uniform(0.02, 0.05),
        SIGNALS[int(rng.integers(len(SIGNALS)))],
    )


Mark = Callable[[Pen, Body, np.random.Generator], None]
_STRONG_MARKS: tuple[Mark, ...] = (_checkers, _checkers, _slanted_stripes)
_EMERGENCY_MARKS: tuple[tuple[Mark, float], ...] = (
    (_slanted_stripes, 0.35), (_cross, 0.45), (_ladder, 0.25),
)  # fmt: skip
_ORDINARY_MARKS: tuple[tuple[Mark, float], ...] = (
    (_plain_stripe, 0.4), (_advert, 0.2), (_ladder, 0.08), (_roof_load, 0.2),
)  # fmt: skip


def draw_marks(pen: Pen, body: Body, emergency: bool, rng: np.random.Generator) -> None:
    """Marks of an emergency service, a light bar among them, or ordinary stripes and adverts."""
    strong = _STRONG_MARKS[int(rng.integers(len(_STRONG_MARKS)))]
    if emergency:
        strong(pen, body, rng)
    for draw_mark, chance in _EMERGENCY_MARKS if emergency else _ORDINARY_MARKS:
        if rng.random() < chance and not (emergency and draw_mark is strong):
            draw_mark(pen, body, rng)
    if emergency:
        _light_bar(pen, body, rng)
