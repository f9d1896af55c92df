"""Odd pictures through the terminal program: the answers and features that a user gets."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.drawn_files import quarters

Call = Callable[..., Any]


TURN_BACK = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def test_c01_all_orientations_are_one_picture(
    tmp_path: Path, answers: Call, features: Call
) -> None:
    folder = tmp_path / "turned"
    folder.mkdir()
    for number in range(9):
        exif = Image.Exif()
        exif[0x0112] = number
        turn = TURN_BACK.get(number)
        stored = quarters() if turn is None else quarters().transpose(turn)
        for suffix, options in (
            ("png", {}),
            ("jpg", {"quality": 95, "subsampling": 0}),
            ("webp", {"lossless": True}),
        ):
            stored.save(folder / f"o{number}.{suffix}", exif=exif, **options)
    found = features(folder)
    plain = found["o1.png"]
    for name, values in found.items():
        if not name.endswith(".jpg"):
            assert np.array_equal(values, plain), name
    assert all(np.array_equal(again, found[n]) for n, again in features(folder).items())  # cached
    rows, ended = answers(folder)
    assert ended.code == 0
    assert len(rows) == 27
    assert len({row["predicted"] for row in rows.values()}) == 1


def test_c04_hidden_palette_colours_are_white(tmp_path: Path, features: Call) -> None:
    folder = tmp_path / "palette"
    folder.mkdir()
    image = Image.new("P", (48, 16))
    image.putpalette([255, 0, 255, 255, 0, 0, 0, 0, 255])
    pixels = np.repeat(np.arange(3, dtype=np.uint8), 16)[None].repeat(16, 0)
    image.putdata(pixels.ravel().tolist())
    image.save(folder / "alpha.png", transparency=bytes([0, 255, 128]))
    image.save(folder / "one.gif", transparency=0)
    expected = np.zeros((16, 48, 3), np.uint8)
    expected[:, :16], expected[:, 16:32], expected[:, 32:] = 255, (255, 0, 0), (127, 127, 255)
    Image.fromarray(expected).save(folder / "alpha_seen.png")
    expected[:, 32:] = (0, 0, 255)
    Image.fromarray(expected).save(folder / "one_seen.png")
    found = features(folder)
    assert np.array_equal(found["alpha.png"], found["alpha_seen.png"])
    assert np.array_equal(found["one.gif"], found["one_seen.png"])
    assert not np.array_equal(found["one.gif"], found["alpha.png"])


def test_c05_pairs_that_look_the_same_have_the_same_features(
    tmp_path: Path, answers: Call, features: Call
) -> None:
    folder = tmp_path / "alpha"
    folder.mkdir()
    for name, seed in (("a", 1), ("b", 2)):
        pixels = np.random.default_rng(seed).integers(0, 256, (32, 32, 4), dtype=np.uint8)
        pixels[..., 3] = 0
        pixels[8:24, 8:24] = (30, 160, 60, 255)
        Image.fromarray(pixels).save(folder / f"rgba_{name}.png")
        pixels[8:24, 8:24] = (200, 200, 200, 255)
        Image.fromarray(pixels[..., 2:].copy(), "LA").save(folder / f"la_{name}.png")
    found = features(folder)
    assert np.array_equal(found["rgba_a.png"], found["rgba_b.png"])
    assert np.array_equal(found["la_a.png"], found["la_b.png"])
    rows, _ = answers(folder)
    for pair in (("rgba_a.png", "rgba_b.png"), ("la_a.png", "la_b.png")):
        assert len({tuple(list(rows[name].values())[1:]) for name in pair}) == 1


def test_c06_c17_more_frames_or_pages_are_named(pets: Path, pets_table: Path, run: Call) -> None:
    rng = np.random.default_rng(0)

    def frames(first: tuple[int, int, int]) -> list[Image.Image]:
        colours = (first, (40, 180, 60), (40, 60, 220))
        noisy = [np.clip(np.array(c) + rng.normal(0, 9, (40, 40, 3)), 0, 255) for c in colours]
        return [Image.fromarray(f.astype(np.uint8)) for f in noisy]

    for name in ("anim.gif", "anim.webp", "anim.png", "pages.tif"):
        first, *more = frames((220, 40, 40))
        first.save(pets / name, save_all=True, append_images=more)
        pets_table.write_text(pets_table.read_text() + f"{name},cat\n")
    ended = run("fit", pets_table, "--out", pets / "run", "--folds", "0")
    assert ended.code == 0
    note = next(line for line in ended.err.splitlines() if "more than one frame" in line)
    assert note.startswith("4 files have more than one frame or page, the first is used: ")
    assert "anim.gif (3 frames or pages)" in note
    assert ended.err.count("more than one frame") == 1


def test_c06_c17_the_first_frame_is_answered(tmp_path: Path, answers: Call, paint: Call) -> None:
    paths = []
    for name in ("anim.gif", "anim.webp", "anim.png", "pages.tif"):
        first, second = (Image.new("RGB", (40, 40), c) for c in ((220, 40, 40), (40, 60, 220)))
        first.save(tmp_path / name, save_all=True, append_images=[second])
        paths.append(tmp_path / name)
    rows, ended = answers(*paths)
    assert ended.code == 0
    assert {row["predicted"] for row in rows.values()} == {"red"}


def test_c07_bytes_after_the_end_change_nothing(
    tmp_path: Path, features: Call, paint: Call
) -> None:
    good = paint(tmp_path / "set" / "good.jpg", "green").read_bytes()
    (tmp_path / "set" / "extra.jpg").write_bytes(good + b"\0" * 700)
    found = features(tmp_path / "set")
    assert np.array_equal(found["good.jpg"], found["extra.jpg"])


def test_c12_a_bomb_is_refused_by_its_header(tmp_path: Path, answers: Call, paint: Call) -> None:
    resource = pytest.importorskip("resource")
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(white_png(20000))
    assert bomb.stat().st_size < 100_000
    good = paint(tmp_path / "good.png", "blue")
    answers(good)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows, ended = answers(good, bomb, good)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024  # KiB
    assert ended.code == 1
    assert rows["good.png"]["predicted"] == "blue"
    error = rows["bomb.png"]["error"]
    assert "20000 x 20000 = 400000000 pixels, more than the limit of 200000000" in error
    assert "--max-pixels" in error


def white_png(side: int) -> bytes:
    """A white picture of one bit a pixel, made row by row."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    packer = zlib.compressobj(9)
    row = b"\0" + b"\xff" * ((side + 7) // 8)
    body = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_c14_tiny_pictures_are_one_colour(tmp_path: Path, answers: Call, features: Call) -> None:
    folder = tmp_path / "tiny"
    folder.mkdir()
    for size in ((1, 1), (3, 3), (1, 3), (3, 1), (40, 40)):
        Image.new("RGB", size, (220, 40, 40)).save(folder / f"{size[0]}x{size[1]}.png")
    first, *rest = features(folder).values()
    assert all(np.allclose(first, other, atol=1e-5) for other in rest)
    rows, ended = answers(folder)
    assert ended.code == 0
    assert {row["predicted"] for row in rows.values()} == {"red"}
