from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from headstart.errors import UsageError
from headstart.options import LoopOptions
from headstart.options.checks import check_options
from headstart.recipes.epoch_loop import make_optimizer

GOOD = LoopOptions(epochs=5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "--epochs is 0; it must be a whole number from 1"),
        ({"learning_rate": 0.0}, "--learning-rate is 0.0; it must be a number above 0 and finite"),
        ({"learning_rate": float("nan")}, "--learning-rate is nan"),
        ({"batch_size": 0}, "--batch-size is 0; it must be a whole number from 1"),
        ({"weight_decay": -0.1}, "--weight-decay is -0.1; it must be a number from 0"),
        (
            {"label_smoothing": 1.0},
            "--label-smoothing is 1.0; it must be a number from 0 to below 1",
        ),
        ({"optimizer": "lbfgs"}, "--optimizer is 'lbfgs'; it must be adam, adamw or sgd"),
        ({"keep": "first"}, "--keep is 'first'; it must be best or last"),
    ],
)
def test_option_out_of_range_is_named(change: dict[str, Any], message: str) -> None:
    check_options(GOOD)
    with pytest.raises(UsageError) as caught:
        check_options(replace(GOOD, **change))
    assert message in str(caught.value)


def test_names_are_torch_optimizers() -> None:
    parameters = list(nn.Linear(2, 2).parameters())
    for name, kind in (
        ("adam", torch.optim.Adam),
        ("adamw", torch.optim.AdamW),
        ("sgd", torch.optim.SGD),
    ):
        made = make_optimizer(parameters, replace(GOOD, optimizer=name))  # type: ignore[arg-type]
        assert type(made) is kind
        assert made.param_groups[0]["lr"] == 1e-3


def test_decay_shrinks_matrices_and_leaves_biases() -> None:
    module = nn.Linear(3, 2)
    weight, bias = module.weight.detach().clone(), module.bias.detach().clone()
    options = LoopOptions(epochs=1, learning_rate=0.1, weight_decay=0.5, optimizer="sgd")
    optimizer = make_optimizer(list(module.parameters()), options)
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    torch.testing.assert_close(module.weight, weight * (1 - 0.1 * 0.5))
    assert torch.equal(module.bias, bias)
