"""Pillow's resize as a part of an ONNX graph, to the byte. Needs onnx.

ONNX's own Resize has antialiasing from opset 18 on and comes close, but computes places and weights
in float32: of 345 photographs at odd sizes 0.016% of the bytes differed by 1 or 2, and a network
that is unsure turns ten such bytes into a probability that is 0.0015 off (docs/export.md).

Pillow (src/libImaging/Resample.c) resizes one axis after the other and keeps bytes in between.
Along an axis each new pixel is a weighted sum of old ones; the weights are computed in float64 and
rounded to 22 bits behind the point, and the sum is rounded to a byte. Here the weights of an axis
are a matrix (old, new), computed by the same steps. A matrix of such whole numbers is multiplied in
two parts of 11 bits each, whose sums with bytes are exact in float32 in whatever order they are
taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from onnx import TensorProto
from PIL import Image

from headstart.export.graph import GraphParts

BITS = 22  # behind the point of a weight
PART = 11  # of them in the lower of two parts
SUPPORT = {"bilinear": 1.0, "bicubic": 2.0, "lanczos": 3.0}  # Pillow's filters, in new pixels
PILLOWS_CUBIC = -0.5


@cache
def takes_height_first() -> bool:
    """Whether the Pillow at hand resizes the height of a tall picture before its width.

    Up to version 12 it takes the width first; 13 does so unless the picture loses rows, and more
    than twice as many as columns. That rule was found by trying.
    """
    pixels = np.random.default_rng(0).integers(0, 256, (60, 20, 3), dtype=np.uint8)
    picture, method = Image.fromarray(pixels), Image.Resampling.BILINEAR
    height_first = picture.resize((20, 30), method).resize((10, 30), method)
    return picture.resize((10, 30), method).tobytes() == height_first.tobytes()


@dataclass(frozen=True)
class Axis:
    """What becomes of one axis, as names of constants or results of shape (1,).

    Attributes:
        old: pixels before, as int64.
        new: pixels after, as int64.
        low, high: the part of the old axis that is taken, as float64.
    """

    old: str
    new: str
    low: str
    high: str


def resized(parts: GraphParts, maps: str, height: Axis, width: Axis, filter_name: str) -> str:
    """Whole numbers from 0 to 255 in float32, (n, 3, h, w), to others, (n, 3, h', w')."""
    across = _weights(parts, width, filter_name)
    down = _weights(parts, height, filter_name)
    if not takes_height_first():
        return _down(parts, _across(parts, maps, across), down)
    rows = parts.add("Sub", height.old, height.new)
    columns = parts.add("Sub", width.old, width.new)
    twice = parts.add("Mul", columns, parts.constant([2]))
    is_tall = parts.add("Greater", rows, parts.add("Max", parts.constant([0]), twice))
    height_first, width_first = parts.branch("height_first"), parts.branch("width_first")
    _across(height_first, _down(height_first, maps, down), across)
    _down(width_first, _across(width_first, maps, across), down)
    is_tall = parts.add("Squeeze", is_tall)
    return parts.choose(is_tall, height_first, width_first, TensorProto.FLOAT)


def _weights(parts: GraphParts, axis: Axis, filter_name: str) -> tuple[str, str]:
    """Both parts of the weights (old, new), the upper and the lower, in float32."""
    double = TensorProto.DOUBLE
    extent = parts.add("Cast", parts.add("Sub", axis.high, axis.low), to=TensorProto.FLOAT)
    scale = parts.add(
        "Div", parts.add("Cast", extent, to=double), parts.add("Cast", axis.new, to=double)
    )
    stretch = parts.add("Max", scale, parts.double([1.0]))
    support = parts.add("Mul", stretch, parts.double([SUPPORT[filter_name]]))
    places = _range(parts, axis.new)  # (new,)
    steps = parts.add("Mul", parts.add("Add", places, parts.double([0.5])), scale)
    center = parts.add("Add", axis.low, steps)
    first, last = (
        parts.add("Floor", parts.add("Add", parts.add(way, center, support), parts.double([0.5])))
        for way in ("Sub", "Add")
    )
    pixels = parts.add("Unsqueeze", _range(parts, axis.old), parts.constant([1]))  # (old, 1)
    distance = parts.add("Add", parts.add("Sub", pixels, center), parts.double([0.5]))
    exact = FILTERS[filter_name](parts, parts.add("Div", distance, stretch))
    within = parts.add(
        "And", parts.add("GreaterOrEqual", pixels, first), parts.add("Less", pixels, last)
    )
    exact = parts.add("Where", within, exact, parts.double(0.0))
    total = parts.add("ReduceSum", exact, parts.constant([0]), keepdims=1)
    share = parts.add("Mul", parts.add("Div", exact, total), parts.double(2.0**BITS))
    # Halves away from 0, as Pillow has it.
    size = parts.add("Floor", parts.add("Add", parts.add("Abs", share), parts.double(0.5)))
    whole = parts.add("Mul", size, parts.add("Sign", share))
    upper = parts.add("Round", parts.add("Mul", whole, parts.double(2.0**-PART)))
    lower = parts.add("Sub", whole, parts.add("Mul", upper, parts.double(2.0**PART)))
    return (
        parts.add("Cast", upper, to=TensorProto.FLOAT),
        parts.add("Cast", lower, to=TensorProto.FLOAT),
    )


def _range(parts: GraphParts, count: str) -> str:
    """0 to count - 1 in float64."""
    end = parts.add("Squeeze", count)
    whole = parts.add("Range", parts.constant(0), end, parts.constant(1))
    return parts.add("Cast", whole, to=TensorProto.DOUBLE)


def _across(parts: GraphParts, maps: str, weights: tuple[str, str]) -> str:
    return _bytes(parts, *(parts.add("MatMul", maps, part) for part in weights))


def _down(parts: GraphParts, maps: str, weights: tuple[str, str]) -> str:
    turned = (parts.add("Transpose", part, perm=[1, 0]) for part in weights)
    return _bytes(parts, *(parts.add("MatMul", part, maps) for part in turned))


def _bytes(parts: GraphParts, upper: str, lower: str) -> str:
    """Both sums put together and rounded to bytes, in float32."""
    upper, lower = (parts.add("Cast", part, to=TensorProto.DOUBLE) for part in (upper, lower))
    high = parts.add("Mul", upper, parts.double(2.0 ** (PART - BITS)))
    total = parts.add("Add", high, parts.add("Mul", lower, parts.double(2.0**-BITS)))
    rounded = parts.add("Floor", parts.add("Add", total, parts.double(0.5)))
    kept = parts.add("Clip", rounded, parts.double(0.0), parts.double(255.0))
    return parts.add("Cast", kept, to=TensorProto.FLOAT)


def _triangle(parts: GraphParts, x: str) -> str:
    """1 - |x| within 1."""
    one = parts.double(1.0)
    left = parts.add("Sub", one, parts.add("Abs", x))
    return parts.add("Max", left, parts.double(0.0))


def _cubic(parts: GraphParts, x: str) -> str:
    """Keys (1981), Cubic convolution interpolation, with Pillow's a."""
    a = PILLOWS_CUBIC
    x = parts.add("Abs", x)
    squared = parts.add("Mul", x, x)
    near = parts.add("Sub", parts.add("Mul", parts.double(a + 2), x), parts.double(a + 3))
    near = parts.add("Add", parts.add("Mul", near, squared), parts.double(1.0))
    far = parts.add("Mul", parts.add("Sub", x, parts.double(5.0)), x)
    far = parts.add("Add", far, parts.double(8.0))
    far = parts.add("Sub", parts.add("Mul", far, x), parts.double(4.0))
    far = parts.add("Mul", far, parts.double(a))
    beyond = parts.add("Where", parts.add("Less", x, parts.double(2.0)), far, parts.double(0.0))
    return parts.add("Where", parts.add("Less", x, parts.double(1.0)), near, beyond)


def _lanczos(parts: GraphParts, x: str) -> str:
    """sinc(x) sinc(x / 3) within 3."""
    within = parts.add("Less", parts.add("Abs", x), parts.double(3.0))
    third = parts.add("Div", x, parts.double(3.0))
    product = parts.add("Mul", _sinc(parts, x), _sinc(parts, third))
    return parts.add("Where", within, product, parts.double(0.0))


def _sinc(parts: GraphParts, x: str) -> str:
    angle = parts.add("Mul", x, parts.double(np.pi))
    is_zero = parts.add("Equal", x, parts.double(0.0))
    safe = parts.add("Where", is_zero, parts.double(1.0), angle)
    ratio = parts.add("Div", parts.add("Sin", safe), safe)
    return parts.add("Where", is_zero, parts.double(1.0), ratio)


FILTERS = {"bilinear": _triangle, "bicubic": _cubic, "lanczos": _lanczos}
