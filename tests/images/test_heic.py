from __future__ import annotations

import io
import sys

import numpy as np
import pytest
from PIL import Image

from headstart.errors import ImageError
from headstart.images.decode import decode, decode_picture

FTYP = b"\0\0\0\x1cftyp%s\0\0\0\0mif1heicmiaf"


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1", b"msf1"])
def test_without_the_extra_the_message_names_it(
    brand: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ImageError, match=r'HEIC.*pip install "headstart\[heic\]"'):
        decode(FTYP % brand + b"\0" * 100)


def test_a_video_is_no_heic() -> None:
    with pytest.raises(ImageError, match="not a picture; it looks like a video"):
        decode(b"\0\0\0\x18ftypmp42\0\0\0\0isommp41" + b"\0" * 100)


def halves() -> Image.Image:
    pixels = np.zeros((32, 64, 3), np.uint8)
    pixels[:, :32], pixels[:, 32:] = (220, 40, 40), (40, 60, 220)
    return Image.fromarray(pixels)


def test_with_the_extra_it_is_decoded_upright() -> None:
    heif = pytest.importorskip("pillow_heif")
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    turned = halves().transpose(Image.Transpose.ROTATE_90)
    heif.from_pillow(turned).save(buffer, quality=95, exif=exif.tobytes())
    found = decode_picture(buffer.getvalue())
    assert (found.width, found.height, found.format) == (64, 32, "HEIC")
    assert np.abs(found.rgb[16, [16, 48]].astype(int) - [(220, 40, 40), (40, 60, 220)]).max() <= 12


def test_with_the_extra_the_limit_and_damage_are_told() -> None:
    heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    heif.from_pillow(halves()).save(buffer, quality=95)
    with pytest.raises(ImageError, match="64 x 32 = 2048 pixels, more than the limit of 2000"):
        decode(buffer.getvalue(), max_pixels=2000)
    with pytest.raises(ImageError, match="truncated"):
        decode(buffer.getvalue()[: len(buffer.getvalue()) // 2])
