"""A network that torch makes, and its weights. Importing this module does not load torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from headstart.backbones.weights.digest import digest
from headstart.backbones.weights.tensor_file import numpy_tensors
from headstart.thread_counts import one_torch_thread

if TYPE_CHECKING:
    from torch import nn

    from headstart.backbones.backbone import BackboneInfo
    from headstart.backbones.runtimes.runtime import Runtime


@dataclass(eq=False, kw_only=True)
class TorchNetwork(ABC):
    """Abstract: a network that is made when it is first needed.

    A pickled copy goes without it; it is then made anew where it is needed.

    Attributes:
        kept_weights: a safetensors file with the backbone's tensors under timm's names, if there is
            one; it serves to save a model without loading the network.
    """

    kept_weights: Path | None = None
    _module: nn.Module | None = field(default=None, init=False, repr=False)

    @abstractmethod
    def build(self) -> nn.Module:
        """The network in fp32 on the processor."""

    @property
    def module(self) -> nn.Module:
        """The network in fp32 on the processor, in eval mode, without gradients."""
        if self._module is None:
            with one_torch_thread():
                self._module = _frozen(self.build())
        return self._module

    def hold(self, module: nn.Module) -> None:
        """Take a network that `build` would make, since it is here already."""
        self._module = _frozen(module)

    @property
    def is_loaded(self) -> bool:
        """Whether the network is in memory."""
        return self._module is not None

    def start(self, info: BackboneInfo) -> Runtime:
        """Load the network and make a copy of it ready, or its graph for another runtime.

        A kept graph is started without loading the network. Raises WeightsError, UsageError.
        """
        if info.runtime != "torch":
            from headstart.backbones.runtimes.graph_runtime import GraphRuntime

            return GraphRuntime(self, info)
        from headstart.backbones.runtimes.torch_runtime import TorchRuntime

        with one_torch_thread():
            return TorchRuntime(self.module, info)

    def tensors(self, info: BackboneInfo) -> dict[str, npt.NDArray[Any]]:
        """The weights under timm's names, as float32 (or integer) arrays."""
        kept = {} if self.is_loaded else self._kept_tensors()
        if kept and digest(kept) == info.weights_id:
            return kept
        state = self.module.state_dict()
        return {name: tensor.detach().cpu().numpy() for name, tensor in state.items()}

    def _kept_tensors(self) -> dict[str, npt.NDArray[Any]]:
        """The kept file's tensors; none where it has gone or is damaged."""
        if self.kept_weights is None:
            return {}
        from safetensors import SafetensorError

        try:
            return numpy_tensors(self.kept_weights)
        except (OSError, SafetensorError):
            return {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_module": None}


def _frozen(module: nn.Module) -> nn.Module:
    return module.eval().requires_grad_(False)
