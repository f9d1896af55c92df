"""A frozen backbone: what is known of it, and its runtime once something has to be computed."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import numpy.typing as npt

from headstart.arrays import ByteImage, Float32Array
from headstart.backbones.device import device_kind
from headstart.backbones.fingerprint import fingerprint
from headstart.backbones.network_name import JOINED, MOST_JOINED, NetworkName
from headstart.backbones.precision import PRECISIONS
from headstart.backbones.preprocessing import Preprocessing
from headstart.backbones.runtimes.joined_networks import JoinedNetworks
from headstart.backbones.runtimes.runtime import Network, Runtime
from headstart.backbones.runtimes.torch_network import TorchNetwork
from headstart.errors import UsageError
from headstart.options import LayerName, RuntimeName
from headstart.thread_counts import note_thread

if TYPE_CHECKING:
    from torch import nn

_WORDS: Mapping[type, str] = {int: "a whole number", str: "a text"}
_VALUES: Mapping[str, tuple[type, int]] = {  # of a description: the type, the largest value
    "name": (str, 200),
    "feature_size": (int, 8 * 1024 * 1024),  # the small CNN's, for the largest input
    "parameters": (int, 10**12),
    "weights_id": (str, 200),
    "source": (str, 10_000),
}
OPENVINO_FORKED = (
    "OpenVINO was started before this process was forked, and its threads are not here; start "
    'processes with "spawn" (multiprocessing.get_context("spawn")), or take --runtime torch'
)
HERE = ("runtime", "device")  # of the machine at hand, and so no part of a saved model
_LATER = ("mirror", "parts")  # which earlier versions have not


@dataclass(frozen=True)
class BackboneInfo:
    """All that decides a backbone's features, and what a reader wants to know of it.

    Attributes:
        name: timm's name of the architecture.
        layer: which activations are the features.
        precision: "fp32" or "bf16".
        preprocessing: from the decoded picture to the input.
        feature_size: numbers per picture, d.
        parameters: weights in the backbone, without the parts that the layer does not need.
        weights_id: digest of the backbone's tensors (names, shapes, bytes).
        source: where the weights come from, in words.
        classifier: name of the architecture's last layer when a linear head on these features can
            be written into it, else None.
        notes: lines about the weights that the user should read.
        mirror: the features are the means of the picture's and of its mirror image's.
        parts: of networks whose features stand side by side, in their order; none for one network.
            What is said of the whole is then `joined_info`'s.
        runtime: what computes on this machine: "torch", "onnxruntime", "openvino", or "onnx" for an
            exported model.
        device: where it computes on this machine: "auto", "cpu", "cuda", "cuda:1", "mps".
    """

    name: str
    layer: str
    precision: str
    preprocessing: Preprocessing
    feature_size: int
    parameters: int
    weights_id: str
    source: str
    classifier: str | None
    notes: tuple[str, ...] = ()
    mirror: bool = False
    parts: tuple[BackboneInfo, ...] = ()
    runtime: str = field(default="torch", compare=False)
    device: str = field(default="auto", compare=False)

    @property
    def fingerprint(self) -> str:
        """Digest of everything that can change a feature; the name of its cache file."""
        return fingerprint(self)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values of what holds on every machine."""
        values = {name: getattr(self, name) for name in _saved_fields()}
        for name in _LATER:
            if not values[name]:
                del values[name]  # earlier versions know none
        if self.parts:
            values["parts"] = [part.to_json() for part in self.parts]
        if self.runtime != "torch" and self.precision != "fp32":
            values["runtime"] = self.runtime  # no other gives these features
        return {
            **values,
            "preprocessing": self.preprocessing.to_json(),
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> BackboneInfo:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError for other content."""
        if "parts" in values:
            return _joined_from_json(values)
        known = {name: values[name] for name in _saved_fields() if name not in _LATER}
        known["mirror"] = values.get("mirror", False)
        if not isinstance(known["mirror"], bool):
            raise ValueError(f"mirror is {known['mirror']!r}, expected true or false")
        for name, allowed in (("layer", get_args(LayerName)), ("precision", PRECISIONS)):
            if known[name] not in allowed:
                raise ValueError(f"{name} is {known[name]!r}, expected {' or '.join(allowed)}")
        for name, (kind, most) in _VALUES.items():
            value: Any = known[name]
            is_kind = type(value) is kind  # True is no number here
            if not (is_kind and 0 < (value if kind is int else len(value)) <= most):
                raise ValueError(f"{name} is {value!r:.100}, expected {_WORDS[kind]} up to {most}")
        known["runtime"] = values.get("runtime", "torch")
        if known["runtime"] not in get_args(RuntimeName)[1:]:
            raise ValueError(f"runtime is {known['runtime']!r}")
        known["preprocessing"] = Preprocessing.from_json(values["preprocessing"])
        known["notes"] = tuple(values["notes"])
        if not all(isinstance(text, str) for text in (*known["notes"], known["classifier"] or "")):
            raise TypeError("notes and classifier must be texts")
        return cls(**known)


def _saved_fields() -> list[str]:
    return [name for name in BackboneInfo.__dataclass_fields__ if name not in HERE]


def joined_info(parts: Sequence[BackboneInfo]) -> BackboneInfo:
    """What is known of networks whose features stand side by side.

    Its preprocessing is that of the part with the largest input.
    """
    first = parts[0]
    layers = list(dict.fromkeys(part.layer for part in parts))
    ids = "\n".join(part.weights_id for part in parts)
    return BackboneInfo(
        name=JOINED.join(_name_with_size(part) for part in parts),
        layer=JOINED.join(layers),
        precision=first.precision,
        preprocessing=max((part.preprocessing for part in parts), key=lambda steps: steps.size),
        feature_size=sum(part.feature_size for part in parts),
        parameters=sum(part.parameters for part in parts),
        weights_id=hashlib.sha256(ids.encode()).hexdigest(),
        source="; ".join(dict.fromkeys(part.source for part in parts)),
        classifier=None,
        notes=tuple(dict.fromkeys(note for part in parts for note in part.notes)),
        mirror=first.mirror,
        parts=tuple(parts),
        runtime=first.runtime,
        device=first.device,
    )


def _name_with_size(info: BackboneInfo) -> str:
    """As a network is named to get it again: "resnet18@224", "vgg16@224:fc7"."""
    layer = None if info.layer == "pooled" else info.layer
    return NetworkName(info.name, info.preprocessing.size, layer).text


def _joined_from_json(values: Mapping[str, Any]) -> BackboneInfo:
    parts = list(values["parts"])
    if not 2 <= len(parts) <= MOST_JOINED or any("parts" in part for part in parts):
        raise ValueError(f"{len(parts)} parts are joined, expected 2 to {MOST_JOINED} networks")
    found = joined_info([BackboneInfo.from_json(part) for part in parts])
    if found.to_json() != values:
        raise ValueError("what is said of joined networks is not what their parts give")
    return found


class Backbone:
    """A frozen backbone. What computes is started by the first `embed`; it never changes.

    It can be pickled and copied, and goes with a forked process; it is then started anew there.

    Args:
        info: what is known of it.
        network: starts what computes, and has the weights.
    """

    def __init__(self, info: BackboneInfo, network: Network) -> None:
        self.info = info
        self.network = network
        self._begin()

    def _begin(self) -> None:
        self._runtime: Runtime | None = None
        self._lock = threading.Lock()
        self._process = os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        return {"info": self.info, "network": self.network}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._begin()

    @property
    def parts(self) -> tuple[Backbone, ...]:
        """The networks whose features stand side by side; itself where it is one network."""
        return self.network.parts if isinstance(self.network, JoinedNetworks) else (self,)

    @property
    def module(self) -> nn.Module:
        """Torch's network in fp32 on the processor, in eval mode, without gradients.

        Raises UsageError for a backbone that does without torch.
        """
        if not isinstance(self.network, TorchNetwork):
            raise UsageError(f"{self.info.name} has no torch network here: it computes without")
        return self.network.module

    def embed(self, pixels: ByteImage) -> Float32Array:
        """Features (n, d) of prepared pictures (n, size, size, 3).

        A picture's features do not depend on the others of the batch. Several threads may call at
        once. Raises UsageError when memory ends, or for numbers that are not finite.
        """
        found = self._both_ways(lambda runtime, seen: runtime.embed(seen), pixels)
        return found[0] if len(found) == 1 else (found[0] + found[1]) / np.float32(2)

    def embed_mirror(self, pixels: ByteImage, plain: Float32Array) -> Float32Array:
        """`embed` to the bit with a mirror, where the features without it, (n, d), are known."""
        turned = self._checked(lambda runtime, seen: runtime.embed(seen), _turned(pixels))
        return np.asarray((plain + turned) / np.float32(2), dtype=np.float32)

    def feature_map(self, pixels: ByteImage) -> Float32Array:
        """The last map before the pooling, (n, c, h, w), of pictures (n, size, size, 3).

        Where the network averages that map its mean over h and w are the features. Raises
        UsageError where the architecture has no such map, and as `embed`.
        """
        found = self._both_ways(lambda runtime, seen: runtime.feature_map(seen), pixels)
        return found[0] if len(found) == 1 else (found[0] + found[1][..., ::-1]) / np.float32(2)

    def _both_ways(
        self, compute: Callable[[Runtime, ByteImage], Float32Array], pixels: ByteImage
    ) -> tuple[Float32Array, ...]:
        """What is computed of pictures, and with a mirror of their mirror images too."""
        ways = (pixels, _turned(pixels)) if self.info.mirror else (pixels,)
        return tuple(self._checked(compute, way) for way in ways)

    @property
    def is_started(self) -> bool:
        """Whether the network is loaded and ready, so that one more picture costs little."""
        if self.info.parts:
            return all(part.is_started for part in self.parts)
        return self._runtime is not None and self._process == os.getpid()

    def usual_batch(self) -> int:
        """Inputs that a thread gives to `embed` at once when nobody asks for another number."""
        return self._ready().usual_batch

    def threads(self, count: int) -> ThreadPoolExecutor:
        """Threads that embed side by side, each on a core of its own. Starts what computes.

        Any thread may embed; in these a call takes half a millisecond less.
        """
        self._ready()
        return ThreadPoolExecutor(count, "embed", self.prepare_thread)

    def prepare_thread(self) -> None:
        """What `threads` does in each of its threads, for a caller that has threads already."""
        note_thread()
        self._ready().prepare_thread()

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """The backbone's weights under timm's names, as float32 (or integer) arrays."""
        return self.network.tensors(self.info)

    def _checked(
        self, compute: Callable[[Runtime, ByteImage], Float32Array], pixels: ByteImage
    ) -> Float32Array:
        try:
            found = compute(self._ready(), pixels)
        except MemoryError as error:
            raise UsageError(self._out_of_memory(len(pixels))) from error
        if not np.isfinite(found).all():
            raise UsageError(
                f"{self.info.name} in {self.info.precision} gives numbers that are not finite; "
                "try --precision fp32"
            )
        return found

    def _ready(self) -> Runtime:
        if self._process != os.getpid():
            self._check_fork()
            self._begin()
        with self._lock:
            if self._runtime is None:
                self._runtime = self.network.start(self.info)
            return self._runtime

    def _check_fork(self) -> None:
        """A processor's network works in a forked process; an accelerator's driver does not.

        Nor does OpenVINO, whose threads stay behind; even to let go of it would wait for them.
        """
        if self._runtime is None:
            return
        if self.info.runtime == "openvino":
            raise UsageError(OPENVINO_FORKED)
        if device_kind(self.info.device) != "cpu":
            raise UsageError(
                f"{self.info.name} was started on {self.info.device} before this process was "
                'forked, and the device cannot be used here; start processes with "spawn" '
                '(multiprocessing.get_context("spawn")), or take --device cpu'
            )

    def _out_of_memory(self, batch: int) -> str:
        side = self.info.preprocessing.size
        return (
            f"not enough memory for {batch} pictures of {side} x {side} pixels at once; "
            f"try --embed-batch {max(1, batch // 2)}"
        )


def _turned(pixels: ByteImage) -> ByteImage:
    """The mirror images."""
    return np.ascontiguousarray(pixels[:, :, ::-1])
