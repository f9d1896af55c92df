"""Occlusion: how much of the answer goes when a part of the picture is hidden. Slow; for any model.

Source: Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks", section 4.2.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headstart.arrays import ByteImage, Float32Array, FloatArray
from headstart.backbones.joining import embed_prepared, prepared_for_each
from headstart.backbones.preprocessing import Box
from headstart.explain.score import class_score
from headstart.recipes.trained_model import TrainedModel

CELLS = 10  # along each side; the model is asked once for each cell
HIDDEN = 2  # cells along each side of the square that is hidden, in the middle of which its cell is


def occlusion(model: TrainedModel, pixels: ByteImage, place: int) -> FloatArray:
    """The map (10, 10) of one prepared picture (1, size, size, 3), for the class at `place`.

    A cell has the class's score of the whole picture less that with a square around the cell
    hidden by the mean colour of what the backbone learnt from.
    """
    return _map(model, model.backbone.embed(hidden_parts(model, pixels[0])), place)


def joined_occlusion(model: TrainedModel, rgb: ByteImage, place: int) -> tuple[FloatArray, Box]:
    """The map (10, 10) of a decoded picture (h, w, 3) for joined networks, and where it lies.

    They see different parts at different sizes, so that squares of the picture itself are hidden,
    in the rectangle around all that is seen by any.
    """
    height, width = rgb.shape[:2]
    windows = [part.info.preprocessing.window(width, height) for part in model.backbone.parts]
    left, top = (max(0, round(min(window[side] for window in windows))) for side in (0, 1))
    right, bottom = (
        min(length, round(max(window[side] for window in windows)))
        for side, length in ((2, width), (3, height))
    )

    def hidden() -> Iterator[ByteImage]:
        for copy in hidden_parts(model, rgb[top:bottom, left:right]):
            whole = rgb.copy()
            whole[top:bottom, left:right] = copy
            yield whole

    features = embed_prepared(model.backbone, prepared_for_each(model.backbone, hidden()))
    return _map(model, features, place), (left, top, right, bottom)


def _map(model: TrainedModel, features: Float32Array, place: int) -> FloatArray:
    """What the score of the first row of features loses in each of the others."""
    scores = class_score(model.probabilities(features), place)
    return np.asarray((scores[0] - scores[1:]).reshape(CELLS, CELLS))


def hidden_parts(model: TrainedModel, picture: ByteImage) -> ByteImage:
    """The picture (h, w, 3), and then one copy for each cell with its square hidden."""
    mean = model.backbone.info.preprocessing.mean
    grey = np.clip(np.rint(255 * np.asarray(mean)), 0, 255).astype(np.uint8)
    tops, lefts = (
        [max(0, round((c - (HIDDEN - 1) / 2) * length / CELLS)) for c in range(CELLS)]
        for length in picture.shape[:2]
    )
    bottoms, rights = (
        [round((c + (HIDDEN + 1) / 2) * length / CELLS) for c in range(CELLS)]
        for length in picture.shape[:2]
    )
    copies = np.repeat(picture[None], 1 + CELLS * CELLS, axis=0)
    for number in range(CELLS * CELLS):
        row, column = divmod(number, CELLS)
        copies[1 + number, tops[row] : bottoms[row], lefts[column] : rights[column]] = grey
    return copies
