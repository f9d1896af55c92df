"""One vehicle, drawn from the side."""

from __future__ import annotations

import numpy as np

from headstart.samples.bodies import Body
from headstart.samples.markings import draw_marks
from headstart.samples.pen import BLACK, GLASS, GREY, Colour, Pen, shade

PAINTS: tuple[Colour, ...] = (
    (238, 238, 235), (205, 36, 34), (38, 78, 158), (236, 196, 44), (60, 130, 76),
    (170, 174, 178), (52, 54, 60), (226, 120, 40), (244, 236, 214), (120, 30, 46),
)  # fmt: skip


def draw_vehicle(pen: Pen, body: Body, emergency: bool, rng: np.random.Generator) -> None:
    """Draw the body and on it either an emergency service's marks or ordinary ones."""
    paint = _pick(rng, PAINTS)
    if body.load is not None:
        box_paint = paint if emergency or rng.random() < 0.5 else _pick(rng, PAINTS)
        pen.box(0.02, 0.1, 0.98, 0.15, shade(GREY, 0.5))  # the chassis
        pen.box(*body.load, box_paint)
    pen.shape(body.outline, paint, shade(paint, 0.6))
    for window in body.windows:
        pen.shape(window, GLASS)
    _details(pen, body, paint)
    draw_marks(pen, body, emergency, rng)
    for u in body.wheels:
        pen.disc(u, body.radius, body.radius, BLACK)
        pen.disc(u, body.radius, body.radius * 0.5, shade(GREY, 1.4))


def _pick(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    return colours[int(rng.integers(len(colours)))]


def _details(pen: Pen, body: Body, paint: Colour) -> None:
    pen.box(0.96, 0.17, 1.0, 0.21, (250, 240, 190))  # headlamp
    pen.box(0.0, 0.18, 0.02, 0.24, (170, 20, 20))  # rear lamp
    pen.box(0.0, 0.09, 1.0, 0.115, shade(paint, 0.45))
    u0, v0, u1, v1 = body.side
    door = (u0 + u1) / 2
    pen.line((door, v0), (door, v1), 0.004, shade(paint, 0.6))
