"""libtiff writes to standard error from C: not while a picture is decoded here, else as before."""

from __future__ import annotations

import io
import threading

import numpy as np
import pytest
from PIL import Image

from headstart.errors import ImageError
from headstart.images.decode import decode, pixels_of
from headstart.images.decoder_messages import quiet_libtiff


@pytest.fixture
def damaged() -> bytes:
    """A TIFF whose strips libtiff complains of."""
    rng = np.random.default_rng(0)
    buffer = io.BytesIO()
    pixels = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "TIFF", compression="tiff_adobe_deflate")
    data = buffer.getvalue()
    return data[:200] + bytes(300) + data[500:]


def written(capfd: pytest.CaptureFixture[str]) -> str:
    return capfd.readouterr().err


def test_a_damaged_tiff_writes_nothing(damaged: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ImageError, match="damaged or truncated TIFF"):
        decode(damaged)
    assert written(capfd) == ""


def test_an_image_that_pillow_opened_writes_nothing(
    damaged: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    found = pytest.raises(ImageError, match="damaged or truncated TIFF")
    with Image.open(io.BytesIO(damaged)) as image, found:
        pixels_of(image)
    assert written(capfd) == ""


def test_other_code_hears_libtiff_as_before(
    damaged: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    def elsewhere() -> None:
        with pytest.raises(OSError), Image.open(io.BytesIO(damaged)) as image:
            image.load()

    elsewhere()
    assert "ZIPDecode" in written(capfd)
    with pytest.raises(ImageError):
        decode(damaged)
    elsewhere()
    assert "ZIPDecode" in written(capfd)


def test_it_is_counted_over_threads(damaged: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    inside, leave = threading.Event(), threading.Event()

    def long_decoding() -> None:
        with quiet_libtiff():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=long_decoding)
    thread.start()
    inside.wait(10)
    with pytest.raises(ImageError):
        decode(damaged)  # which ends while the other goes on
    with Image.open(io.BytesIO(damaged)) as image, pytest.raises(OSError):
        image.load()
    assert written(capfd) == ""
    leave.set()
    thread.join()
    with Image.open(io.BytesIO(damaged)) as image, pytest.raises(OSError):
        image.load()
    assert "ZIPDecode" in written(capfd)
