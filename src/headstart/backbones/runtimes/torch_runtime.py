"""Features by torch: on a processor, or on the accelerators that it knows. Needs torch."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from headstart.arrays import ByteImage, Float32Array
from headstart.backbones.device import choose_device
from headstart.backbones.runtimes.batch_norm_folding import fold_batch_norms
from headstart.backbones.runtimes.last_map import last_map
from headstart.thread_counts import one_torch_thread, set_own_torch_threads

if TYPE_CHECKING:
    from headstart.backbones.backbone import BackboneInfo

# Inputs at once. On a core the maps between layers should stay near it: Lite0 in fp32 computed 132
# pictures a second by fours and 93 by sixteens (benchmarks/backbone.py), and no other
# backbone gained by more.
CORE_BATCH = {"fp32": 4, "bf16": 8}
ACCELERATOR_BATCH = 64

# More inputs than these are computed in parts on a core. Up to 8 the processor's kernels add in one
# order (2 to 8 give equal bits in ten networks, in fp32 and in bf16), for 16 they take others: the
# features of Lite0, MobileNetV3 and DenseNet then differed by 1e-6 of the largest.
CORE_MOST = 8

# How torch's allocators say it on a processor; an accelerator's has an error class of its own.
NO_MEMORY = ("not enough memory", "can't allocate memory", "out of memory")


class TorchRuntime:
    """A network on its device in its precision; a copy, so that the original stays as it is.

    Batch norms are folded into the convolutions before them, and maps lie with channels last.

    Args:
        network: in fp32 on the processor, in eval mode.
        info: what is known of it; its device and precision decide where and in what it computes.
    """

    def __init__(self, network: nn.Module, info: BackboneInfo) -> None:
        device = choose_device(info.device)
        on_processor = device == "cpu"
        self.usual_batch = CORE_BATCH[info.precision] if on_processor else ACCELERATOR_BATCH
        self._most = CORE_MOST if on_processor else sys.maxsize
        self._name = info.name
        self._device = device
        # One thread at a time on an accelerator, while the others decode; the processor's threads
        # have a core each and compute side by side.
        self._turn = nullcontext() if on_processor else threading.Lock()
        self._dtype = torch.bfloat16 if info.precision == "bf16" else torch.float32
        copied = fold_batch_norms(network, info.preprocessing.size)
        copied = copied.to(device=device, dtype=self._dtype)
        self._network = copied.to(memory_format=torch.channels_last)
        shape = (1, 3, 1, 1)
        mean = torch.tensor(info.preprocessing.mean, device=device).reshape(shape)
        std = torch.tensor(info.preprocessing.std, device=device).reshape(shape)
        self._shift, self._scale = -mean / std, 1.0 / (255.0 * std)

    def prepare_thread(self) -> None:
        """One core for the calling thread until it ends."""
        set_own_torch_threads(1)

    def embed(self, pixels: ByteImage) -> Float32Array:
        """Features (n, d) of prepared pictures (n, size, size, 3). Raises MemoryError."""
        return self._compute(self._network, pixels)

    def feature_map(self, pixels: ByteImage) -> Float32Array:
        """The last map before the pooling, (n, c, h, w). Raises UsageError where there is none."""
        return self._compute(self._last_map, pixels)

    def _compute(self, function: Callable[[Tensor], Tensor], pixels: ByteImage) -> Float32Array:
        count = len(pixels)
        if count > self._most:
            parts = range(0, count, self._most)
            found = [self._compute(function, pixels[i : i + self._most]) for i in parts]
            return np.concatenate(found)
        if count == 1:
            # The processor's kernels sum a lone picture in another order than those of a batch;
            # with a companion its features are the same to the bit as among many.
            pixels = np.concatenate([pixels, pixels])
        try:
            # One core even for a lone caller: torch takes other kernels for several, which round
            # otherwise.
            with one_torch_thread(), self._turn, torch.inference_mode():
                batch = torch.from_numpy(np.ascontiguousarray(pixels)).to(self._device)
                # (n, h, w, 3) seen as (n, 3, h, w) is channels_last already; nothing is copied.
                results = function(self._normalise(batch.permute(0, 3, 1, 2)))
                return np.asarray(results.float().cpu().numpy())[:count]
        except torch.OutOfMemoryError as error:
            raise MemoryError(str(error)) from error
        except RuntimeError as error:
            if not any(words in str(error) for words in NO_MEMORY):
                raise
            raise MemoryError(str(error)) from error

    def _normalise(self, batch: Tensor) -> Tensor:
        """Bytes (n, 3, h, w) to the network's input, in fp32 whatever the network uses."""
        return torch.addcmul(self._shift, batch.float(), self._scale).to(self._dtype)

    def _last_map(self, inputs: Tensor) -> Tensor:
        """timm's `forward_features`, where that is a map and not a row of tokens."""
        features = getattr(self._network, "forward_features", None)
        return last_map(self._network, None if features is None else features(inputs), self._name)
