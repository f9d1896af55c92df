from __future__ import annotations

import pickle

import pytest

from headstart.images.formats import looks_like


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<!DOCTYPE html>\n<html><head>", "an HTML page"),
        (b"\n  <HTML lang=en>", "an HTML page"),
        (b"<?xml version='1.0'?><svg xmlns=''/>", "an SVG drawing"),
        (b"<?xml version='1.0'?><note/>", "XML"),
        (b'{"error": 1}', "JSON"),
        (b"[1, 2]", "JSON"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a git-LFS pointer"),
        (b"%PDF-1.7", "a PDF document"),
        (b"PK\x03\x04rest", "a zip archive"),
        (b"\x1f\x8b\x08", "a gzip archive"),
        (b"8BPS\0\1", "a Photoshop file"),
        (b"\x00\x05\x16\x07\0\2", "an AppleDouble file of macOS"),
        (pickle.dumps([1]), "a Python pickle"),
        (b"\0\0\0\x18ftypmp42", "a video"),
        (b"\0" * 500, "a file of zero bytes only"),
        (b"just words\n", "text"),
        ("Grüße".encode(), "text"),
        ("Grüße".encode("latin-1"), "text"),
        ("words".encode("utf-16"), "text"),
        (b"\x01\x02\x03\xff\xfe\x90", "unknown binary data"),
    ],
)
def test_what_it_looks_like(data: bytes, words: str) -> None:
    assert looks_like(data).startswith(words)


def test_a_letter_cut_by_the_end_of_the_sample() -> None:
    assert looks_like(("x" * 4095 + "ü").encode()) == "text"
