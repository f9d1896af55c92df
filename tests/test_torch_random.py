"""Random numbers from a generator of our own are those of a seed, and leave torch's alone."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import timm
import torch
from torch import Tensor, nn

from headstart.torch_random import OwnRandomNumbers


def normal() -> Tensor:
    return torch.empty(40).normal_(1.0, 2.0)


DRAWS: dict[str, Callable[[], Tensor]] = {
    "normal": normal,
    "uniform": lambda: torch.empty(40).uniform_(-1, 1),
    "randn": lambda: torch.randn(5, 8),
    "rand": lambda: torch.rand(40),
    "randint": lambda: torch.randint(0, 1000, (40,)),
    "randperm": lambda: torch.randperm(40),
    "bernoulli": lambda: torch.full((40,), 0.5).bernoulli(),
    "dropout": lambda: nn.functional.dropout(torch.ones(40), 0.5),
    "truncated normal": lambda: nn.init.trunc_normal_(torch.empty(40), std=0.02),
    "linear layer": lambda: nn.Linear(8, 5).weight.detach(),
    "network": lambda: timm.create_model("test_vit").pos_embed.detach(),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_numbers_are_those_of_the_seed_and_torchs_own_stay(draw: Callable[[], Tensor]) -> None:
    before = torch.get_rng_state()
    with torch.random.fork_rng([]):
        torch.manual_seed(7)
        expected = torch.stack([draw().double(), draw().double()])
    with OwnRandomNumbers(7):
        found = torch.stack([draw().double(), draw().double()])
    assert torch.equal(found, expected)
    assert not torch.equal(found[0], found[1])
    assert torch.equal(torch.get_rng_state(), before)


def test_other_threads_draw_as_if_nobody_was_inside() -> None:
    with torch.random.fork_rng([]), ThreadPoolExecutor(1) as other:
        torch.manual_seed(3)
        expected = [normal(), normal()]
        torch.manual_seed(3)
        found = [other.submit(normal).result()]
        with OwnRandomNumbers(7):
            normal()
            found.append(other.submit(normal).result())
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_a_callers_own_generator_and_the_meta_device_are_left_alone() -> None:
    expected = torch.rand(40, generator=torch.Generator().manual_seed(5))
    with OwnRandomNumbers(7):
        assert torch.equal(torch.rand(40, generator=torch.Generator().manual_seed(5)), expected)
        with torch.device("meta"):
            assert nn.Linear(8, 5).weight.is_meta
