"""What computes features: the protocol of a runtime, and of the network that it is made from.

A further runtime is a class beside the others, and a line in `ARITHMETIC`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy.typing as npt

from headstart.arrays import ByteImage, Float32Array
from headstart.errors import UsageError

if TYPE_CHECKING:
    from headstart.backbones.backbone import BackboneInfo


class Runtime(Protocol):
    """A network that is ready to compute: on its device and in its precision, which it has chosen.

    Its methods may be called by several threads at once. On a processor each call computes in its
    own thread on one core, so that calls never wait for each other: on a busy machine two threads
    that share each layer take several times as long as two that take turns with pictures. On an
    accelerator calls take turns by themselves. A picture's numbers depend neither on the others of
    the call nor on the number of cores.

    Attributes:
        usual_batch: pictures that a thread gives to `embed` at once when nobody asks for another
            number.
    """

    usual_batch: int

    def embed(self, pixels: ByteImage) -> Float32Array:
        """Features (n, d) of prepared pictures (n, size, size, 3).

        Raises MemoryError when the device has not enough memory for so many.
        """

    def feature_map(self, pixels: ByteImage) -> Float32Array:
        """The last map before the pooling, (n, c, h, w), of pictures (n, size, size, 3).

        Raises UsageError where the architecture has none, and MemoryError as `embed`.
        """

    def prepare_thread(self) -> None:
        """Called first by a thread that exists for this work, so that its calls start faster."""


class Network(Protocol):
    """A network at rest: from where it can be had. It is small, and can be pickled and copied."""

    def start(self, info: BackboneInfo) -> Runtime:
        """Load the network and make it ready as `info` says. Raises WeightsError, UsageError."""

    def tensors(self, info: BackboneInfo) -> dict[str, npt.NDArray[Any]]:
        """The weights under timm's names, as float32 (or integer) arrays."""


def no_map(name: str, given: object = "none") -> UsageError:
    """The error of a network without a map, by its name and what it gives in place of one."""
    return UsageError(
        f"{name} has no map of features before its pooling (it gives {given}); "
        "take a convolutional backbone, such as tf_efficientnet_lite0 or resnet18"
    )


@dataclass(frozen=True)
class Arithmetic:
    """What can change a runtime's features, known without loading it.

    Attributes:
        packages: installed packages whose code computes them.
        steps: versions of our own steps around them. Raise one when it may change a feature.
    """

    packages: tuple[str, ...]
    steps: dict[str, int]


# Torch makes the graph that these run, of timm's architecture.
GRAPH_STEPS = {"batch_norm_folding": 1, "normalising": 1, "graph": 1}

# Of each runtime by its name in `BackboneInfo.runtime`.
ARITHMETIC = {
    "torch": Arithmetic(("torch", "timm"), {"batch_norm_folding": 1, "normalising": 1}),
    "onnxruntime": Arithmetic(("onnxruntime", "torch", "timm"), GRAPH_STEPS),
    "openvino": Arithmetic(("openvino", "torch", "timm"), GRAPH_STEPS),
    "onnx": Arithmetic(("onnxruntime",), {"canvas": 1}),
}
