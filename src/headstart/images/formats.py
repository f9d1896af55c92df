"""File formats by content and by suffix, and in words what a file that is no picture looks like."""

from __future__ import annotations

from pathlib import Path

SNIFFED_BYTES = 4096

CONVERT = "convert it to PNG"

_OTHER_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"version https://git-lfs", "a git-LFS pointer; fetch the files with git lfs pull"),
    (b"%PDF-", "a PDF document"),
    (b"%!PS", "a PostScript drawing"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"8BPS", "a Photoshop file; save it as PNG or JPEG"),
    (b"\x00\x00\x01\x00", "a Windows icon; save it as PNG"),
    (b"\x00\x05\x16\x07", "an AppleDouble file of macOS, not the picture itself"),
    (b"\x00\x00\x00\x01Bud1", "a .DS_Store file of macOS"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document or Thumbs.db"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"PAR1", "a Parquet table"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
    (b"DICM", f"a DICOM file; {CONVERT}"),
    (b"SIMPLE  =", "a FITS file"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
)


_TEXT_CONTROLS = b"\t\n\r\f\x1b"


def looks_like(data: bytes) -> str:
    """Say what the first bytes of a file look like: "an HTML page", "JSON", "text".

    Args:
        data: the file's first `SNIFFED_BYTES` bytes, or all of it.
    """
    head = data[:SNIFFED_BYTES]
    for signature, words in _OTHER_SIGNATURES:
        if head.startswith(signature):
            return words
    if head[128:132] == b"DICM":
        return f"a DICOM file; {CONVERT}"
    if head[4:8] == b"ftyp":
        return "a video or another file of the MP4 family"
    if head[:4] == b"RIFF":
        return "an AVI video or a WAV sound"
    if len(head) > 1 and head[0] == 0x80 and head[1] in range(2, 6):
        return "a Python pickle"
    if not head.strip(b"\x00"):
        return "a file of zero bytes only"
    return _text_kind(head)


def _text_kind(head: bytes) -> str:
    text = _as_text(head)
    if text is None:
        return "unknown binary data"
    start = text.lstrip("\ufeff \t\r\n").lower()
    if start.startswith(("<!doctype html", "<html", "<head", "<body")):
        return "an HTML page"
    if start.startswith("<svg") or (start.startswith("<") and "<svg" in start):
        return "an SVG drawing; save it as PNG"
    if start.startswith("<"):
        return "an HTML page" if "<html" in start else "XML"
    if start.startswith(("{", "[")):
        return "JSON"
    return "text"


def _as_text(head: bytes) -> str | None:
    """The bytes as text when they are text, else None."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return head.decode("utf-16", errors="replace")
    if b"\x00" in head:
        return None
    if any(byte < 32 and byte not in _TEXT_CONTROLS for byte in head):
        return None
    try:
        return head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":  # a letter cut by the sample's end
            return head[: error.start].decode("utf-8")
    return head.decode("latin-1")


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
