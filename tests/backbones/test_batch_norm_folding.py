"""Folding changes no feature and no original, and leaves alone what it cannot fold."""

from __future__ import annotations

import pytest
import timm
import torch
from torch import Tensor, nn

from headstart.backbones.runtimes.batch_norm_folding import fold_batch_norms

SIDE = 64


def trained(name: str) -> nn.Module:
    """A network with statistics as after training."""
    torch.manual_seed(0)
    network: nn.Module = timm.create_model(name, num_classes=0).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.get_buffer("running_mean"), -0.2, 0.2)
            nn.init.uniform_(module.get_buffer("running_var"), 0.5, 1.5)
    return network


def norms(network: nn.Module) -> int:
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


@pytest.mark.parametrize("name", ["resnet18", "tf_efficientnet_lite0", "mobilenetv3_small_050"])
def test_same_features_with_fewer_layers(name: str) -> None:
    network = trained(name)
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    folded = fold_batch_norms(network, SIDE)
    assert norms(network) > 0
    assert norms(folded) == 0
    pictures = torch.rand(3, 3, SIDE, SIDE)
    with torch.inference_mode():
        expected, found = network(pictures), folded(pictures)
    assert (found - expected).abs().max() < 1e-4 * expected.abs().max()
    after = network.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)


class Shared(nn.Module):
    """A convolution whose result is used twice: before and after its norm."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, inputs: Tensor) -> Tensor:
        maps = self.conv(inputs)
        both: Tensor = self.norm(maps) + maps
        return both.mean(dim=(2, 3))


def test_what_would_change_the_result_is_left_as_it_is() -> None:
    network = Shared().eval()
    nn.init.constant_(network.norm.get_buffer("running_mean"), 0.5)
    folded = fold_batch_norms(network, SIDE)
    assert norms(folded) == 1
    pictures = torch.rand(2, 3, SIDE, SIDE)
    with torch.inference_mode():
        assert torch.equal(folded(pictures), network(pictures))
