"""TIFF files by Pillow's plugin, with our own limit and words for bands that make no picture."""

from __future__ import annotations

from PIL import Image, TiffImagePlugin

from headstart.errors import ImageError
from headstart.wording import plural

PHOTOMETRIC, BITS, BANDS = 262, 258, 277  # tags of TIFF 6.0
COLOURS = {0: "grey", 1: "grey", 2: "RGB", 3: "a palette", 5: "CMYK", 6: "YCbCr", 8: "Lab"}
NO_MODE = ("unknown pixel mode", "unknown data organization")  # Pillow's words
TAKEN = "1 band (grey, palette), 3 bands (RGB) or 4 (RGB with transparency, CMYK)"


class TiffFile(TiffImagePlugin.TiffImageFile):
    """Without the limit that Pillow has for a TIFF alone: ours was checked in the header."""

    def load_prepare(self) -> None:
        """Make room for the pixels."""
        if self._im is None:
            self.im = Image.new(self.mode, self._tile_size, None).im
        super().load_prepare()

    def _setup(self) -> None:
        """Read the tags. Raises ImageError for a whole file with other bands than a picture has."""
        bands = self.tag_v2.get(BANDS, 1)
        if bands > TiffImagePlugin.MAX_SAMPLESPERPIXEL:
            raise ImageError(self._other_bands(bands))
        try:
            super()._setup()  # type: ignore[no-untyped-call, unused-ignore]
        except SyntaxError as error:
            is_whole = {PHOTOMETRIC, BITS, BANDS} <= set(self.tag_v2)
            if str(error) in NO_MODE and is_whole:
                raise ImageError(self._other_bands(bands)) from error
            raise

    def _other_bands(self, bands: int) -> str:
        bits = self.tag_v2.get(BITS, (1,))[0]
        colour = COLOURS.get(self.tag_v2.get(PHOTOMETRIC, 0), "unknown colours")
        return (
            f"a TIFF of {plural(bands, 'band')} of {bits} bits, marked as {colour}; what is taken "
            f"is {TAKEN}; save the bands to look at as one of these"
        )
