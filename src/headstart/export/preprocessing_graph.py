"""The preprocessing as a part of an ONNX graph: a decoded picture in, the network's input out.

It is `Preprocessing.prepare` and `normalise` again, from operators that ONNX runtimes have. Needs
onnx.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from onnx import TensorProto

from headstart.backbones.preprocessing import Preprocessing
from headstart.errors import UsageError
from headstart.export.graph import GraphParts
from headstart.export.resize_graph import FILTERS, Axis, resized


def check_preprocessing(steps: Preprocessing) -> None:
    """Raise UsageError for an interpolation or a crop that has no nodes here."""
    if steps.interpolation not in FILTERS:
        raise UsageError(
            f"this model's pictures are resized by {steps.interpolation!r} interpolation, which "
            f"cannot be exported; {', '.join(FILTERS)} can"
        )
    if steps.resize < steps.size:
        raise UsageError(
            f"this model's pictures are resized to {steps.resize} pixels and cut to {steps.size}, "
            "which cannot be exported; the cut must not be the larger"
        )


def prepared_bytes(parts: GraphParts, steps: Preprocessing, image: str) -> str:
    """Bytes (n, h, w, 3) to whole numbers (n, 3, size, size) in float32, from 0 to 255."""
    return _Steps(parts, steps, image).run(image)


def normalised(parts: GraphParts, steps: Preprocessing, prepared: str, output: str) -> str:
    """Whole numbers from 0 to 255 to the network's input, of the same shape."""
    shape = (1, 3, 1, 1)
    std = np.asarray(steps.std, dtype=np.float32)
    scale, shift = 1.0 / (255.0 * std), -np.asarray(steps.mean, dtype=np.float32) / std
    scaled = parts.add("Mul", prepared, parts.constant(scale.reshape(shape), np.float32))
    shifts = parts.constant(shift.reshape(shape), np.float32)
    return parts.add("Add", scaled, shifts, output=output)


class _Side(NamedTuple):
    """A side of the picture: its length before and after the resize, and where the cut begins."""

    old: str
    new: str
    start: str


class _Steps:
    """Nodes for resize and crop. Names are of whole numbers, (1,), where nothing else is said."""

    def __init__(self, parts: GraphParts, steps: Preprocessing, image: str) -> None:
        self.parts, self.steps = parts, steps
        self.zero, self.one, self.two = (parts.constant([number]) for number in (0, 1, 2))
        self.size = parts.constant([steps.size])
        shape = parts.add("Shape", image)
        self.old_height, self.old_width = (
            parts.add("Slice", shape, parts.constant([axis]), parts.constant([axis + 1]))
            for axis in (1, 2)
        )

    def run(self, image: str) -> str:
        """All of it."""
        parts, steps = self.parts, self.steps
        turned = parts.add("Transpose", image, perm=[0, 3, 1, 2])
        maps = parts.add("Cast", turned, to=TensorProto.FLOAT)
        new_width, new_height = self._scaled()
        width, height = (
            _Side(old, new, self._half_even(new))
            for old, new in ((self.old_width, new_width), (self.old_height, new_height))
        )
        if steps.crop == "border":
            maps = self._padded_or_cut(maps, height, width)
        else:
            maps = resized(parts, maps, self._cut(height), self._cut(width), steps.interpolation)
        return parts.add("Reshape", maps, parts.constant([-1, 3, steps.size, steps.size]))

    def _scaled(self) -> tuple[str, str]:
        """Width and height after the resize, truncated or rounded as Python does it."""
        parts, steps = self.parts, self.steps
        side = parts.constant([steps.resize])
        if steps.crop == "squash":
            return side, side
        if steps.crop == "border":
            longest = self._double(parts.add("Max", self.old_width, self.old_height))
            ratio = parts.add("Div", parts.double([steps.resize]), longest)
            return self._rounded(self.old_width, ratio), self._rounded(self.old_height, ratio)
        shortest = parts.add("Min", self.old_width, self.old_height)
        width = parts.add("Div", parts.add("Mul", side, self.old_width), shortest)
        height = parts.add("Div", parts.add("Mul", side, self.old_height), shortest)
        return width, height

    def _rounded(self, length: str, ratio: str) -> str:
        """max(1, round(length * ratio)), halves to even."""
        parts = self.parts
        exact = parts.add("Round", parts.add("Mul", self._double(length), ratio))
        return parts.add("Max", parts.add("Cast", exact, to=TensorProto.INT64), self.one)

    def _double(self, whole: str) -> str:
        return self.parts.add("Cast", whole, to=TensorProto.DOUBLE)

    def _half_even(self, length: str) -> str:
        """round((length - size) / 2), halves to even, for a length that is not less than size."""
        parts = self.parts
        rest = parts.add("Sub", length, self.size)
        half = parts.add("Div", rest, self.two)
        is_odd = parts.add("Mod", rest, self.two)
        return parts.add("Add", half, parts.add("Mul", is_odd, parts.add("Mod", half, self.two)))

    def _cut(self, side: _Side) -> Axis:
        """The part of a side that survives the crop, its ends in float32 as Pillow keeps them."""
        parts = self.parts
        ratio = parts.add("Div", self._double(side.old), self._double(side.new))
        ends = []
        for place in (side.start, parts.add("Add", side.start, self.size)):
            end = parts.add("Mul", self._double(place), ratio)
            single = parts.add("Cast", end, to=TensorProto.FLOAT)
            ends.append(parts.add("Cast", single, to=TensorProto.DOUBLE))
        return Axis(side.old, self.size, *ends)

    def _padded_or_cut(self, maps: str, height: _Side, width: _Side) -> str:
        """Where the resized picture may be too small: all of it on black then, else its middle."""
        parts = self.parts
        is_short = parts.add("Less", parts.add("Min", width.new, height.new), self.size)
        axes, starts = [], []
        before, after, firsts = [], [], []
        for side in (height, width):
            axis, start = self._whole_or_cut(side, is_short)
            axes.append(axis)
            starts.append(start)
            after_it = parts.add("Add", parts.add("Sub", self.size, axis.new), start)
            before.append(parts.add("Max", self.zero, parts.add("Neg", start)))
            after.append(parts.add("Max", self.zero, after_it))
            firsts.append(parts.add("Max", self.zero, start))
        maps = resized(parts, maps, axes[0], axes[1], self.steps.interpolation)
        zeros = (self.zero, self.zero)
        pads = parts.add("Concat", *zeros, *before, *zeros, *after, axis=0)
        maps = parts.add("Pad", maps, pads, parts.single(0))
        first = parts.add("Concat", *firsts, axis=0)
        last = parts.add("Add", first, self.size)
        return parts.add("Slice", maps, first, last, parts.constant([2, 3]))

    def _whole_or_cut(self, side: _Side, is_short: str) -> tuple[Axis, str]:
        """What is resized of a side, and where its middle begins; below 0 for black before it."""
        parts, cut = self.parts, self._cut(side)
        new = parts.add("Where", is_short, side.new, cut.new)
        low = parts.add("Where", is_short, parts.double([0.0]), cut.low)
        high = parts.add("Where", is_short, self._double(side.old), cut.high)
        rest = parts.add("Sub", side.new, self.size)  # -((size - length) // 2)
        odd = parts.add("Mod", rest, self.two)
        start = parts.add("Div", parts.add("Add", rest, odd), self.two)
        return Axis(side.old, new, low, high), parts.add("Where", is_short, start, self.zero)
