"""Networks whose features stand side by side. Each takes the picture as it wants it prepared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy.typing as npt

from headstart.arrays import ByteImage, Float32Array
from headstart.errors import UsageError

if TYPE_CHECKING:
    from headstart.backbones.backbone import Backbone, BackboneInfo


@dataclass(eq=False)
class JoinedNetworks:
    """Some backbones, at rest."""

    parts: tuple[Backbone, ...]

    def start(self, info: BackboneInfo) -> JoinedRuntime:
        """Start all of them."""
        return JoinedRuntime(self.parts, info.name)

    def tensors(self, info: BackboneInfo) -> dict[str, npt.NDArray[Any]]:  # noqa: ARG002
        """All weights, under timm's names after the number of the network: "1.conv.weight"."""
        return {
            f"{number}.{name}": tensor
            for number, part in enumerate(self.parts, start=1)
            for name, tensor in part.tensors().items()
        }


class JoinedRuntime:
    """Networks that are ready; pictures are given to each of them, prepared as it wants them."""

    def __init__(self, parts: tuple[Backbone, ...], name: str) -> None:
        self._parts, self._name = parts, name
        self.usual_batch = min(part.usual_batch() for part in parts)

    def prepare_thread(self) -> None:
        """As each of them does."""
        for part in self._parts:
            part.prepare_thread()

    def embed(self, pixels: ByteImage) -> Float32Array:  # noqa: ARG002 - the protocol's
        """Raises UsageError."""
        self._refuse("one prepared picture has no features")

    def feature_map(self, pixels: ByteImage) -> Float32Array:  # noqa: ARG002 - the protocol's
        """Raises UsageError."""
        self._refuse("there is no one map of features")

    def _refuse(self, why: str) -> NoReturn:
        raise UsageError(
            f"{self._name} joins {len(self._parts)} networks, each with a picture prepared for it, "
            f"so that {why}; take one network"
        )
