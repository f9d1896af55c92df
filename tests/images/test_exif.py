from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from tests.drawn_files import BLUE, GREEN, RED, YELLOW, orientation, quarters, saved, smooth

from headstart.arrays import ByteImage
from headstart.images.decode import decode, decode_picture

T = Image.Transpose


STORED = {  # how an upright picture lies in a file with each orientation
    1: None,
    2: T.FLIP_LEFT_RIGHT,
    3: T.ROTATE_180,
    4: T.FLIP_TOP_BOTTOM,
    5: T.TRANSPOSE,
    6: T.ROTATE_90,
    7: T.TRANSVERSE,
    8: T.ROTATE_270,
}


def assert_quarters(rgb: ByteImage, tolerance: int) -> None:
    assert rgb.shape == (32, 64, 3)
    got = [rgb[8, 16], rgb[8, 48], rgb[24, 16], rgb[24, 48]]
    assert np.abs(np.array(got, int) - [RED, GREEN, BLUE, YELLOW]).max() <= tolerance


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_orientation_is_applied(kind: str, turn: int) -> None:
    step = STORED[turn]
    stored = quarters() if step is None else quarters().transpose(step)
    options = {"lossless": True} if kind == "WEBP" else {}
    found = decode_picture(saved(stored, kind, exif=orientation(turn), **options))
    assert_quarters(found.rgb, 16)
    assert (found.width, found.height) == (64, 32)
    assert found.format == kind


def test_an_invalid_orientation_counts_as_one() -> None:
    for value in (0, 9, 77):
        assert_quarters(decode(saved(quarters(), "JPEG", exif=orientation(value))), 14)


def test_an_orientation_in_xmp_alone_does_not_count() -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6"/></x:xmpmeta>'
    for kind in ("JPEG", "WEBP", "TIFF"):
        assert_quarters(decode(saved(quarters(), kind, xmp=xmp)), 60)


def test_damaged_exif_does_not_matter() -> None:
    assert_quarters(decode(saved(quarters(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")), 14)
    cut = orientation(6).tobytes()[:-6]
    decode(saved(quarters(), "JPEG", exif=cut))


def test_exif_fields_by_their_names() -> None:
    exif = orientation(1)
    exif[271], exif[272], exif[305] = "Maker", "Camera 1\0", "Editor"
    exif[306] = "2024:01:02 03:04:05"
    exif.get_ifd(0x8769)[36867] = "2023:12:31 23:59:59"
    exif.get_ifd(0x8825)[1] = "N"
    assert decode_picture(saved(quarters(), "JPEG", exif=exif)).exif == {
        "Make": "Maker",
        "Model": "Camera 1",
        "Software": "Editor",
        "DateTime": "2024:01:02 03:04:05",
        "DateTimeOriginal": "2023:12:31 23:59:59",
        "Orientation": "1",
        "GPS": "yes",
    }


def test_the_quality_of_a_jpeg() -> None:
    for quality in (30, 50, 75, 90, 95):
        assert decode_picture(saved(smooth(), "JPEG", quality=quality)).jpeg_quality == quality
    assert decode_picture(saved(smooth(), "PNG")).jpeg_quality is None
