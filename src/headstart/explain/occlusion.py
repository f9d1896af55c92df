"""Occlusion: how much of the answer goes when a part of the picture is hidden. Slow; for any model.

Source: Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks", section 4.2.
"""

from __future__ import annotations

import numpy as np

from headstart.arrays import ByteImage, FloatArray
from headstart.explain.score import class_score
from headstart.recipes.trained_model import TrainedModel

CELLS = 10  # along each side; the model is asked once for each cell
HIDDEN = 2  # cells along each side of the square that is hidden, in the middle of which its cell is


def occlusion(model: TrainedModel, pixels: ByteImage, place: int) -> FloatArray:
    """The map (10, 10) of one prepared picture (1, size, size, 3), for the class at `place`.

    A cell has the class's score of the whole picture less that with a square around the cell
    hidden by the mean colour of what the backbone learnt from.
    """
    answers = model.probabilities(model.backbone.embed(hidden_parts(model, pixels[0])))
    scores = class_score(answers, place)
    return np.asarray((scores[0] - scores[1:]).reshape(CELLS, CELLS))


def hidden_parts(model: TrainedModel, picture: ByteImage) -> ByteImage:
    """The picture (size, size, 3), and then one copy for each cell with its square hidden."""
    size = len(picture)
    mean = model.backbone.info.preprocessing.mean
    grey = np.clip(np.rint(255 * np.asarray(mean)), 0, 255).astype(np.uint8)
    starts = [max(0, round((c - (HIDDEN - 1) / 2) * size / CELLS)) for c in range(CELLS)]
    ends = [round((c + (HIDDEN + 1) / 2) * size / CELLS) for c in range(CELLS)]
    copies = np.repeat(picture[None], 1 + CELLS * CELLS, axis=0)
    for number in range(CELLS * CELLS):
        row, column = divmod(number, CELLS)
        copies[1 + number, starts[row] : ends[row], starts[column] : ends[column]] = grey
    return copies
