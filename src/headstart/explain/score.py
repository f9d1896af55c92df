"""How much an answer speaks for a class, as one number, and how that changes with the features."""

from __future__ import annotations

import numpy as np

from headstart.arrays import FloatArray
from headstart.evaluate.predictions import LEAST_PROBABILITY
from headstart.recipes.trained_model import TrainedModel

ROWS = 256  # of features that are answered at once
STEP = 1e-4  # of a feature, in parts of the largest one


def class_score(probabilities: FloatArray, place: int) -> FloatArray:
    """Log probability of a class less the mean over all classes, (n,) of probabilities (n, k).

    Of a softmax that is the class's logit less the mean of the logits; with two classes, half the
    log odds.
    """
    logs = np.log(np.maximum(probabilities, LEAST_PROBABILITY))
    return np.asarray(logs[:, place] - logs.mean(axis=1))


def score_gradient(model: TrainedModel, features: FloatArray, place: int) -> FloatArray:
    """The derivative of the score by each feature, (d,), at one picture's features (d,).

    By central differences in float64, so that any head has one.
    """
    step = STEP * max(1.0, float(np.abs(features).max()))
    gradient = np.empty(len(features))
    for start in range(0, len(features), ROWS):
        places = np.arange(start, min(start + ROWS, len(features)))
        up, down = (np.tile(features, (len(places), 1)) for _ in range(2))
        up[np.arange(len(places)), places] += step
        down[np.arange(len(places)), places] -= step
        rise = class_score(model.probabilities(up), place)
        fall = class_score(model.probabilities(down), place)
        gradient[places] = (rise - fall) / (2 * step)
    return gradient
