"""A pen that draws in a vehicle's own coordinates, whichever way the vehicle faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]

BLACK: Colour = (25, 25, 28)
GREY: Colour = (120, 122, 126)
GLASS: Colour = (60, 78, 96)
WHITE: Colour = (240, 240, 238)


def shade(colour: Colour, factor: float) -> Colour:
    """The colour made darker (factor below 1) or lighter (above), each channel at most 255."""
    red, green, blue = (min(255, round(channel * factor)) for channel in colour)
    return red, green, blue


@dataclass(frozen=True)
class Pen:
    """Draws at (u, v): u from 0 at the rear to 1 at the front, v upwards from the ground.

    Attributes:
        draw: the canvas.
        left, ground: pixels of the vehicle's left end and of the ground.
        length: pixels that the vehicle is long.
        faces_left: whether the front is on the left.
    """

    draw: ImageDraw.ImageDraw
    left: float
    ground: float
    length: float
    faces_left: bool

    def at(self, point: Point) -> Point:
        """Pixels of a point (u, v)."""
        u, v = point
        along = 1 - u if self.faces_left else u
        return self.left + along * self.length, self.ground - v * self.length

    def shape(self, points: Sequence[Point], fill: Colour, edge: Colour | None = None) -> None:
        """A filled polygon, with an edge line if one is given."""
        width = max(1, round(self.length / 120))
        self.draw.polygon([self.at(p) for p in points], fill=fill, outline=edge, width=width)

    def box(self, u0: float, v0: float, u1: float, v1: float, fill: Colour) -> None:
        """A filled rectangle between two corners."""
        self.shape([(u0, v0), (u0, v1), (u1, v1), (u1, v0)], fill)

    def disc(self, u: float, v: float, radius: float, fill: Colour) -> None:
        """A filled circle."""
        x, y = self.at((u, v))
        r = radius * self.length
        self.draw.ellipse((x - r, y - r, x + r, y + r), fill=fill)

    def line(self, start: Point, end: Point, width: float, fill: Colour) -> None:
        """A line; the width in lengths of the vehicle."""
        thick = max(1, round(width * self.length))
        self.draw.line([self.at(start), self.at(end)], fill=fill, width=thick)
