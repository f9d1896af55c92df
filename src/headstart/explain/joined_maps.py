"""What each of joined networks adds to a class's logit, and all of it on one grid over the picture.

A linear head on features that stand side by side is a sum of linear heads, one for each network,
of which each takes an equal part of the bias: what it adds is the mean of its own exact map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from headstart.arrays import ByteImage, Float32Array, FloatArray
from headstart.backbones.preprocessing import Box
from headstart.explain.activation_map import activation_map
from headstart.explain.explanation import NetworkMap, between
from headstart.heads.fitted_heads import FittedLinear
from headstart.recipes.trained_model import TrainedModel

GRID = 64  # parts along each side of the picture


def network_maps(
    model: TrainedModel,
    prepared: Sequence[ByteImage],
    features: Float32Array,
    place: int,
    windows: Sequence[Box],
) -> tuple[NetworkMap, ...] | None:
    """Each network's exact map for the class at `place`; None where one has none.

    Args:
        model: of joined networks.
        prepared: a picture as each network takes it, (1, size, size, 3).
        features: its features by all networks, side by side, (1, d).
        place: of the class.
        windows: which part of the picture each network sees.
    """
    if not isinstance(model.head, FittedLinear):
        return None
    found = []
    alone = zip(_one_by_one(model, model.head), prepared, windows, strict=True)
    for (one, own), pixels, window in alone:
        values = activation_map(one, pixels, place, features[:, own])
        if values is None:
            return None
        found.append(NetworkMap(one.backbone.info.name, values, window))
    return tuple(found)


def sum_on_grid(maps: Sequence[NetworkMap], width: int, height: int) -> FloatArray:
    """The sum of the maps over a picture in 64 x 64 parts, linear between the middles of theirs."""
    total = np.zeros((GRID, GRID))
    across, down = GRID / width, GRID / height
    for one in maps:
        rows, columns = one.values.shape
        left, top, right, bottom = one.window
        vertical = between(GRID, top * down, bottom * down, rows)
        total += vertical @ one.values @ between(GRID, left * across, right * across, columns).T
    return total


def _one_by_one(model: TrainedModel, head: FittedLinear) -> list[tuple[TrainedModel, slice]]:
    """For each network a model whose logits are what it adds, and where its features stand."""
    parts = model.backbone.parts
    ends = np.cumsum([part.info.feature_size for part in parts])
    models = []
    for part, end in zip(parts, ends.tolist(), strict=True):
        own = slice(end - part.info.feature_size, end)
        alone = replace(
            head,
            coef=head.coef[:, own],
            intercept=head.intercept / len(parts),
            mean=head.mean[own],
            scale=head.scale[own],
        )
        models.append((replace(model, backbone=part, head=alone), own))
    return models
