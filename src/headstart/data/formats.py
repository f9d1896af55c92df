"""Picture formats: by content, and by the suffix of a name."""

from __future__ import annotations

from pathlib import Path

SUFFIXES = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png", ".apng"),
    "GIF": (".gif",),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp", ".dib"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
    "AVIF": (".avif",),
    "HEIC": (".heic", ".heif", ".hif"),
    "JPEG2000": (".jp2", ".j2k", ".jpx", ".jpf"),
}
EXTENSIONS = frozenset(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)

_AVIF_BRANDS = (b"avif", b"avis")
_HEIC_BRANDS = (
    *(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"),
    *(b"mif1", b"mif2", b"msf1"),
)
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"BM", "BMP"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG2000"),
)


def format_of(head: bytes) -> str | None:
    """The picture format that the file's first bytes announce, or None for no picture.

    The content decides, never the name. Formats: JPEG, PNG, GIF, WEBP, TIFF, BMP, PPM, AVIF,
    HEIC, JPEG2000.
    """
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace():
        return "PPM"
    if head[4:8] == b"ftyp":
        return _brand(head)
    return None


def _brand(head: bytes) -> str | None:
    """AVIF or HEIC by the brands of the ftyp box: the main one, then the compatible ones."""
    size = int.from_bytes(head[:4], "big")
    brands = [head[8:12]] + [head[i : i + 4] for i in range(16, min(size, len(head)), 4)]
    if any(brand in _AVIF_BRANDS for brand in brands):
        return "AVIF"
    if any(brand in _HEIC_BRANDS for brand in brands):
        return "HEIC"
    return None


def webp_size(head: bytes) -> tuple[int, int] | None:
    """Width and height of a WebP file from its first 30 bytes; None when they do not say.

    Pillow's plugin makes its canvas when it opens the file, so the pixel limit needs the size
    before that.
    """
    kind, body = head[12:16], head[20:30]
    if len(body) < 10:
        return None
    if kind == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if kind == b"VP8 ":
        return (
            int.from_bytes(body[6:8], "little") & 0x3FFF,
            int.from_bytes(body[8:10], "little") & 0x3FFF,
        )
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None


def extension_disagrees(name: str | Path, picture_format: str) -> bool:
    """True when the name has the suffix of another picture format than the content's."""
    suffix = Path(name).suffix.lower()
    return suffix in EXTENSIONS and suffix not in SUFFIXES.get(picture_format, ())


def has_picture_suffix(name: str | Path) -> bool:
    """True when the name ends like a picture's, upper or lower case."""
    return Path(name).suffix.lower() in EXTENSIONS
