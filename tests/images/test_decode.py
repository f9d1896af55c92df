from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile
from tests.drawn_files import BLUE, GREEN, RED, YELLOW, orientation, quarters, saved, smooth

from headstart.arrays import ByteImage
from headstart.errors import ImageError
from headstart.images.decode import decode, decode_picture

T = Image.Transpose


def assert_quarters(rgb: ByteImage, tolerance: int) -> None:
    assert rgb.shape == (32, 64, 3)
    got = [rgb[8, 16], rgb[8, 48], rgb[24, 16], rgb[24, 48]]
    assert np.abs(np.array(got, int) - [RED, GREEN, BLUE, YELLOW]).max() <= tolerance


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_frame_counts(kind: str) -> None:
    first, *rest = [Image.new("RGB", (40, 40), c) for c in (RED, GREEN, BLUE)]
    options = {"lossless": True} if kind == "WEBP" else {}
    found = decode_picture(saved(first, kind, save_all=True, append_images=rest, **options))
    assert found.rgb.shape == (40, 40, 3)
    assert np.abs(found.rgb.astype(int) - RED).max() <= 3
    assert found.frames == 3


def test_damage_behind_the_first_frame_harms_nobody() -> None:
    first, *rest = [smooth(40, 40).rotate(angle) for angle in (0, 90, 180)]
    data = saved(first, "GIF", save_all=True, append_images=rest)
    alone = saved(first, "GIF")
    assert (decode(data[: len(data) - 700]) == decode(alone)).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "AVIF"])
def test_half_a_file_is_truncated(kind: str) -> None:
    data = saved(smooth(), kind)
    with pytest.raises(ImageError, match="truncated"):
        decode(data[: len(data) // 2])
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_the_end_of_a_jpeg() -> None:
    data = saved(smooth(), "JPEG")
    with pytest.raises(ImageError, match="truncated"):
        decode(data[:-2])
    longer = decode(data + b"\0" * 1000 + b"appended")
    assert (longer == decode(data)).all()


def test_random_damage_gives_a_picture_or_an_image_error() -> None:
    random = np.random.default_rng(3)
    for kind in ("JPEG", "PNG", "GIF", "WEBP", "BMP"):
        whole = saved(
            smooth(40, 30),
            kind,
            **({"exif": orientation(6)} if kind != "BMP" and kind != "GIF" else {}),
        )
        for _ in range(60):
            data = bytearray(whole)
            for place in random.integers(0, min(len(data), 400), 3):
                data[place] = random.integers(0, 256)
            try:
                decode(bytes(data), max_pixels=10**6)
            except ImageError as error:
                assert str(error)


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "broken.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    for name, cause in {
        "empty.jpg": r"^empty \(0 bytes\)$",
        "missing.jpg": "^not found$",
        "empty.jpg/x.jpg": "^not found$",
        "broken.jpg": "^broken link$",
        "loop.jpg": "^is a link to itself$",
        "": "^is a folder, not a file$",
        "x" * 300: "^not found; the name is too long$",
        "a\0b": "^not found; the name has a NUL character$",
    }.items():
        with pytest.raises(ImageError, match=cause):
            decode(tmp_path / name)
    with pytest.raises(ImageError, match="empty"):
        decode(b"")
    with pytest.raises(ImageError, match="not a regular file"):
        decode(Path("/dev/zero"))


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x")

    def refuse(*args: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ImageError, match="no permission to read it"):
        decode(path)


def test_no_picture_at_all() -> None:
    for data, words in {
        b"<!DOCTYPE html>\n<html></html>": "an HTML page",
        b'{"error": "rate limited"}': "JSON",
        b"version https://git-lfs.github.com/spec/v1\noid": "a git-LFS pointer",
        b"BM is how this text begins": "text",
        b"P5 is how this text begins": "text",
    }.items():
        with pytest.raises(ImageError, match=f"^not a picture; it looks like {words}"):
            decode(data)


def test_a_profile_is_ignored() -> None:
    assert_quarters(decode(saved(quarters(), "JPEG", icc_profile=b"no profile" * 20)), 14)


def test_a_large_jpeg_is_decoded_reduced_but_not_below_twice_the_need() -> None:
    data = saved(smooth(1600, 1200), "JPEG")
    for side, shape in {
        None: (1200, 1600, 3),
        70: (150, 200, 3),  # an eighth: 150 >= 140
        76: (300, 400, 3),  # an eighth would be 150 < 152
        224: (600, 800, 3),
        400: (1200, 1600, 3),
        5000: (1200, 1600, 3),
    }.items():
        found = decode_picture(data, minimum_side=side)
        assert found.rgb.shape == shape
        assert (found.width, found.height) == (1600, 1200)
    small = decode(data, minimum_side=70).astype(int)
    full = np.asarray(Image.fromarray(decode(data)).reduce(8)).astype(int)
    assert np.abs(small - full).mean() < 4


def test_a_reduced_picture_is_turned_too() -> None:
    stored = quarters().resize((640, 320), Image.Resampling.NEAREST).transpose(T.ROTATE_90)
    found = decode_picture(saved(stored, "JPEG", exif=orientation(6)), minimum_side=16)
    assert (found.width, found.height) == (640, 320)
    assert found.rgb.shape == (40, 80, 3)
    assert np.abs(found.rgb[10, 20].astype(int) - RED).max() < 14


@pytest.mark.parametrize(
    ("data", "kind"), [(b"\x89PNG\r\n\x1a\n\0", "PNG"), (b"GIF87a)\0\x1e\0\x86", "GIF")]
)
def test_words_of_a_plugins_inside_are_not_told(data: bytes, kind: str) -> None:
    with pytest.raises(ImageError, match=rf"^damaged or truncated {kind}$"):
        decode(data)
