"""The exact class activation map: which positions of the last map make a linear head's logit.

Source: Zhou et al. 2016, "Learning deep features for discriminative localization". There the bias
is left aside; here each position has all of it, and so has the logit that a picture would get which
looked everywhere as it does here. The mean of the map is then the logit itself.
"""

from __future__ import annotations

import numpy as np

from headstart.arrays import ByteImage, Float32Array, FloatArray
from headstart.backbones.backbone import Backbone
from headstart.errors import UsageError
from headstart.heads.fitted_heads import FittedLinear
from headstart.recipes.trained_model import TrainedModel

ROUNDING = 2**-6  # of the largest feature, by which a network's own mean in bf16 may differ


def activation_map(
    model: TrainedModel, pixels: ByteImage, place: int, features: Float32Array | None = None
) -> FloatArray | None:
    """The map (h, w) of one prepared picture (1, size, size, 3), for the class at `place`.

    Its mean is the class's score: the logit, divided by the temperature, less the mean of all
    classes' logits. None where there is no exact map: the head is not linear, or the features are
    neither the mean of the last map nor that map itself laid flat. `features` (1, d) are the
    picture's, where they have been computed already.
    """
    if not isinstance(model.head, FittedLinear):
        return None
    maps = last_map(model.backbone, pixels)
    if maps is None:
        return None
    weight, bias = model.head.folded()
    own = (weight[place] - weight.mean(axis=0)) / model.temperature
    shift = (bias[place] - bias.mean()) / model.temperature
    known = model.backbone.embed(pixels) if features is None else features
    row, values = known[0].astype(np.float64), maps.astype(np.float64)
    if np.array_equal(row, values.ravel()):
        return np.asarray((own.reshape(values.shape) * values).sum(axis=0) * values[0].size + shift)
    if len(row) != len(values):
        return None
    rest = row - values.mean(axis=(1, 2))  # what rounding in the network's pooling took
    if np.abs(rest).max() > ROUNDING * np.abs(row).max():
        return None
    return np.asarray(np.tensordot(own, values, axes=1) + own @ rest + shift)


def last_map(backbone: Backbone, pixels: ByteImage) -> Float32Array | None:
    """The last map (c, h, w) of one prepared picture; None where the network has none."""
    try:
        return np.asarray(backbone.feature_map(pixels)[0])
    except UsageError:
        return None
