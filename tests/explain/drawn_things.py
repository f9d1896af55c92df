"""Drawn vehicles with the pixels that the vehicle covers, which alone make the class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image, ImageFilter

from headstart.arrays import BoolArray, FloatArray
from headstart.explain.explanation import Explanation
from headstart.samples import drawn_set
from headstart.samples.scene import draw_scene
from headstart.samples.vehicle import draw_vehicle


class Thing(NamedTuple):
    """A picture, whether its vehicle is an emergency's, and where the vehicle is, (224, 224)."""

    picture: Image.Image
    emergency: bool
    mask: BoolArray


def draw_things(count: int, seed: int) -> list[Thing]:
    """Half emergency vehicles, half others, in turn."""
    with pytest.MonkeyPatch.context() as patch:
        scenes: list[Image.Image] = []
        covered: list[BoolArray] = []
        patch.setattr(drawn_set, "draw_scene", _kept(draw_scene, scenes))
        patch.setattr(drawn_set, "draw_vehicle", _covering(draw_vehicle, scenes, covered))
        things = []
        for number in range(count):
            rng = np.random.default_rng([seed, number])
            picture = drawn_set.draw_picture(rng, emergency=bool(number % 2))
            mask = Image.fromarray(covered[-1]).resize(picture.size)
            things.append(Thing(picture, bool(number % 2), np.asarray(mask)))
    return things


def _kept(draw: Callable[..., Image.Image], scenes: list[Image.Image]) -> Callable[..., Any]:
    def drawn(*arguments: Any) -> Image.Image:
        scenes.append(draw(*arguments))
        return scenes[-1]

    return drawn


def _covering(
    draw: Callable[..., None], scenes: list[Image.Image], covered: list[BoolArray]
) -> Callable[..., None]:
    def drawn(*arguments: Any) -> None:
        before = np.asarray(scenes[-1]).astype(int)
        draw(*arguments)
        covered.append(np.abs(np.asarray(scenes[-1]) - before).max(axis=2) > 8)

    return drawn


def share_on(found: Explanation, mask: BoolArray, margin: int = 0) -> float:
    """The part of the positive map that lies on a thing, or not farther from it than `margin`."""
    grown: Any = Image.fromarray(mask).convert("L")
    if margin:
        grown = grown.filter(ImageFilter.MaxFilter(2 * margin + 1))
    positive: FloatArray = np.maximum(found.on_picture(), 0)
    return float(positive[np.asarray(grown) > 0].sum() / positive.sum())
