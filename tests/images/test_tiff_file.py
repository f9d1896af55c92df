"""C82: whole TIFF files with other bands than a picture has."""

from __future__ import annotations

import struct

import pytest

from headstart.errors import ImageError
from headstart.images.decode import decode

SIDE = 8


def tiff(bands: int, photometric: int, bits: int = 8) -> bytes:
    """A whole TIFF of 8 x 8 pixels, uncompressed, in one strip."""
    data = bytes(range(256)) * (SIDE * SIDE * bands * bits // 8 // 256 + 1)
    data = data[: SIDE * SIDE * bands * bits // 8]
    count = 9
    behind = 8 + len(data) + 2 + 12 * count + 4
    entries = (
        *((256, SIDE), (257, SIDE), (258, behind if bands > 2 else bits), (259, 1)),
        *((262, photometric), (273, 8), (277, bands), (278, SIDE), (279, len(data))),
    )
    written = struct.pack("<2sHI", b"II", 42, 8 + len(data)) + data + struct.pack("<H", count)
    for tag, value in entries:
        many = bands if tag == 258 else 1
        written += struct.pack("<HHII", tag, 4 if tag in (273, 279) else 3, many, value)
    return written + bytes(4) + struct.pack(f"<{bands}H", *[bits] * bands)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(
    ("bands", "photometric", "marked"),
    [(5, 1, "grey"), (5, 2, "RGB"), (7, 2, "RGB"), (3, 1, "grey")],
)
def test_c82_other_bands_are_named(
    bands: int, photometric: int, marked: str, bits: int, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ImageError) as caught:
        decode(tiff(bands, photometric, bits))
    assert str(caught.value) == (
        f"a TIFF of {bands} bands of {bits} bits, marked as {marked}; what is taken is 1 band "
        "(grey, palette), 3 bands (RGB) or 4 (RGB with transparency, CMYK); save the bands to look "
        "at as one of these"
    )
    assert capfd.readouterr().err == ""


def test_usual_bands_are_read() -> None:
    for bands, photometric in ((1, 1), (3, 2), (4, 2), (4, 5)):
        assert decode(tiff(bands, photometric)).shape == (SIDE, SIDE, 3)


def test_a_cut_header_is_damage() -> None:
    with pytest.raises(ImageError, match=r"damaged|truncated"):
        decode(tiff(5, 1)[:-80])
