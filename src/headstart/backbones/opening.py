"""From a name to a backbone that is ready to compute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from headstart.backbones.backbone import Backbone, BackboneInfo
from headstart.backbones.description_cache import KeptBackbones
from headstart.backbones.joining import join_backbones
from headstart.backbones.network_name import options_of_each
from headstart.backbones.preprocessing import Preprocessing
from headstart.backbones.runtimes.choice import (
    check_runtime,
    first_precision,
    fitted,
    settled,
)
from headstart.backbones.runtimes.torch_network import TorchNetwork
from headstart.backbones.weights import wheel
from headstart.backbones.weights.digest import digest
from headstart.backbones.weights.inventory import whats_here
from headstart.cache_folder import cache_folder
from headstart.errors import ModelFolderError, UsageError, WeightsError
from headstart.options import BackboneOptions, EmbedOptions
from headstart.thread_counts import one_torch_thread

if TYPE_CHECKING:
    import torch
    from torch import nn

    from headstart.backbones.architecture import Architecture

RANDOM_SEED = 0
RANDOM_SOURCE = "random weights, untrained"
FILE_SOURCE = "file "  # and the file's name
TUNED_SOURCE = "fine-tuned from "  # and the source of the weights that it began with
NO_FILES: Mapping[str, Path] = MappingProxyType({})
SMALL_CNN = "small_cnn"  # the one network that is not timm's


def open_backbone(
    options: BackboneOptions,
    *,
    device: str = "auto",
    runtime: str = "auto",
    files: Mapping[str, Path] = NO_FILES,
) -> Backbone:
    """The backbone that `options` name. The network itself is loaded when it is first needed.

    The name may have a size and a layer, and join some networks: see `parse_networks`. `files` are
    weights by a network's name.

    Raises UsageError for an unknown name, or a layer or size that it does not have, WeightsError
    when the weights are not to be had; an untrained backbone is only ever given for
    `random_weights`. Raises MissingExtraError for a runtime that is not installed.
    """
    each = options_of_each(options, files)
    try:
        return join_backbones([_open(one, device, runtime) for one in each])
    except WeightsError:
        from headstart.backbones.architecture import check_name

        for one in each:  # a misspelt name comes before weights that are not here
            check_name(one.backbone)
        raise


def open_for(
    options: BackboneOptions, embed: EmbedOptions, *, files: Mapping[str, Path] = NO_FILES
) -> Backbone:
    """`open_backbone`, where and by what `embed` says."""
    return open_backbone(options, device=embed.device, runtime=embed.runtime, files=files)


def _open(options: BackboneOptions, device: str, runtime: str) -> Backbone:
    check_runtime(runtime, options.precision, device)
    precision = first_precision(options.precision, runtime, device)
    kept = KeptBackbones(cache_folder() / "backbones")
    info = kept.find(options, precision)
    if info is not None:
        network = OpenedNetwork(
            _anywhere(options), precision, info.weights_id, kept_weights=kept.weights(info)
        )
        return Backbone(settled(replace(info, device=device), runtime, options.precision), network)
    architecture, info, file = _build(options, precision)
    network = OpenedNetwork(_anywhere(options), precision, info.weights_id)
    network.hold(architecture.module)
    kept.keep(options, info, [file] if file else [])
    kept.keep_weights(info, network.tensors(info))
    return Backbone(settled(replace(info, device=device), runtime, options.precision), network)


def restore_backbone(
    info: BackboneInfo, *weights: Path, device: str = "auto", runtime: str = "auto"
) -> Backbone:
    """The backbone that `info` describes, its tensors in safetensors files under timm's names.

    Each network has a file, which may hold more, such as a last layer. Raises UsageError for a
    runtime that does not give the features that the model was fitted on, and MissingExtraError for
    one that is not installed.
    """
    return join_backbones(
        [
            Backbone(
                fitted(replace(part, device=device), runtime),
                RestoredNetwork(part, file.absolute()),
            )
            for part, file in zip(info.parts or (info,), weights, strict=True)
        ]
    )


def _anywhere(options: BackboneOptions) -> BackboneOptions:
    """The options with a path that means the same file from every working folder."""
    return replace(options, weights=options.weights.absolute() if options.weights else None)


@dataclass(eq=False)
class OpenedNetwork(TorchNetwork):
    """The network that options name. Raises WeightsError when its file changed since."""

    options: BackboneOptions
    precision: str
    weights_id: str

    def build(self) -> nn.Module:
        architecture, info, _ = _build(self.options, self.precision)
        if info.weights_id != self.weights_id:
            raise WeightsError(f"{info.source} has changed since it was opened; open it again")
        return architecture.module


@dataclass(eq=False)
class RestoredNetwork(TorchNetwork):
    """The network of a saved model.

    Raises WeightsError when its file changed since, ModelFolderError when the file is not of the
    network that the description names.
    """

    info: BackboneInfo
    weights: Path

    def build(self) -> nn.Module:
        from headstart.backbones.weights.file import load_state

        state = load_state(self.weights)
        try:
            module, feature_size = self._filled(state)
        except (UsageError, RuntimeError) as error:
            raise ModelFolderError(
                f"{self.weights} is not of the backbone {self.info.name!r}: {error}"
            ) from error
        if feature_size != self.info.feature_size:
            raise ModelFolderError(
                f"the model in {self.weights.parent} is damaged: {self.info.name} gives "
                f"{feature_size} features a picture, the model takes {self.info.feature_size}"
            )
        if _tensors_id(module) != self.info.weights_id:
            raise WeightsError(f"{self.weights} has changed since it was read; read it again")
        return module

    def _filled(self, state: Mapping[str, torch.Tensor]) -> tuple[nn.Module, int]:
        """The network, and how many features it gives."""
        from headstart.backbones import architecture as arch

        info, side = self.info, self.info.preprocessing.size
        if info.name == SMALL_CNN:
            from headstart.backbones.small_cnn import SmallCNNBackbone, feature_size

            small = SmallCNNBackbone()
            small.load_state_dict(state)
            return small, feature_size(side)
        network = arch.build_architecture(info.name, info.layer, side)
        arch.fill(network, state, self.weights.name)
        return network.module, network.feature_size


@dataclass(eq=False)
class HeldNetwork(TorchNetwork):
    """A network that was trained here and lies in no file; it is kept, and pickled too."""

    trained: nn.Module

    def build(self) -> nn.Module:
        return self.trained


def _tensors_id(module: nn.Module) -> str:
    return digest({name: tensor.numpy() for name, tensor in module.state_dict().items()})


def _build(
    options: BackboneOptions, precision: str
) -> tuple[Architecture, BackboneInfo, Path | None]:
    """The loaded network, its description, and the file its weights came from."""
    with one_torch_thread():
        return _built(options, precision)


def _built(
    options: BackboneOptions, precision: str
) -> tuple[Architecture, BackboneInfo, Path | None]:
    from headstart.backbones import architecture as arch
    from headstart.backbones.weights import file as weights_file

    name = arch.check_name(options.backbone)
    if options.weights is not None and not options.random_weights:
        weights_file.check_file(options.weights)  # before the seconds that a large network takes
    seed = RANDOM_SEED if options.random_weights else None
    network = arch.build_architecture(name, options.layer, options.image_size, seed)
    preprocessing = Preprocessing.from_timm(network.config, options.image_size)
    notes: tuple[str, ...] = ()
    file = None
    if options.random_weights:
        source = RANDOM_SOURCE
    else:
        file, state, source = _find_weights(options)
        _needs_classifier(options.layer, state, source)
        notes = arch.fill(network, state, source)
        preprocessing, more = weights_file.adapt(preprocessing, state)
        notes += more
    info = BackboneInfo(
        name=name,
        layer=options.layer,
        precision=precision,
        preprocessing=preprocessing,
        feature_size=network.feature_size,
        parameters=sum(parameter.numel() for parameter in network.module.parameters()),
        weights_id=_tensors_id(network.module),
        source=source,
        classifier=network.classifier,
        notes=notes,
        mirror=options.mirror,
    )
    return network, info, file


def _find_weights(
    options: BackboneOptions,
) -> tuple[Path, Mapping[str, torch.Tensor], str]:
    """The weights file, its tensors and where they come from in words."""
    from headstart.backbones import architecture as arch
    from headstart.backbones.weights import file as weights_file
    from headstart.backbones.weights import hub

    if options.weights is not None:
        return (
            options.weights,
            weights_file.load_state(options.weights),
            f"{FILE_SOURCE}{options.weights.name}",
        )
    entry = wheel.find_package(options.backbone)
    if entry is not None:
        file = wheel.locate(entry)
        if file is None:
            remedy = wheel.how_to_install(entry)
            raise WeightsError(
                f"the weights of {options.backbone!r} come with a package that is not installed: "
                f"{remedy}\n{whats_here()}"
            )
        state = wheel.rename(
            weights_file.load_state(file), arch.whole_network(options.backbone).state_dict()
        )
        return file, state, f"package {entry.package}"
    try:
        file = hub.fetch(options.backbone, cache_folder() / "downloads")
    except WeightsError as error:
        raise WeightsError(
            f"the weights of {options.backbone!r} are not on this machine: {error}.\n"
            f"Give a file with --weights, or run again with a network.\n{whats_here()}"
        ) from error
    return file, weights_file.load_state(file), f"timm's pretrained weights {options.backbone}"


def _needs_classifier(layer: str, state: Mapping[str, torch.Tensor], source: str) -> None:
    has_classifier = any(name.startswith(("classifier.", "pre_logits.")) for name in state)
    if layer != "pooled" and not has_classifier:
        raise WeightsError(
            f"layer {layer} needs the network's classifier, and {source} has only the "
            "convolutions; take --layer pooled, or a file with the whole network"
        )
