"""timm's networks, cut to the layer that gives the features. Needs torch and timm."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import timm
import torch
from timm.models.vgg import VGG
from torch import nn

from headstart.errors import UsageError, WeightsError
from headstart.torch_random import OwnRandomNumbers
from headstart.wording import some_of

State = Mapping[str, torch.Tensor]


class VggBackbone(nn.Module):
    """VGG up to one of its layers; its tensors keep timm's names.

    pooled: the last map, averaged over the picture (512); fc6 and fc7: after their ReLU (4,096);
    last: the scores of the 1,000 ImageNet classes.
    """

    def __init__(self, vgg: VGG, layer: str) -> None:
        super().__init__()
        self.layer = layer
        self.features = vgg.features
        if layer != "pooled":
            self.pre_logits = vgg.pre_logits
        if layer == "last":
            self.head = vgg.head
        elif layer == "fc6":
            self.pre_logits.fc2 = nn.Identity()
            self.pre_logits.act2 = nn.Identity()

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        """Normalised pictures (n, 3, size, size) to the last map (n, 512, size / 32, size / 32)."""
        maps: torch.Tensor = self.features(x)
        return maps

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # (n, 3, h, w) -> (n, d)
        return self.forward_head(self.forward_features(x))

    def forward_head(self, maps: torch.Tensor) -> torch.Tensor:
        """The last map to the features (n, d)."""
        if self.layer == "pooled":
            return maps.mean(dim=(2, 3))
        hidden: torch.Tensor = self.pre_logits(maps)
        if self.layer == "last":
            scores: torch.Tensor = self.head(hidden)
            return scores
        return hidden.flatten(1)


@dataclass(frozen=True)
class Architecture:
    """An empty backbone and what timm says of it.

    Attributes:
        module: the network, its weights not yet meaningful.
        config: timm's data config (input_size, crop_pct, mean ...).
        feature_size: numbers per picture, d.
        classifier: name of the last layer that could hold a linear head, or None.
        ignorable: prefixes of tensors that a weights file may have beside the backbone's.
        convert: timm's own renaming of other projects' checkpoints for this network.
    """

    module: nn.Module
    config: dict[str, Any]
    feature_size: int
    classifier: str | None
    ignorable: tuple[str, ...]
    convert: Callable[[State], State]


def check_name(name: str) -> str:
    """The name if timm has it. Raises UsageError with the nearest ones otherwise."""
    if timm.is_model(name.partition(".")[0]):
        return name
    import difflib

    near = difflib.get_close_matches(name, timm.list_models(), n=4)
    hint = f"; did you mean {', '.join(near)}?" if near else ""
    raise UsageError(f"no backbone is called {name!r}{hint} (`headstart backbones` lists some)")


def build_architecture(
    name: str, layer: str, image_size: int | None, random_seed: int | None = None
) -> Architecture:
    """A network cut to `layer`, drawn from `random_seed` or, without one, still to be filled.

    Raises UsageError for a name, layer or size that cannot be.
    """
    check_name(name)
    is_vgg = name.startswith("vgg")
    if layer != "pooled" and not is_vgg:
        raise UsageError(f"layer {layer!r} is for VGG; {name!r} has only 'pooled'")
    arguments: dict[str, Any] = {} if is_vgg else {"num_classes": 0}
    if image_size is not None and _size_is_built_in(name):
        arguments["img_size"] = image_size
    # VGG's large last layers are not drawn only to be thrown away.
    skip_drawing = is_vgg and random_seed is None
    device = torch.device("meta" if skip_drawing else "cpu")
    with OwnRandomNumbers(random_seed or 0), device:
        try:
            model = timm.create_model(name, pretrained=False, **arguments)
        except (TypeError, AssertionError, ValueError) as error:
            raise UsageError(f"backbone {name!r} cannot be made: {error}") from error
    config = timm.data.resolve_model_data_config(model)
    module: nn.Module = VggBackbone(model, layer) if is_vgg else model
    if skip_drawing:
        module = module.to_empty(device="cpu")
    size = image_size or int(config["input_size"][-1])
    classifier = model.pretrained_cfg.get("classifier")
    feature_size = _feature_size(module, size)
    return Architecture(
        module=module,
        config=config,
        feature_size=feature_size,
        classifier=_linear_classifier(name, classifier, feature_size),
        ignorable=_names(classifier) + (("pre_logits", "head", "classifier") if is_vgg else ()),
        convert=_converter(model),
    )


def _size_is_built_in(name: str) -> bool:
    return bool(timm.get_pretrained_cfg_value(name, "fixed_input_size"))


def _feature_size(module: nn.Module, size: int) -> int:
    """d, seen by running one grey picture; also finds an image size that does not fit."""
    module.eval()
    try:
        with torch.inference_mode():
            output = module(torch.zeros(1, 3, size, size))
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"this backbone cannot take {size} x {size} pixels: {error}") from error
    if output.ndim != 2:
        raise UsageError(f"this backbone gives {tuple(output.shape)} and not one row a picture")
    return int(output.shape[1])


@lru_cache(maxsize=1)
def whole_network(name: str) -> nn.Module:
    """The whole architecture, its last layer included, without memory for its tensors."""
    with torch.device("meta"):
        network: nn.Module = timm.create_model(name)
    return network


def _names(classifier: Any) -> tuple[str, ...]:
    if classifier is None:
        return ()
    return (classifier,) if isinstance(classifier, str) else tuple(classifier)


def _linear_classifier(name: str, classifier: Any, feature_size: int) -> str | None:
    if not isinstance(classifier, str):
        return None
    try:
        layer = whole_network(name).get_submodule(classifier)
    except (AttributeError, RuntimeError, NotImplementedError):
        return None
    fits = isinstance(layer, nn.Linear) and layer.in_features == feature_size
    return classifier if fits else None


def _converter(model: nn.Module) -> Callable[[State], State]:
    home = sys.modules[type(model).__module__]
    convert = getattr(home, "checkpoint_filter_fn", None) or getattr(home, "_filter_fn", None)
    if convert is None:
        return lambda state: state

    def apply(state: State) -> State:
        import inspect

        takes_model = len(inspect.signature(convert).parameters) > 1
        converted: State = convert(dict(state), model) if takes_model else convert(dict(state))
        return converted

    return apply


def fill(architecture: Architecture, state: State, source: str) -> tuple[str, ...]:
    """Load the weights into the network; returns notes about what was left over.

    Raises WeightsError that lists backbone tensors that are missing or of another shape.
    """
    wanted = architecture.module.state_dict()
    given = state if _covers(wanted, state) else architecture.convert(state)
    missing = [name for name in _needed(wanted) if name not in given]
    shapes = [
        f"{name} is {tuple(given[name].shape)}, expected {tuple(tensor.shape)}"
        for name, tensor in wanted.items()
        if name in given and given[name].shape != tensor.shape
    ]
    left = [n for n in given if n not in wanted and not n.startswith(architecture.ignorable or ())]
    if missing or shapes:
        raise WeightsError(_misfit(source, missing, shapes, left))
    tensors = {
        name: given[name].float() if _is_float(given[name]) else given[name]
        for name in wanted
        if name in given
    }
    architecture.module.load_state_dict(tensors, strict=False)
    if not left:
        return ()
    count = len(left)
    return (f"{source}: {count} tensors are not of this backbone and left out: {some_of(left)}",)


def _is_float(tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point()


def _needed(wanted: State) -> list[str]:
    # The counter of seen batches is no part of a frozen backbone's arithmetic; old files lack it.
    return [name for name in wanted if not name.endswith("num_batches_tracked")]


def _covers(wanted: State, state: State) -> bool:
    return all(name in state for name in _needed(wanted))


def _misfit(source: str, missing: list[str], shapes: list[str], left: list[str]) -> str:
    lines = [f"{source} does not fit the backbone:"]
    if missing:
        lines.append(f"  {len(missing)} tensors are missing: {some_of(missing)}")
    if shapes:
        lines.append(f"  {len(shapes)} tensors have another shape: {some_of(shapes)}")
    if left:
        lines.append(f"  {len(left)} tensors are left over: {some_of(left)}")
    lines.append("Name the architecture that the file was made for with --backbone.")
    return "\n".join(lines)
