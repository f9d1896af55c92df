"""ReLU by whole numbers gives what torch's own does."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from headstart.backbones.runtimes.bf16_activations import WholeNumberReLU, quicken_activations

ALL = torch.arange(-(2**15), 2**15, dtype=torch.int16).view(torch.bfloat16)  # every bf16 there is
NUMBERS = ALL[~ALL.isnan()]


def network(*, inplace: bool) -> nn.Sequential:
    torch.manual_seed(0)
    inner = nn.Sequential(nn.Conv2d(4, 8, 3), nn.ReLU(inplace=inplace))
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU6(inplace=inplace), inner).bfloat16().eval()


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("kind", [nn.ReLU, nn.ReLU6])
def test_every_number_gives_the_same(kind: type[nn.ReLU], inplace: bool) -> None:
    given = NUMBERS.clone()
    expected = kind()(given)
    quick = nn.Sequential(kind(inplace=inplace))
    quicken_activations(quick)
    assert isinstance(quick[0], WholeNumberReLU)
    found = quick(given)
    assert torch.equal(found, expected)
    assert torch.equal(given, expected if inplace else NUMBERS)


@pytest.mark.parametrize("inplace", [False, True])
def test_a_network_gives_the_same_bits_with_channels_last(inplace: bool) -> None:
    usual, quick = network(inplace=inplace), network(inplace=inplace)
    quicken_activations(quick)
    assert sum(isinstance(module, WholeNumberReLU) for module in quick.modules()) == 2
    pictures = torch.randn(2, 3, 12, 12, dtype=torch.bfloat16) * 50
    pictures = pictures.to(memory_format=torch.channels_last)
    with torch.inference_mode():
        found, expected = quick(pictures), usual(pictures)
    assert torch.equal(found.view(torch.int16), expected.view(torch.int16))


@pytest.mark.parametrize(("name", "value"), [("0.weight", float("nan")), ("1.running_var", -1.0)])
def test_a_weight_that_is_wrong_is_not_hidden(name: str, value: float) -> None:
    layers = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU6(inplace=True)
    broken = nn.Sequential(*layers).bfloat16().eval()
    broken.state_dict()[name].view(-1)[0] = value
    quicken_activations(broken)
    with torch.inference_mode():
        assert not broken(torch.ones(1, 3, 12, 12, dtype=torch.bfloat16)).isfinite().all()


@pytest.mark.parametrize("inplace", [False, True])
def test_maps_of_another_precision_are_computed_as_ever(inplace: bool) -> None:
    quick = nn.Sequential(nn.ReLU6(inplace=inplace))
    quicken_activations(quick)
    values = torch.linspace(-9, 9, 24).reshape(1, 4, 3, 2)
    expected = nn.ReLU6()(values)
    assert torch.equal(quick(values), expected)


def test_what_is_made_of_a_relu_stays_what_it_is() -> None:
    class Leaky(nn.ReLU):
        pass

    quick = nn.Sequential(Leaky())
    quicken_activations(quick)
    assert type(quick[0]) is Leaky
