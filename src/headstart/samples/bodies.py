"""The shapes of vehicles, seen from the side."""

from __future__ import annotations

from dataclasses import dataclass

from headstart.samples.pen import Point


@dataclass(frozen=True)
class Body:
    """A kind of vehicle, in units of its length.

    Attributes:
        outline: the painted body.
        windows: panes of glass.
        wheels: centres of the wheels along the body, and their radius.
        roof: the flat part of the roof: from, to, height.
        side: the panel that takes marks: from, bottom, to, top.
        size: least and greatest length in parts of the picture's width.
        load: a box behind the cab with a colour of its own, or None.
    """

    outline: tuple[Point, ...]
    windows: tuple[tuple[Point, ...], ...]
    wheels: tuple[float, ...]
    radius: float
    roof: tuple[float, float, float]
    side: tuple[float, float, float, float]
    size: tuple[float, float]
    load: tuple[float, float, float, float] | None = None


SALOON = Body(
    outline=((0, 0.09), (0, 0.25), (0.16, 0.28), (0.28, 0.43), (0.62, 0.43), (0.76, 0.28),
             (0.96, 0.24), (1, 0.18), (1, 0.09)),
    windows=(((0.2, 0.28), (0.3, 0.4), (0.44, 0.4), (0.44, 0.28)),
             ((0.47, 0.28), (0.47, 0.4), (0.61, 0.4), (0.71, 0.28))),
    wheels=(0.2, 0.8), radius=0.085, roof=(0.32, 0.58, 0.43), side=(0.06, 0.14, 0.92, 0.24),
    size=(0.65, 0.9),
)  # fmt: skip
HATCHBACK = Body(
    outline=((0, 0.09), (0, 0.28), (0.07, 0.44), (0.58, 0.46), (0.75, 0.3), (0.96, 0.25),
             (1, 0.18), (1, 0.09)),
    windows=(((0.06, 0.3), (0.1, 0.41), (0.33, 0.42), (0.33, 0.3)),
             ((0.36, 0.3), (0.36, 0.42), (0.57, 0.42), (0.69, 0.3))),
    wheels=(0.19, 0.8), radius=0.09, roof=(0.16, 0.54, 0.455), side=(0.05, 0.14, 0.92, 0.26),
    size=(0.6, 0.88),
)  # fmt: skip
VAN = Body(
    outline=((0, 0.09), (0, 0.52), (0.03, 0.54), (0.7, 0.54), (0.86, 0.34), (0.98, 0.29),
             (1, 0.22), (1, 0.09)),
    windows=(((0.66, 0.33), (0.66, 0.48), (0.71, 0.48), (0.82, 0.33)),),
    wheels=(0.19, 0.81), radius=0.08, roof=(0.1, 0.66, 0.54), side=(0.04, 0.15, 0.62, 0.5),
    size=(0.65, 0.9),
)  # fmt: skip
LORRY = Body(
    outline=((0.72, 0.1), (0.72, 0.46), (0.75, 0.49), (0.94, 0.49), (1, 0.3), (1, 0.1)),
    windows=(((0.82, 0.31), (0.82, 0.45), (0.93, 0.45), (0.975, 0.31)),),
    wheels=(0.14, 0.28, 0.85), radius=0.075, roof=(0.77, 0.92, 0.49),
    side=(0.03, 0.19, 0.67, 0.5), size=(0.7, 0.94), load=(0.0, 0.15, 0.7, 0.54),
)  # fmt: skip
BUS = Body(
    outline=((0, 0.09), (0, 0.47), (0.03, 0.49), (0.97, 0.49), (1, 0.4), (1, 0.09)),
    windows=tuple(((a, 0.28), (a, 0.43), (a + 0.13, 0.43), (a + 0.13, 0.28))
                  for a in (0.03, 0.19, 0.35, 0.51, 0.67, 0.83)),
    wheels=(0.2, 0.8), radius=0.07, roof=(0.1, 0.9, 0.49), side=(0.04, 0.13, 0.95, 0.25),
    size=(0.75, 0.94),
)  # fmt: skip
