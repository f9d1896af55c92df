"""Frozen means frozen: nothing in the backbone changes, and neighbours in a batch do not matter."""

from __future__ import annotations

import numpy as np
import torch

from headstart.backbones.opening import open_backbone
from headstart.options import BackboneOptions


def test_state_is_bit_equal_and_neighbours_do_not_matter() -> None:
    options = BackboneOptions(precision="fp32", image_size=96)
    backbone = open_backbone(options, device="cpu")
    before = {name: tensor.clone() for name, tensor in backbone.module.state_dict().items()}
    pixels = np.random.default_rng(0).integers(0, 256, (32, 96, 96, 3), dtype=np.uint8)
    together = backbone.embed(pixels)
    alone = np.concatenate([backbone.embed(pixels[i : i + 1]) for i in (0, 13, 31)])
    assert np.array_equal(together[[0, 13, 31]], alone)
    assert np.array_equal(backbone.embed(pixels), together)
    after = backbone.module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not backbone.module.training
    assert not any(parameter.requires_grad for parameter in backbone.module.parameters())


def test_small_batches_in_fp32_give_the_original_networks_features() -> None:
    """Some kernels for a few pictures refuse tensors that were made in inference mode."""
    backbone = open_backbone(BackboneOptions(precision="fp32", image_size=64), device="cpu")
    pixels = np.random.default_rng(2).integers(0, 256, (8, 64, 64, 3), dtype=np.uint8)
    inputs = torch.from_numpy(backbone.info.preprocessing.normalise(pixels)).permute(0, 3, 1, 2)
    with torch.no_grad():
        expected = backbone.module(inputs).numpy()
    for count in (1, 3, 5, 8):
        found = backbone.embed(pixels[:count])
        assert found.shape == (count, 1280)
        assert np.abs(found - expected[:count]).max() < 1e-4 * np.abs(expected).max()


def test_bf16_agrees_within_its_digits() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (4, 96, 96, 3), dtype=np.uint8)
    exact, rounded = (
        open_backbone(BackboneOptions(precision=p, image_size=96), device="cpu").embed(pixels)
        for p in ("fp32", "bf16")
    )
    cosine = (
        (exact * rounded).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(rounded, axis=1)
    )
    assert cosine.min() > 0.99
