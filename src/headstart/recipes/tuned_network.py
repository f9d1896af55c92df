"""The network that fine-tuning trains: it begins as the frozen model, and ends as one again.

Importing this module loads torch.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from headstart.backbones.backbone import Backbone
from headstart.backbones.opening import TUNED_SOURCE, HeldNetwork
from headstart.backbones.runtimes.batch_norm_folding import fold_batch_norms
from headstart.backbones.weights.digest import digest
from headstart.heads.fitted_heads import FittedLinear
from headstart.recipes.trained_model import TrainedModel
from headstart.recipes.training_history import History
from headstart.recipes.training_state import restore, snapshot
from headstart.recipes.tuning_record import TrainedPart

ABSENT = 10.0  # how far the logit of a class that the head has not seen lies below the others'


class TunedNetwork(nn.Module):
    """A backbone with one linear layer that is its head, standardisation and temperature folded in.

    Its logits are those of the model that it is made of, in fp32.

    Args:
        model: the frozen model, whose head is linear; its backbone is copied.
        classes: k; the head's classes are numbers from 0 to k - 1, of which it may lack some.
    """

    def __init__(self, model: TrainedModel, classes: int) -> None:
        super().__init__()
        head = model.head
        if not isinstance(head, FittedLinear):
            raise TypeError(f"the head is {head.name}, expected a linear one")
        self.backbone = copy.deepcopy(model.backbone.module)
        weight, bias = head.folded()
        whole = np.zeros((classes, weight.shape[1]))
        low = np.full(classes, bias.min() / model.temperature - ABSENT)
        places = np.asarray(head.classes, dtype=np.int64)
        whole[places], low[places] = weight / model.temperature, bias / model.temperature
        self.classifier = nn.Linear(weight.shape[1], classes, device="meta").to_empty(device="cpu")
        with torch.no_grad():
            self.classifier.weight.copy_(torch.from_numpy(whole))
            self.classifier.bias.copy_(torch.from_numpy(low))

    def forward(self, inputs: Tensor) -> Tensor:
        """Normalised pictures (n, 3, size, size) to logits (n, k)."""
        logits: Tensor = self.classifier(self.backbone(inputs))
        return logits

    def with_folded_norms(self, size: int) -> TunedNetwork:
        """A copy whose batch norms are folded where nothing of them or before them is trained."""
        made = copy.deepcopy(self)
        made.backbone = fold_batch_norms(self.backbone, size, only_frozen=True)
        made.backbone.to(memory_format=torch.channels_last)
        return made

    def take(self, folded: TunedNetwork) -> None:
        """Take what a folded copy has learnt."""
        known = self.state_dict()
        restore(self, {n: value for n, value in snapshot(folded).items() if n in known})


def as_tuned(network: TunedNetwork, start: TrainedModel) -> TrainedModel:
    """The network as a backbone with a linear head, which is how models are kept; temperature 1."""
    backbone = network.backbone.to(memory_format=torch.contiguous_format)
    tensors = {name: tensor.detach().numpy() for name, tensor in backbone.state_dict().items()}
    info = start.backbone.info
    source = info.source.removeprefix(TUNED_SOURCE)
    weight = network.classifier.weight.detach().double().numpy()
    bias = network.classifier.bias.detach().double().numpy()
    head = FittedLinear.of_layer(weight, bias, start.head.asked)
    info = replace(info, weights_id=digest(tensors), source=TUNED_SOURCE + source, notes=())
    info = replace(info, runtime="torch")  # it is here, and no graph of it
    return TrainedModel(Backbone(info, HeldNetwork(backbone)), head, start.classes, 1.0)


@dataclass(frozen=True)
class Tuned:
    """One fine-tuned model.

    Attributes:
        model: with its temperature.
        history: epoch by epoch.
        parts: the backbone's stages, with what of them was trained.
    """

    model: TrainedModel
    history: History
    parts: tuple[TrainedPart, ...]

    @property
    def head_weights(self) -> int:
        """How many weights the last layer has."""
        head = self.model.head.to_arrays()
        return int(head["coef"].size + head["intercept"].size)
