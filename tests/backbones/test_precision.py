"""bf16 only where the processor gains by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from headstart.backbones import precision


@pytest.mark.parametrize(
    ("vendor", "flags", "expected"),
    [
        ("GenuineIntel", "fpu avx512f avx512_bf16 sse", "bf16"),
        ("AuthenticAMD", "fpu avx512f avx512_bf16 avx512_fp16", "bf16"),
        ("GenuineIntel", "fpu amx_bf16 sse", "bf16"),
        ("GenuineIntel", "fpu avx512_bf16 avx512_fp16 amx_bf16", "bf16"),
        ("GenuineIntel", "fpu avx512_bf16 avx512_fp16 sse", "fp32"),  # its AMX is hidden
        ("GenuineIntel", "fpu avx2 avx512f", "fp32"),
    ],
)
def test_auto_reads_the_processors_flags(
    vendor: str, flags: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(f"processor\t: 0\nvendor_id\t: {vendor}\nflags\t\t: {flags}\n\n" * 2)
    monkeypatch.setattr(precision, "CPU_FLAGS", file)
    monkeypatch.setattr("platform.system", lambda: "Linux")
    assert precision.choose_precision("auto", "cpu") == expected


def test_what_is_asked_for_is_taken() -> None:
    assert precision.choose_precision("fp32", "auto") == "fp32"
    assert precision.choose_precision("bf16", "auto") == "bf16"
