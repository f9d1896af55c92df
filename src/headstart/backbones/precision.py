"""Which arithmetic a backbone uses."""

from __future__ import annotations

import platform
import re
from pathlib import Path

from headstart.backbones.device import choose_device, device_kind

PRECISIONS = ("fp32", "bf16")
CPU_FLAGS = Path("/proc/cpuinfo")


def choose_precision(wanted: str, device: str) -> str:
    """ "fp32" or "bf16": `wanted`, or for "auto" bf16 where the device is faster in it.

    On a plain Linux processor this reads the processor's flags, so that a run that finds all its
    features in the cache need not load torch.
    """
    if wanted != "auto":
        return wanted
    on_processor = device_kind(device) == "cpu"
    return "bf16" if (_on_processor() if on_processor else _on_accelerator(device)) else "fp32"


def _on_processor() -> bool:
    if platform.system() == "Linux" and CPU_FLAGS.exists():
        return _faster_in_bf16(CPU_FLAGS.read_text())
    import torch

    return bool(torch.cpu._is_avx512_bf16_supported())


def _faster_in_bf16(cpuinfo: str) -> bool:
    """AMX always; AVX512-BF16 except on Intel's processors that were made to use AMX.

    Those (they have AVX512-FP16) do half as many bf16 products a cycle without AMX, as in some
    virtual machines, as they do in fp32: 167 against 333 GFLOP/s for a matrix product of side 2,048
    on two cores, and ResNet18 and VGG16 are 1.7 times as fast in fp32 (benchmarks/backbone.py).
    """
    lines = dict(re.findall(r"^(\w+)\s*: (.*)$", cpuinfo, re.MULTILINE))
    flags = set(lines.get("flags", "").split())
    made_for_amx = lines.get("vendor_id") == "GenuineIntel" and "avx512_fp16" in flags
    return "amx_bf16" in flags or ("avx512_bf16" in flags and not made_for_amx)


def _on_accelerator(device: str) -> bool:
    import torch

    if choose_device(device).startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.backends.mps.is_macos_or_newer(14, 0))
