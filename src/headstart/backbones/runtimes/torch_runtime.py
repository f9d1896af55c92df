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
from headstart.backbones.runtimes.bf16_activations import quicken_activations
from headstart.backbones.runtimes.last_map import last_map
from headstart.thread_counts import one_torch_thread, set_own_torch_threads

if TYPE_CHECKING:
    from headstart.backbones.backbone import BackboneInfo

# Inputs at once. On a core the maps between layers should stay near it: Lite0 in fp32 computed 132
# pictures a second by fours and 93 by sixteens (benchmarks/backbone.py), and no other
# backbone gained by more.
CORE_BATCH = {"fp32": 4, "bf16": 8}
# On an accelerator from one to the other, as many as half of its free memory holds.
ACCELERATOR_BATCH = (64, 512)
TRIED = 8  # inputs whose memory is measured there, before the first of the user's

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
        self.usual_batch = CORE_BATCH[info.precision] if on_processor else ACCELERATOR_BATCH[0]
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
        if on_processor and info.precision == "bf16":
            quicken_activations(self._network)
        shape = (1, 3, 1, 1)
        mean = torch.tensor(info.preprocessing.mean, device=device).reshape(shape)
        std = torch.tensor(info.preprocessing.std, device=device).reshape(shape)
        self._shift, self._scale = -mean / std, 1.0 / (255.0 * std)
        if device.startswith("cuda"):
            self.usual_batch = self._batch_that_fits(info.preprocessing.size)

    def _batch_that_fits(self, side: int) -> int:
        """Inputs of so many pixels a side that half of the free memory of a CUDA device holds."""
        cuda = torch.cuda
        before = cuda.memory_allocated(self._device)
        cuda.reset_peak_memory_stats(self._device)
        self.embed(np.zeros((TRIED, side, side, 3), dtype=np.uint8))
        each = (cuda.max_memory_allocated(self._device) - before) / TRIED
        fewest, most = ACCELERATOR_BATCH
        room = cuda.mem_get_info(self._device)[0] / 2 / max(each, 1.0)
        return next((many for many in (most, most // 2, most // 4) if many <= room), fewest)

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
        count, most = len(pixels), self._most
        if count > most:
            found = [self._compute(function, pixels[i : i + most]) for i in range(0, count, most)]
            return np.concatenate(found)
        if count == 1:
            # The processor's kernels sum a lone picture in another order than those of a batch;
            # with a companion its features are the same to the bit as among many.
            pixels = np.concatenate([pixels, pixels])
        try:
            batch = self._on_device(pixels)
            # One core even for a lone caller: torch takes other kernels for several, which round
            # otherwise.
            with one_torch_thread(), self._turn, torch.inference_mode():
                # (n, h, w, 3) seen as (n, 3, h, w) is channels_last already; nothing is copied.
                results = function(self._normalise(batch.permute(0, 3, 1, 2)))
                return np.asarray(results.float().cpu().numpy())[:count]
        except torch.OutOfMemoryError as error:  # an accelerator's
            if count < 2:
                raise MemoryError(str(error)) from error
        except RuntimeError as error:
            if not any(words in str(error) for words in NO_MEMORY):
                raise
            raise MemoryError(str(error)) from error
        # Fewer from now on, here and for those who ask for the usual number.
        self._most = min(self._most, (count + 1) // 2)
        self.usual_batch = min(self.usual_batch, self._most)
        return self._compute(function, pixels)

    def _on_device(self, pixels: ByteImage) -> Tensor:
        """Pictures where the network is. To a CUDA device they are copied while it computes."""
        batch = torch.from_numpy(np.ascontiguousarray(pixels))
        if self._device.startswith("cuda"):
            return batch.pin_memory().to(self._device, non_blocking=True)
        return batch.to(self._device)

    def _normalise(self, batch: Tensor) -> Tensor:
        """Bytes (n, 3, h, w) to the network's input, in fp32 whatever the network uses."""
        return torch.addcmul(self._shift, batch.float(), self._scale).to(self._dtype)

    def _last_map(self, inputs: Tensor) -> Tensor:
        """timm's `forward_features`, where that is a map and not a row of tokens."""
        features = getattr(self._network, "forward_features", None)
        return last_map(self._network, None if features is None else features(inputs), self._name)
