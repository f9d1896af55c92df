"""Addresses: fsspec's memory, and a web server on this machine."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.web_server import WebServer, web_server

from headstart.errors import ImageError, MissingExtraError, UsageError
from headstart.images import address
from headstart.images.address import Url, is_url, location
from headstart.images.source import RemoteFile


@pytest.fixture
def web() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


def test_what_is_an_address() -> None:
    for text in ("s3://b/a.jpg", "GS://b", "https://h/a?b=c", "memory://a"):
        assert is_url(text)
        assert location(text) == Url(text)
    for text in ("a.jpg", "/a//b.jpg", "C:/a.jpg", "C:\\a.jpg", "c://a.jpg", "", "://x"):
        assert not is_url(text)
        assert location(text) == Path(text)
    assert location(Url("s3://a")) == Url("s3://a")
    assert location(b"a.jpg") == Path("a.jpg")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    ["file:///etc/passwd", "FILE://x", "local://x", "simplecache::s3://b/a", "zip://a::file:///b"],
)
def test_files_of_this_machine_are_no_addresses(text: str) -> None:
    with pytest.raises(UsageError, match="give the path itself, without"):
        location(text)


def test_parts_of_an_address() -> None:
    url = Url("https://h/set/my%20labels.csv?token=a/b#x")
    assert (url.name, url.suffix) == ("my labels.csv", ".csv")
    assert url.parent == Url("https://h/set")
    assert url.parent / "sub/a b #1.jpg" == Url("https://h/set/sub/a%20b%20%231.jpg")
    assert Url("s3://b/set") / "a b #1.jpg" == Url("s3://b/set/a b #1.jpg")
    assert Url("memory://labels.csv").parent == Url("memory://labels.csv")
    assert (Url("s3://b/set #1/a.jpg").name, Url("memory://a.jpg").name) == ("a.jpg", "a.jpg")
    assert Url("s3://b/set #1/a.jpg").parent == Url("s3://b/set #1")
    assert not url.is_dir()


def test_memory(memory: Any) -> None:
    memory.pipe_file("/set/a.png", b"content")
    assert RemoteFile(Url("memory://set/a.png")).read() == b"content"
    assert RemoteFile(Url("memory://set/a.png")).name == "memory://set/a.png"
    # It tells when a file was made, not whether it has changed since.
    assert RemoteFile(Url("memory://set/a.png")).stamp() is None
    for lost in ("memory://set/b.png", "memory://set"):
        with pytest.raises(ImageError, match=r"^not found$"):
            Url(lost).read()


def test_an_unknown_protocol_is_bad_data() -> None:
    url = Url("nonsense://a.png")
    assert url.stamp() is None
    with pytest.raises(ImageError, match=r"no address that can be opened: .*nonsense"):
        url.read()


@pytest.mark.parametrize("missing", ["fsspec.core", "s3fs", "aiohttp"])
def test_a_missing_package_is_named_with_the_command(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    if missing == "aiohttp":
        monkeypatch.delitem(sys.modules, "fsspec.implementations.http", raising=False)
        for protocol in ("http", "https"):
            registry = importlib.import_module("fsspec.registry")._registry
            monkeypatch.delitem(registry, protocol, raising=False)
    url = Url("https://127.0.0.1/a.png" if missing == "aiohttp" else "s3://bucket/a.png")
    for ask in (url.read, url.stamp):
        with pytest.raises(MissingExtraError, match=r'pip install "headstart\[remote\]"') as caught:
            ask()
        assert str(caught.value).startswith(f"{url} needs a package that is not installed")


def test_a_web_address_with_a_version_has_a_stamp(web: WebServer) -> None:
    url = Url(f"{web.address}/a.png")
    web.files["/a.png"] = b"one"
    assert url.read() == b"one"
    first = url.stamp()
    assert first is not None
    assert (first.place, first.size) == (url.text, 3)
    assert url.stamp() == first
    web.files["/a.png"] = b"two"
    second = url.stamp()
    assert second is not None
    assert second != first
    assert web.count("GET") == 1


@pytest.mark.parametrize("tags", ["", "weak"])
def test_a_web_address_without_a_version_has_none(tags: str, web: WebServer) -> None:
    web.files["/a.png"], web.tags = b"one", tags
    assert Url(f"{web.address}/a.png").stamp() is None


def test_a_web_address_without_a_length(web: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    web.files["/a.png"], web.sized = b"12345" * 100_000, False
    url = Url(f"{web.address}/a.png")
    assert url.read() == web.files["/a.png"]
    assert url.stamp() is None
    monkeypatch.setattr(address, "MOST_BYTES", 400_000)
    with pytest.raises(ImageError, match="more than the limit of 400,000 for one file"):
        url.read()


def test_the_limit_is_read_from_the_length(web: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    web.files["/a.png"] = b"12345"
    monkeypatch.setattr(address, "MOST_BYTES", 4)
    with pytest.raises(ImageError, match="has 5 bytes, more than the limit of 4 for one file"):
        Url(f"{web.address}/a.png").read()
    assert web.count("GET") == 0


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (404, "^not found$"),
        (410, "^not found$"),
        (403, "^no permission to read it$"),
        (401, "^no permission to read it$"),
        (500, "^cannot be read: 500"),
    ],
)
def test_what_a_server_answers(status: int, cause: str, web: WebServer) -> None:
    web.files["/a.png"], web.statuses["/a.png"] = b"one", status
    with pytest.raises(ImageError, match=cause):
        Url(f"{web.address}/a.png").read()


def test_nobody_at_the_address(web: WebServer) -> None:
    with web_server() as closed:
        url = Url(f"{closed.address}/a.png")
    with pytest.raises(ImageError, match=r"^cannot be read: Cannot connect to host"):
        url.read()
    assert url.stamp() is None


def test_a_server_that_says_nothing_ends_the_wait(
    web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.files["/a.png"] = b"one"
    monkeypatch.setattr(address, "SECONDS", 0.2)
    hang = threading.Event()
    monkeypatch.setattr("tests.web_server.time.sleep", lambda seconds: hang.wait(20))
    with pytest.raises(ImageError, match=r"^cannot be read: no answer in 0.2 seconds$"):
        Url(f"{web.address}/a.png").read()
    hang.set()
