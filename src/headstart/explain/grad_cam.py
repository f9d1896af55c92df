"""Grad-CAM by captum, where the network is torch's and the answer is not linear in its last map.

Source: Selvaraju et al. 2017, "Grad-CAM: visual explanations from deep networks via gradient-based
localization". The map is multiplied by its number of positions, so that for a linear head on pooled
features its mean is the logit without the bias, as in `activation_map`; what speaks against the
class stays negative.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from headstart.arrays import ByteImage, FloatArray
from headstart.errors import MissingExtraError, UsageError
from headstart.explain.score import score_gradient
from headstart.recipes.trained_model import TrainedModel
from headstart.thread_counts import one_torch_thread


def grad_cam(model: TrainedModel, pixels: ByteImage, place: int) -> FloatArray:
    """The map (h, w) of one prepared picture (1, size, size, 3), for the class at `place`.

    Raises MissingExtraError without captum, and UsageError for a network that has no map before
    its pooling or is not torch's.
    """
    try:
        from captum.attr import LayerGradCam
    except ImportError as error:
        raise MissingExtraError(
            'Grad-CAM needs captum: pip install "headstart[explain]"'
        ) from error
    info = model.backbone.info
    network = _Marked(model.backbone.module, info.name)
    features = model.backbone.embed(pixels)[0].astype(np.float64)
    gradient = torch.from_numpy(score_gradient(model, features, place).astype(np.float32))
    cam = LayerGradCam(lambda inputs: network(inputs) @ gradient, network.mark)

    def of_one_way(seen: ByteImage) -> FloatArray:
        inputs = torch.from_numpy(info.preprocessing.normalise(seen)).permute(0, 3, 1, 2)
        found = cam.attribute(inputs.contiguous().requires_grad_())[0, 0].detach()
        return np.asarray(found.double().numpy() * found.numel())

    with one_torch_thread(), torch.enable_grad():
        found = of_one_way(pixels)
        if info.mirror:
            turned = of_one_way(np.ascontiguousarray(pixels[:, :, ::-1]))
            found = (found + turned[:, ::-1]) / 2
    return found


class _Marked(nn.Module):
    """A network with a place at its last map that can be asked for activations and gradients."""

    def __init__(self, network: nn.Module, name: str) -> None:
        super().__init__()
        if not (hasattr(network, "forward_features") and hasattr(network, "forward_head")):
            raise UsageError(_no_map(name))
        self.name = name
        self.features: Callable[[Tensor], Any] = cast(Any, network.forward_features)
        self.head: Callable[[Tensor], Tensor] = cast(Any, network.forward_head)
        self.mark = nn.Identity()
        self.is_last = "NHWC" in str(getattr(network, "output_fmt", ""))

    def forward(self, inputs: Tensor) -> Tensor:
        maps = self.features(inputs)
        if not isinstance(maps, Tensor) or maps.ndim != 4:
            raise UsageError(_no_map(self.name))
        if self.is_last:
            maps = maps.permute(0, 3, 1, 2)
        # A copy, since what follows may change the map in place.
        marked = self.mark(maps).clone()
        return self.head(marked.permute(0, 2, 3, 1) if self.is_last else marked)


def _no_map(name: str) -> str:
    return f"{name} has no map of features before its pooling; take the method occlusion"
