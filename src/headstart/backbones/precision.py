"""Which arithmetic and which device a trunk uses."""

from __future__ import annotations

import platform
from pathlib import Path

from headstart.errors import UsageError

CPU_FLAGS = Path("/proc/cpuinfo")
GPU_FILES = ("/dev/nvidia0", "/dev/kfd", "/dev/dxg")


def choose_precision(wanted: str, device: str) -> str:
    """ "fp32" or "bf16": `wanted`, or for "auto" bf16 where the device has it in hardware.

    On a plain Linux processor this reads the processor's flags, so that a run that finds all its
    features in the cache need not load torch.
    """
    if wanted != "auto":
        return wanted
    if device in ("auto", "cpu") and platform.system() == "Linux":
        no_gpu = not any(Path(name).exists() for name in GPU_FILES)
        if (device == "cpu" or no_gpu) and CPU_FLAGS.exists():
            return "bf16" if _processor_has_bf16(CPU_FLAGS.read_text()) else "fp32"
    return _ask_torch(choose_device(device))


def _processor_has_bf16(cpuinfo: str) -> bool:
    for line in cpuinfo.splitlines():
        if line.startswith("flags"):
            flags = set(line.split())
            return bool(flags & {"avx512_bf16", "amx_bf16"})
    return False


def _ask_torch(device: str) -> str:
    import torch

    if device.startswith("cuda"):
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    if device == "mps":
        return "bf16" if torch.backends.mps.is_macos_or_newer(14, 0) else "fp32"
    return "bf16" if torch.cpu._is_avx512_bf16_supported() else "fp32"


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
