"""Which runtime computes, and in which arithmetic: as asked for, or by what was measured here.

What `headstart runtimes` measured of a backbone on this machine is kept, as a setting: emptying the
cache does not change it, and no other command makes or changes it. So `auto` gives the same numbers
in the first run, in the next, and after the cache was emptied. Without a measurement it is torch.
"""

from __future__ import annotations

import hashlib
import json
import math
import platform
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.backbones.description_cache import write_beside
from headstart.backbones.device import device_kind
from headstart.backbones.precision import CPU_FLAGS, PRECISIONS, choose_precision
from headstart.backbones.runtimes.graph_runtime import is_installed, require_installed
from headstart.cache_folder import cache_folder
from headstart.errors import UsageError
from headstart.outputs import disk

if TYPE_CHECKING:
    from headstart.backbones.backbone import BackboneInfo

RUNTIMES = ("torch", "onnxruntime", "openvino")
AGREEMENT = 1e-5  # of the largest feature: how far another runtime's may be from torch's in fp32
CLEARLY_FASTER = 1.1  # times; below that the runtime that comes first in RUNTIMES is kept
WORTH_BF16 = 1.3  # times as fast as fp32, whose figures are the same on every machine


@dataclass(frozen=True)
class Rate:
    """What one runtime did on this machine in one precision.

    Attributes:
        runtime: one of RUNTIMES.
        precision: "fp32" or "bf16".
        pictures_per_second: of the backbone alone, all cores together.
        gap: largest difference from torch's features in fp32, of the largest feature.
    """

    runtime: str
    precision: str
    pictures_per_second: float
    gap: float

    @property
    def agrees(self) -> bool:
        """Whether the features are torch's in fp32, as far as that is promised."""
        return self.precision == "fp32" and self.gap <= AGREEMENT


def best_rate(rates: Sequence[Rate], precision: str = "auto", *, bf16: bool = False) -> Rate | None:
    """What `auto` takes: torch in bf16 where that pays, else the fastest runtime in fp32.

    Args:
        rates: measured ones; those of runtimes that are not installed do not count.
        precision: the arithmetic that was asked for.
        bf16: whether "auto" may be bf16 here.

    Returns None where nothing that may be taken was measured. Other runtimes are taken in fp32
    only: their bf16 is not torch's, and a model fitted so could be answered by them alone.
    """
    here = [rate for rate in rates if is_installed(rate.runtime)]
    best = None
    for rate in sorted(here, key=lambda rate: RUNTIMES.index(rate.runtime)):
        if rate.agrees and (best is None or _faster(rate, best) > CLEARLY_FASTER):
            best = rate
    half = next((r for r in here if (r.runtime, r.precision) == ("torch", "bf16")), None)
    if precision == "bf16":
        return half
    if precision == "fp32" or half is None or not bf16:
        return best
    return half if best is None or _faster(half, best) > WORTH_BF16 else best


def _faster(one: Rate, other: Rate) -> float:
    return one.pictures_per_second / other.pictures_per_second


def check_runtime(runtime: str, precision: str, device: str) -> None:
    """Raise UsageError for a runtime that cannot compute so, MissingExtraError without it."""
    if runtime in ("auto", "torch"):
        return
    if device_kind(device) != "cpu":
        raise UsageError(
            f"--runtime is {runtime}, which computes on a processor, and --device is {device}; "
            "take --device cpu, or --runtime torch"
        )
    if runtime == "onnxruntime" and precision == "bf16":
        raise UsageError(
            "--runtime onnxruntime computes in fp32, and --precision is bf16; take --runtime torch "
            "or openvino, or leave --precision out"
        )
    require_installed(runtime)


def first_precision(precision: str, runtime: str, device: str) -> str:
    """ "fp32" or "bf16", before it is known what was measured.

    A runtime that is asked for by name computes in fp32 unless bf16 is asked for, too.
    """
    if precision == "auto" and runtime in ("onnxruntime", "openvino"):
        return "fp32"
    return choose_precision(precision, device)


def settled(info: BackboneInfo, runtime: str, precision: str) -> BackboneInfo:
    """A backbone with the runtime and the arithmetic that compute it here.

    Args:
        info: with its device, and with `first_precision`.
        runtime: as asked for; `check_runtime` has passed it.
        precision: as asked for.
    """
    if runtime != "auto":
        return replace(info, runtime=runtime)
    best = None
    if device_kind(info.device) == "cpu":
        rates = kept_rates(info)
        best = best_rate(rates, precision, bf16=info.precision == "bf16") if rates else None
    if best is None:
        return replace(info, runtime="torch")
    return replace(info, runtime=best.runtime, precision=best.precision)


def fitted(info: BackboneInfo, runtime: str) -> BackboneInfo:
    """A saved model's backbone with the runtime that computes it here, in the model's arithmetic.

    In fp32 all runtimes agree, and any will do; features in bf16 are those of one runtime alone.
    Raises UsageError for another one than that, and what `check_runtime` raises.
    """
    if info.precision == "fp32":
        check_runtime(runtime, "fp32", info.device)
        return settled(info, runtime, "fp32")
    if runtime not in ("auto", info.runtime):
        raise UsageError(
            f"--runtime is {runtime}, and the model was fitted on features of {info.runtime} in "
            f"{info.precision}, which no other gives; leave --runtime out"
        )
    check_runtime(info.runtime, info.precision, info.device)
    return info


def kept_rates(info: BackboneInfo) -> tuple[Rate, ...]:
    """What was measured of this backbone on this machine; nothing where it is absent or damaged."""
    path = _path(info)
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
        rates = tuple(Rate(**values) for values in entry["rates"])
        is_whole = entry["checksum"] == _checksum(path, rates)
    except (OSError, ValueError, LookupError, TypeError):
        return ()
    return rates if is_whole and all(map(_is_rate, rates)) else ()


def keep_rates(info: BackboneInfo, rates: Sequence[Rate]) -> Path:
    """Keep what was measured until it is measured again. Raises UsageError where it cannot be."""
    path = _path(info)
    about = {"backbone": info.name, "layer": info.layer, "size": info.preprocessing.size}
    entry = {**about, "rates": [asdict(rate) for rate in rates], "checksum": _checksum(path, rates)}
    write_beside(path, json.dumps(entry, indent=1).encode())
    if kept_rates(info) != tuple(rates):
        raise UsageError(f"{path} cannot be kept; is the folder writable?")
    return path


def forget_rates(info: BackboneInfo) -> bool:
    """Let `auto` be as if nothing had been measured; returns whether something was."""
    known = bool(kept_rates(info))
    with suppress(FileNotFoundError):
        disk.remove(_path(info))
    return known


def _is_rate(rate: Rate) -> bool:
    numbers = (rate.pictures_per_second, rate.gap)
    return (
        rate.runtime in RUNTIMES
        and rate.precision in PRECISIONS
        and all(isinstance(number, float) and math.isfinite(number) for number in numbers)
        and rate.pictures_per_second > 0
    )


def _checksum(path: Path, rates: Sequence[Rate]) -> str:
    content = [path.stem, *(asdict(rate) for rate in rates)]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _path(info: BackboneInfo) -> Path:
    parts = [_machine(), info.name, info.layer, info.weights_id, info.preprocessing.size]
    name = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
    return cache_folder() / "runtimes" / f"{name}.json"


def _machine() -> str:
    """Which processor this is: machines that share a folder of the user's are not alike."""
    with suppress(OSError):
        lines = CPU_FLAGS.read_text().splitlines()
        told = ("vendor_id", "model name", "flags", "Features", "CPU part")
        return "\n".join(dict.fromkeys(line for line in lines if line.startswith(told)))
    return f"{platform.machine()} {platform.processor()}"
