"""On which device a backbone computes."""

from __future__ import annotations

import platform
from pathlib import Path

from headstart.errors import UsageError

GPU_FILES = ("/dev/nvidia0", "/dev/kfd", "/dev/dxg")


def device_kind(wanted: str) -> str:
    """ "cpu", "cuda" or "mps": what kind of device `wanted` means on this machine.

    On a Linux machine without a GPU's device file this does not load torch.
    """
    if wanted == "auto":
        no_gpu = not any(Path(name).exists() for name in GPU_FILES)
        wanted = "cpu" if platform.system() == "Linux" and no_gpu else choose_device(wanted)
    return wanted.partition(":")[0]


def choose_device(wanted: str) -> str:
    """The device's name in torch. Raises UsageError for an absent one, naming those here."""
    import torch

    here = ["cpu"]
    if torch.cuda.is_available():
        here += [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        here.append("mps")
    if wanted == "auto":
        return here[1] if len(here) > 1 else "cpu"
    if wanted == "cuda" and "cuda:0" in here:
        return "cuda:0"
    if wanted not in here:
        raise UsageError(f"device {wanted!r} is not on this machine; here are: {', '.join(here)}")
    return wanted
