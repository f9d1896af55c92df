"""What a file that is no picture looks like, in words for an error message."""

from __future__ import annotations

SNIFFED_BYTES = 4096

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
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
    (b"DICM", "a DICOM file"),
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
    for signature, words in _SIGNATURES:
        if head.startswith(signature):
            return words
    if head[128:132] == b"DICM":
        return "a DICOM file"
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
