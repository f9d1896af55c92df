"""From a name to a trunk that is ready to compute."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headstart.backbones import from_wheel
from headstart.backbones.backbone import Backbone, BackboneInfo
from headstart.backbones.digest import digest
from headstart.backbones.kept import KeptTrunks
from headstart.backbones.precision import choose_precision
from headstart.backbones.preprocessing import Preprocessing
from headstart.backbones.present import whats_here
from headstart.cache_folder import cache_folder
from headstart.errors import UsageError, WeightsError
from headstart.options import BackboneOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from torch import nn

    from headstart.backbones.architecture import Architecture

RANDOM_SEED = 0
SMALL_CNN = "small_cnn"  # the one network that is not timm's


def open_backbone(options: BackboneOptions, *, device: str = "auto") -> Backbone:
    """The trunk that `options` name. The network itself is loaded when it is first needed.

    Raises UsageError for an unknown name, layer or size, WeightsError when the weights are not to
    be had; an untrained trunk is only ever given for `random_weights`.
    """
    if options.random_weights and options.weights:
        raise UsageError("--random-weights and --weights exclude each other")
    precision = choose_precision(options.precision, device)
    kept = KeptTrunks(cache_folder() / "trunks")
    info = kept.find(options, precision)
    if info is not None:
        weights = kept.weights(info)

        def build() -> nn.Module:
            return _build(options, precision)[0].module

        return Backbone(info, build, kept_weights=weights, device=device)
    architecture, info, file = _build(options, precision)
    backbone = Backbone(info, lambda: architecture.module, device=device)
    kept.keep(options, info, [file] if file else [])
    kept.keep_weights(info, backbone.tensors())
    return backbone


def restore_backbone(info: BackboneInfo, weights: Path, *, device: str = "auto") -> Backbone:
    """The trunk that `info` describes, its tensors in a safetensors file under timm's names.

    The file may hold more, such as a last layer.
    """

    def build() -> nn.Module:
        from headstart.backbones import architecture as arch
        from headstart.backbones.from_file import load_state

        if info.name == SMALL_CNN:
            from headstart.backbones.small_cnn import SmallCNNTrunk

            small = SmallCNNTrunk()
            small.load_state_dict(load_state(weights))
            return small
        size = info.preprocessing.size
        trunk = arch.build_architecture(info.name, info.layer, size)
        arch.fill(trunk, load_state(weights), weights.name)
        return trunk.module

    return Backbone(info, build, device=device)


def _build(
    options: BackboneOptions, precision: str
) -> tuple[Architecture, BackboneInfo, Path | None]:
    """The loaded network, its description, and the file its weights came from."""
    from headstart.backbones import architecture as arch
    from headstart.backbones import from_file

    name = arch.check_name(options.backbone)
    seed = RANDOM_SEED if options.random_weights else None
    trunk = arch.build_architecture(name, options.layer, options.image_size, seed)
    preprocessing = Preprocessing.from_timm(trunk.config, options.image_size)
    notes: tuple[str, ...] = ()
    file = None
    if options.random_weights:
        source = "random weights, untrained"
    else:
        file, state, source = _find_weights(options)
        _needs_classifier(options.layer, state, source)
        notes = arch.fill(trunk, state, source)
        preprocessing, more = from_file.adapt(preprocessing, state)
        notes += more
    state_dict = trunk.module.state_dict()
    content = {name: tensor.numpy() for name, tensor in state_dict.items()}
    info = BackboneInfo(
        name=name,
        layer=options.layer,
        precision=precision,
        preprocessing=preprocessing,
        feature_size=trunk.feature_size,
        parameters=sum(parameter.numel() for parameter in trunk.module.parameters()),
        weights_id=digest(content),
        source=source,
        classifier=trunk.classifier,
        notes=notes,
    )
    return trunk, info, file


def _find_weights(
    options: BackboneOptions,
) -> tuple[Path, Mapping[str, torch.Tensor], str]:
    """The weights file, its tensors and where they come from in words."""
    from headstart.backbones import from_file, from_hub

    if options.weights is not None:
        return (
            options.weights,
            from_file.load_state(options.weights),
            f"file {options.weights.name}",
        )
    entry = from_wheel.find_package(options.backbone)
    if entry is not None:
        file = from_wheel.locate(entry)
        if file is None:
            remedy = from_wheel.how_to_install(entry)
            raise WeightsError(
                f"the weights of {options.backbone!r} come with a package that is not installed: "
                f"{remedy}\n{whats_here()}"
            )
        state = from_wheel.rename(from_file.load_state(file), _whole(options.backbone))
        return file, state, f"package {entry.package}"
    try:
        file = from_hub.fetch(options.backbone, cache_folder() / "downloads")
    except WeightsError as error:
        raise WeightsError(
            f"the weights of {options.backbone!r} are not on this machine: {error}.\n"
            f"Give a file with --weights, or run again with a network.\n{whats_here()}"
        ) from error
    return file, from_file.load_state(file), f"timm's pretrained weights {options.backbone}"


def _whole(name: str) -> Mapping[str, torch.Tensor]:
    """The tensors of the whole architecture, its last layer included, without memory for them."""
    import timm
    import torch

    with torch.device("meta"):
        state: Mapping[str, torch.Tensor] = timm.create_model(name).state_dict()
    return state


def _needs_classifier(layer: str, state: Mapping[str, torch.Tensor], source: str) -> None:
    has_classifier = any(name.startswith(("classifier.", "pre_logits.")) for name in state)
    if layer != "pooled" and not has_classifier:
        raise WeightsError(
            f"layer {layer} needs the network's classifier, and {source} has only the "
            "convolutions; take --layer pooled, or a file with the whole network"
        )
