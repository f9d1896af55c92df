"""A frozen backbone: what is known of it, and the network once something has to be computed."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import numpy.typing as npt

from headstart.arrays import ByteImage, Float32Array
from headstart.backbones.precision import choose_device
from headstart.backbones.preprocessing import Preprocessing
from headstart.backbones.weights.digest import digest
from headstart.errors import UsageError
from headstart.images.decode import DECODE_VERSION
from headstart.options import LayerName

if TYPE_CHECKING:
    import torch
    from torch import nn

PRECISIONS = ("fp32", "bf16")
# Inputs at once. On a core the maps between layers should stay near it: Lite0 in fp32 computed 132
# pictures a second by fours and 93 by sixteens (benchmarks/backbone.py), and no other
# backbone gained by more.
CORE_BATCH = {"fp32": 4, "bf16": 8}
ACCELERATOR_BATCH = 64

# How torch's allocators say it on a processor; an accelerator's has an error class of its own.
NO_MEMORY = ("not enough memory", "can't allocate memory", "out of memory")


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

    @property
    def fingerprint(self) -> str:
        """Digest of everything that can change a feature; the name of its cache file."""
        parts = {
            "name": self.name,
            "layer": self.layer,
            "precision": self.precision,
            "preprocessing": self.preprocessing.to_json(),
            "weights": self.weights_id,
            "decode": DECODE_VERSION,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        values = {**self.__dict__, "preprocessing": self.preprocessing.to_json()}
        return {**values, "notes": list(self.notes)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> BackboneInfo:
        """The inverse of `to_json`. Raises KeyError, TypeError or ValueError for other content."""
        known = {name: values[name] for name in cls.__dataclass_fields__}
        for name, allowed in (("layer", get_args(LayerName)), ("precision", PRECISIONS)):
            if known[name] not in allowed:
                raise ValueError(f"{name} is {known[name]!r}, expected {' or '.join(allowed)}")
        known["preprocessing"] = Preprocessing.from_json(values["preprocessing"])
        known["notes"] = tuple(values["notes"])
        return cls(**known)


class Backbone:
    """A frozen backbone. The first `embed` loads the network, in eval mode; it never changes.

    It can be pickled and copied when `build` can; the network is then made anew where it is needed.

    Args:
        info: what is known of it.
        build: makes the network, in fp32 on the processor.
        kept_weights: a safetensors file with the backbone's tensors under timm's names, if there is
            one; it serves to save a model without loading the network.
        device: where it computes: "auto", "cpu", "cuda", "mps".
        module: the network that `build` would make, if it is here already.
    """

    def __init__(
        self,
        info: BackboneInfo,
        build: Callable[[], nn.Module],
        *,
        kept_weights: Path | None = None,
        device: str = "auto",
        module: nn.Module | None = None,
    ) -> None:
        self.info = info
        self._build = build
        self._kept_weights = kept_weights
        self._wanted_device = device
        self._module = None if module is None else _frozen(module)
        self._running: _Running | None = None
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        state = {**self.__dict__, "_module": None, "_running": None}
        del state["_lock"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()

    @property
    def module(self) -> nn.Module:
        """The network in fp32 on the processor, in eval mode, without gradients."""
        if self._module is None:
            self._module = _frozen(self._build())
        return self._module

    def embed(self, pixels: ByteImage) -> Float32Array:
        """Features (n, d) of prepared pictures (n, size, size, 3).

        A picture's features do not depend on the others of the batch. Raises UsageError when
        memory ends.
        """
        import torch

        try:
            features = self._ready()(pixels)
        except torch.OutOfMemoryError as error:
            raise UsageError(self._out_of_memory(len(pixels))) from error
        except RuntimeError as error:
            if not any(words in str(error) for words in NO_MEMORY):
                raise
            raise UsageError(self._out_of_memory(len(pixels))) from error
        if not np.isfinite(features).all():
            raise UsageError(
                f"{self.info.name} in {self.info.precision} gives numbers that are not finite; "
                "try --precision fp32"
            )
        return features

    def usual_batch(self) -> int:
        """Inputs that a thread gives to `embed` at once when nobody asks for another number."""
        on_processor = self._ready().device == "cpu"
        return CORE_BATCH[self.info.precision] if on_processor else ACCELERATOR_BATCH

    @contextmanager
    def lanes(self) -> Iterator[None]:
        """Prepare for `embed` by several threads at once, each with a core of its own.

        Such a thread never waits for another: on a busy machine two threads that share each layer
        take several times as long as two that take turns with pictures. It is one core even where
        there is one thread, since torch takes other kernels for several, which round otherwise.
        """
        import torch

        self._ready()
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def _ready(self) -> _Running:
        with self._lock:
            if self._running is None:
                self._running = _Running(self.module, self.info, self._wanted_device)
            return self._running

    def _out_of_memory(self, batch: int) -> str:
        side = self.info.preprocessing.size
        return (
            f"not enough memory for {batch} pictures of {side} x {side} pixels at once; "
            f"try --embed-batch {max(1, batch // 2)}"
        )

    def _kept_tensors(self) -> dict[str, npt.NDArray[Any]]:
        """The kept file's tensors; none where it has gone or is damaged."""
        if self._kept_weights is None:
            return {}
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            return dict(load_file(self._kept_weights))
        except (OSError, SafetensorError):
            return {}

    def tensors(self) -> dict[str, npt.NDArray[Any]]:
        """The backbone's weights under timm's names, as float32 (or integer) arrays."""
        kept = self._kept_tensors() if self._module is None else {}
        if kept and digest(kept) == self.info.weights_id:
            return kept
        state = self.module.state_dict()
        return {name: tensor.detach().cpu().numpy() for name, tensor in state.items()}


def _frozen(module: nn.Module) -> nn.Module:
    return module.eval().requires_grad_(False)


class _Running:
    """The network on its device in its arithmetic; a copy, so that the original stays as it is."""

    def __init__(self, module: nn.Module, info: BackboneInfo, device: str) -> None:
        import torch

        from headstart.backbones.runtimes.batch_norm_folding import fold_batch_norms

        self.device = choose_device(device)
        # One thread at a time on an accelerator, while the others decode; the processor's threads
        # have a core each and compute side by side.
        self.turn = nullcontext() if self.device == "cpu" else threading.Lock()
        self.dtype = torch.bfloat16 if info.precision == "bf16" else torch.float32
        network = fold_batch_norms(module, info.preprocessing.size)
        network = network.to(device=self.device, dtype=self.dtype)
        self.network = network.to(memory_format=torch.channels_last)
        shape = (1, 3, 1, 1)
        mean = torch.tensor(info.preprocessing.mean, device=self.device).reshape(shape)
        std = torch.tensor(info.preprocessing.std, device=self.device).reshape(shape)
        self.shift, self.scale = -mean / std, 1.0 / (255.0 * std)

    def __call__(self, pixels: ByteImage) -> Float32Array:
        import torch

        if len(pixels) == 1:
            # The processor's kernels sum a lone picture in another order than those of a batch;
            # with a companion its features are the same to the bit as among many.
            return self(np.concatenate([pixels, pixels]))[:1]
        with self.turn, torch.inference_mode():
            batch = torch.from_numpy(np.ascontiguousarray(pixels)).to(self.device)
            # (n, h, w, 3) seen as (n, 3, h, w) is channels_last already; nothing is copied.
            inputs = self.normalise(batch.permute(0, 3, 1, 2))
            features: torch.Tensor = self.network(inputs)
            return np.asarray(features.float().cpu().numpy())

    def normalise(self, batch: torch.Tensor) -> torch.Tensor:
        """Bytes (n, 3, h, w) to the backbone's input, in fp32 whatever the backbone uses."""
        import torch

        return torch.addcmul(self.shift, batch.float(), self.scale).to(self.dtype)
