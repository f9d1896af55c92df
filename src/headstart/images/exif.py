"""What a picture's header says: how it lies, how it was made."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

_FIELDS = {"Make": 271, "Model": 272, "Software": 305, "DateTime": 306}
_ORIENTATION, _EXIF_IFD, _GPS_IFD, _DATE_TIME_ORIGINAL = 274, 0x8769, 0x8825, 36867


def exif_fields(image: Image.Image) -> tuple[int, dict[str, str]]:
    """Orientation (1 to 8, anything else counts as 1) and a few fields by their EXIF names.

    "GPS" is "yes" when the picture carries a place; the place itself is left where it is. An
    orientation that only XMP gives is no EXIF and does not count. Damaged EXIF is no EXIF.
    """
    _drop_xmp(image)
    try:
        exif = image.getexif()
        if not exif:
            return 1, {}
        found: dict[str, Any] = {name: exif.get(tag) for name, tag in _FIELDS.items()}
        found["DateTimeOriginal"] = exif.get_ifd(_EXIF_IFD).get(_DATE_TIME_ORIGINAL)
        found["Orientation"] = exif.get(_ORIENTATION)
        found["GPS"] = "yes" if exif.get_ifd(_GPS_IFD) else None
    except Exception:  # damaged EXIF makes Pillow raise nearly anything; the pixels are fine
        return 1, {}
    turn = found["Orientation"]
    texts = {name: _text(value) for name, value in found.items()}
    valid = isinstance(turn, int) and 1 <= turn <= 8
    return (turn if valid else 1), {name: text for name, text in texts.items() if text}


def _drop_xmp(image: Image.Image) -> None:
    """Forget XMP, from which Pillow would else take an orientation."""
    image.info.pop("xmp", None)
    image.info.pop("XML:com.adobe.xmp", None)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    return str(value).replace("\x00", " ").strip()


# Luminance table of ITU-T T.81, annex K.1, by rows.
_LUMINANCE = (
    *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
)


@cache
def _tables() -> npt.NDArray[np.int32]:
    """The luminance tables of libjpeg's qualities 1 to 100, (100, 64)."""
    quality = np.arange(1, 101)
    scale = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    tables = (np.array(_LUMINANCE) * scale[:, None] + 50) // 100
    clipped: npt.NDArray[np.int32] = np.clip(tables, 1, 255).astype(np.int32)
    return clipped


def jpeg_quality(image: Image.Image) -> int | None:
    """libjpeg's quality, 1 to 100, whose luminance table is nearest; None for no JPEG."""
    table = getattr(image, "quantization", {}).get(0)
    if table is None or len(table) != 64:
        return None
    distance = np.abs(_tables() - np.array(table, dtype=np.int32)).sum(axis=1)
    return int(distance.argmin()) + 1
