"""Formats, names and profiles of pictures: the content decides."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

Call = Callable[..., Any]


def test_c02_cmyk_is_answered_by_its_true_colour(tmp_path: Path, answers: Call) -> None:
    Image.new("CMYK", (32, 32), (0, 220, 220, 20)).save(tmp_path / "cmyk.jpg", quality=95)
    content = (tmp_path / "cmyk.jpg").read_bytes()
    at = content.index(b"\xff\xee")
    length = int.from_bytes(content[at + 2 : at + 4], "big")
    (tmp_path / "bare.jpg").write_bytes(content[:at] + content[at + 2 + length :])
    rows, ended = answers(tmp_path / "cmyk.jpg", tmp_path / "bare.jpg")
    assert ended.code == 0
    assert rows["cmyk.jpg"]["predicted"] == "red"
    assert rows["bare.jpg"]["predicted"]


def test_c09_content_decides_and_the_mismatch_is_counted_once(
    pets: Path, pets_table: Path, run: Call, answers: Call, paint: Call
) -> None:
    for name, kind in (("a.jpg", "PNG"), ("b.jpg", "WEBP"), ("c.png", "BMP")):
        paint(pets / name, "green", format=kind, seed=len(kind))
        pets_table.write_text(pets_table.read_text() + f"{name},cat\n")
    paint(pets / "bare", "green", format="JPEG")
    ended = run("fit", pets_table, "--out", pets / "run", "--folds", "0")
    assert ended.code == 0
    assert (
        "3 files have another format than their name says: a.jpg is PNG, b.jpg is WEBP, "
        "c.png is BMP"
    ) in ended.err
    rows, ended = answers(pets)
    assert "bare" not in rows
    assert "no picture by name: bare" in ended.err
    assert {rows[name]["predicted"] for name in ("a.jpg", "b.jpg", "c.png")} == {"green"}
    rows, _ = answers(pets / "bare")
    assert rows["bare"]["predicted"] == "green"


def test_c15_profiles_are_ignored_everywhere(tmp_path: Path, features: Call, paint: Call) -> None:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    for name, embedded in (("plain", b""), ("swapped", bytes(profile)), ("broken", b"no" * 99)):
        paint(tmp_path / "set" / f"{name}.png", (200, 100, 50), icc_profile=embedded or None)
    found = features(tmp_path / "set")
    assert np.array_equal(found["plain.png"], found["swapped.png"])
    assert np.array_equal(found["plain.png"], found["broken.png"])


def test_c16_avif_and_heic_by_content(
    tmp_path: Path, answers: Call, paint: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(tmp_path / "photo.avif", "green", size=(64, 32), quality=95)
    heic = b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf" + b"\0" * 100
    (tmp_path / "phone.jpg").write_bytes(heic)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    rows, ended = answers(tmp_path / "photo.avif", tmp_path / "phone.jpg")
    assert ended.code == 1
    assert rows["photo.avif"]["predicted"] == "green"
    assert "HEIC" in rows["phone.jpg"]["error"]
    assert "pillow-heif" in rows["phone.jpg"]["error"]


def test_c16_heic_with_the_extra(tmp_path: Path, answers: Call) -> None:
    heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    heif.from_pillow(Image.new("RGB", (64, 32), (40, 60, 220))).save(buffer, quality=95)
    for name in ("photo.heic", "phone.jpg"):
        (tmp_path / name).write_bytes(buffer.getvalue())
    rows, ended = answers(tmp_path / "photo.heic", tmp_path / "phone.jpg")
    assert ended.code == 0
    assert {row["predicted"] for row in rows.values()} == {"blue"}
