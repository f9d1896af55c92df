"""auto takes what was measured on this machine, by its rule; without a measurement it is torch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headstart.backbones.backbone import BackboneInfo
from headstart.backbones.runtimes import choice
from headstart.backbones.runtimes.choice import (
    Rate,
    best_rate,
    check_runtime,
    first_precision,
    fitted,
    forget_rates,
    keep_rates,
    kept_rates,
    settled,
)
from headstart.cache_folder import clear_cache
from headstart.errors import UsageError

Patch = pytest.MonkeyPatch
TORCH, HALF = Rate("torch", "fp32", 38.0, 0.0), Rate("torch", "bf16", 73.0, 0.1)
ONNX, VINO = Rate("onnxruntime", "fp32", 80.0, 1e-6), Rate("openvino", "fp32", 81.0, 1e-6)
VINO_HALF = Rate("openvino", "bf16", 144.0, 0.1)
ALL = (TORCH, HALF, ONNX, VINO, VINO_HALF)


def at(rate: Rate, pictures_per_second: float, gap: float | None = None) -> Rate:
    return replace(
        rate,
        pictures_per_second=pictures_per_second,
        gap=rate.gap if gap is None else gap,
    )


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        (ALL, ONNX),  # OpenVINO is not clearly faster, and fp32 is faster than bf16
        ((TORCH, HALF, ONNX, at(VINO, 89.0)), at(VINO, 89.0)),
        ((TORCH, at(HALF, 103.0), ONNX), ONNX),  # fp32 comes within 1.3
        ((TORCH, at(HALF, 105.0), ONNX), at(HALF, 105.0)),
        ((TORCH, HALF), HALF),
        ((TORCH, at(ONNX, 80.0, gap=2e-5)), TORCH),  # does not agree
        ((at(TORCH, 75.0), ONNX), at(TORCH, 75.0)),
        ((), None),
    ],
)
def test_the_rule(rates: tuple[Rate, ...], expected: Rate | None) -> None:
    assert best_rate(rates, bf16=True) == expected


def test_what_was_asked_for_and_what_the_machine_is_limit_the_choice(monkeypatch: Patch) -> None:
    fast = (TORCH, at(HALF, 500.0), ONNX)
    assert best_rate(fast, bf16=False) == ONNX  # the machine is not one for bf16
    assert best_rate(fast, "fp32", bf16=True) == ONNX
    assert best_rate(ALL, "bf16", bf16=True) == HALF
    monkeypatch.setattr(choice, "is_installed", lambda runtime: runtime == "torch")
    assert best_rate(ALL, bf16=True) == HALF


def test_a_measurement_is_a_setting(tiny_info: BackboneInfo, own_cache: Path) -> None:
    assert kept_rates(tiny_info) == ()
    assert settled(tiny_info, "auto", "auto").runtime == "torch"
    path = keep_rates(tiny_info, ALL)
    chosen = settled(replace(tiny_info, precision="bf16"), "auto", "auto")
    assert (chosen.runtime, chosen.precision) == ("onnxruntime", "fp32")
    assert clear_cache() == 0
    assert kept_rates(tiny_info) == ALL
    assert kept_rates(replace(tiny_info, weights_id="other")) == ()
    path.write_text(path.read_text().replace("80.0", "90.0"))
    assert kept_rates(tiny_info) == ()  # damaged
    keep_rates(tiny_info, ALL)
    assert forget_rates(tiny_info)
    assert not forget_rates(tiny_info)
    assert settled(tiny_info, "auto", "auto").runtime == "torch"


def test_another_machine_measures_itself(
    tiny_info: BackboneInfo, tmp_path: Path, monkeypatch: Patch
) -> None:
    keep_rates(tiny_info, ALL)
    other = tmp_path / "cpuinfo"
    other.write_text("model name\t: another\nflags\t: sse\n")
    monkeypatch.setattr(choice, "CPU_FLAGS", other)
    assert kept_rates(tiny_info) == ()
    monkeypatch.setattr(choice, "CPU_FLAGS", tmp_path / "absent")
    assert kept_rates(tiny_info) == ()


def test_a_runtime_by_its_name(tiny_info: BackboneInfo) -> None:
    keep_rates(tiny_info, ALL)
    assert settled(tiny_info, "torch", "auto").runtime == "torch"
    assert settled(tiny_info, "openvino", "auto").runtime == "openvino"
    assert settled(replace(tiny_info, device="cuda"), "auto", "auto").runtime == "torch"
    assert first_precision("auto", "openvino", "cpu") == "fp32"
    assert first_precision("bf16", "openvino", "cpu") == "bf16"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("onnxruntime", "bf16", "cpu"), "computes in fp32, and --precision is bf16"),
        (("onnxruntime", "auto", "cuda"), "--device is cuda; take --device cpu"),
        (("openvino", "fp32", "mps"), "--device is mps"),
    ],
)
def test_what_a_runtime_cannot_is_refused(asked: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_runtime(*asked)


def test_a_model_is_answered_as_it_was_fitted(tiny_info: BackboneInfo) -> None:
    keep_rates(tiny_info, ALL)
    assert fitted(tiny_info, "auto").runtime == "onnxruntime"
    assert fitted(tiny_info, "openvino").precision == "fp32"
    half = replace(tiny_info, precision="bf16")
    assert (fitted(half, "auto").runtime, fitted(half, "torch").precision) == ("torch", "bf16")
    with pytest.raises(UsageError, match="fitted on features of torch in bf16, which no other"):
        fitted(half, "openvino")
    other = replace(half, runtime="openvino")
    assert "runtime" not in tiny_info.to_json() | replace(tiny_info, runtime="openvino").to_json()
    again = BackboneInfo.from_json(other.to_json())
    assert (fitted(again, "auto").runtime, again.precision) == ("openvino", "bf16")
    with pytest.raises(UsageError, match="of openvino in bf16"):
        fitted(again, "torch")
    with pytest.raises(ValueError, match="runtime is 'mine'"):
        BackboneInfo.from_json({**other.to_json(), "runtime": "mine"})
