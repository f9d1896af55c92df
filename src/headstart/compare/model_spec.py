"""What a model is called on the command line: NAME[@SIZE][:LAYER][+HEAD], or NAME:fine-tune.

A NAME after a "+" that is no head joins its network: A@288+B+svm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from headstart.backbones.network_name import (
    JOINED,
    NetworkName,
    file_for,
    joined_text,
    parse_networks,
)
from headstart.backbones.opening import SMALL_CNN
from headstart.errors import UsageError
from headstart.options import BackboneOptions, FitOptions, LoopOptions
from headstart.options.checks import AUGMENT
from headstart.options.every_option import all_options
from headstart.options.head_and_training import HeadName

FINE_TUNE = "fine-tune"  # in the place of a layer


@dataclass(frozen=True)
class ModelSpec:
    """One model of a comparison.

    Attributes:
        text: as it was written, "vgg16_bn:fc7+svm".
        networks: whose features the head takes; one without size and layer for "small_cnn".
        head: what is fitted on the features.
        crops: for the small CNN how its crops are drawn.
        is_tuned: the backbone is fine-tuned from the frozen head on.
    """

    text: str
    networks: tuple[NetworkName, ...]
    head: str = "linear"
    crops: str | None = None
    is_tuned: bool = False

    @property
    def name(self) -> str:
        """Of the network, or the joined ones; "small_cnn"."""
        return JOINED.join(network.name for network in self.networks)

    @property
    def layer(self) -> str:
        """The layers that give the features."""
        return JOINED.join(dict.fromkeys(one.layer or "pooled" for one in self.networks))

    @property
    def is_small_cnn(self) -> bool:
        """True for the network that is trained from scratch."""
        return self.name == SMALL_CNN

    def options(self, base: FitOptions, weights: Mapping[str, Path]) -> FitOptions:
        """The options of a fit of this model: `base` with its backbone, layer and head."""
        if self.is_small_cnn:
            loop = replace(base.loop, augment=self.crops)  # type: ignore[arg-type]  # checked
            return replace(base, loop=loop)
        sizes = [network.size for network in self.networks]
        backbone: BackboneOptions = replace(
            base.backbone,
            backbone=joined_text(self.networks),
            # That of the models which name none.
            image_size=base.backbone.image_size if None in sizes else None,
            weights=file_for(self.name, weights),
        )
        head = replace(base.head, head=self.head)  # type: ignore[arg-type]  # checked
        if self.is_tuned:
            augment = base.loop.augment if base.loop.augment in AUGMENT["fine-tune"] else None
            loop = replace(base.loop, augment=augment)
            recipe = replace(base.recipe, recipe="fine-tune")
            return replace(base, backbone=backbone, loop=loop, recipe=recipe)
        # The epoch loop is for the small CNN; a head on features is solved exactly.
        return replace(base, backbone=backbone, head=head, loop=LoopOptions())


def parse_models(text: str, augment: str | None = None) -> tuple[ModelSpec, ...]:
    """Models separated by commas. Raises UsageError that says what is allowed.

    "small_cnn" takes its crops as `augment` says where that is a word of its own, and
    "small_cnn:once" says it itself.
    """
    crops = augment if augment in AUGMENT["scratch"] else "each-epoch"
    specs = [_parse(part.strip(), crops or "") for part in text.split(",") if part.strip()]
    if not specs:
        raise UsageError("--models is empty; an example: small_cnn,resnet18,vgg16_bn:fc7+svm")
    if len({spec.text for spec in specs}) < len(specs):
        raise UsageError(f"--models names a model twice: {text}")
    return tuple(specs)


def _parse(text: str, augment: str) -> ModelSpec:
    rest, plus, last = text.rpartition(JOINED)
    names, head = (rest, last) if plus and last in get_args(HeadName) else (text, "")
    name, _, layer = names.partition(":")
    if name == SMALL_CNN:
        if head:
            raise UsageError(f"model {text!r}: the small CNN has its own last layer, no +{head}")
        _check(text, "augment", layer or augment)
        return ModelSpec(text, (NetworkName(name),), crops=layer or augment)
    if names.endswith(f":{FINE_TUNE}"):
        names = names.removesuffix(f":{FINE_TUNE}")
        if head:
            raise UsageError(f"model {text!r}: fine-tuning has its own last layer, no +{head}")
        if JOINED in names or ":" in names:
            raise UsageError(f"model {text!r}: fine-tuning takes one network, NAME:{FINE_TUNE}")
        return ModelSpec(text, parse_networks(names, "model"), is_tuned=True)
    return ModelSpec(text, parse_networks(names, "model"), head or "linear")


def _check(text: str, option: str, value: str) -> None:
    """A part of a model's name is held to the rule of the option that it stands for."""
    rule = all_options()[option].rule
    if not rule.holds(value):
        raise UsageError(f"model {text!r}: {option} is {value!r}; it must be {rule.allowed}")


def parse_weights(entries: Sequence[str]) -> dict[str, Path]:
    """--weights NAME=FILE, repeated. Raises UsageError for another form."""
    found = {}
    for entry in entries:
        name, equals, file = entry.partition("=")
        if not (name and equals and file):
            raise UsageError(f"--weights {entry!r}: expected NAME=FILE, such as vgg16=vgg16.pth")
        found[name] = Path(file)
    return found
