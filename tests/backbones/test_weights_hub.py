"""Weights by download, from a server of our own on this machine."""

from __future__ import annotations

import hashlib
import io
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import huggingface_hub as hub
import pytest
import timm
import torch
from safetensors.torch import save

from headstart.backbones.opening import open_backbone
from headstart.backbones.weights.hub import check_blob, download
from headstart.errors import WeightsError
from headstart.options import BackboneOptions

if TYPE_CHECKING:
    from tests.backbones.conftest import Server

OPTIONS = BackboneOptions(backbone="test_resnet", precision="fp32")
PATH = "/timm/test_resnet.r160_in1k/resolve/main/"


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    """Made-up weights of the whole network."""
    torch.manual_seed(3)
    made: dict[str, torch.Tensor] = timm.create_model("test_resnet", pretrained=False).state_dict()
    return made


def kept(cache: Path) -> list[Path]:
    """Blobs and snapshots in the hub's cache, also half ones and links that lead nowhere."""
    found = [path for path in cache.rglob("*") if path.is_symlink() or path.is_file()]
    return [path for path in found if {"blobs", "snapshots"} & set(path.parts)]


def open_it() -> dict[str, torch.Tensor]:
    tensors = open_backbone(OPTIONS, device="cpu").tensors()
    return {name: torch.from_numpy(array) for name, array in tensors.items()}


def assert_served(tensors: dict[str, torch.Tensor], state: dict[str, torch.Tensor]) -> None:
    assert set(state) - set(tensors) == {"fc.weight", "fc.bias"}
    assert all(torch.equal(tensor, state[name]) for name, tensor in tensors.items())


def test_weights_come_from_the_hub_once(
    server: Server, own_cache: Path, state: dict[str, torch.Tensor]
) -> None:
    server.files[PATH + "model.safetensors"] = save(state)
    assert_served(open_it(), state)
    asked = list(server.asked)
    assert f"GET {PATH}model.safetensors" in asked
    assert_served(open_it(), state)
    shutil.rmtree(own_cache)  # what this program keeps; the hub's client has a cache of its own
    assert_served(open_it(), state)
    assert server.asked == asked


def test_torch_file_where_there_is_no_safetensors(
    server: Server, state: dict[str, torch.Tensor]
) -> None:
    file = io.BytesIO()
    torch.save(state, file)
    server.files[PATH + "pytorch_model.bin"] = file.getvalue()
    assert_served(open_it(), state)


def test_wrong_hash_is_refused_and_not_left_behind(
    server: Server, hub_cache: Path, state: dict[str, torch.Tensor]
) -> None:
    path = PATH + "model.safetensors"
    server.files[path] = save({name: tensor + 1 for name, tensor in state.items()})
    server.announced[path] = right = save(state)
    with pytest.raises(WeightsError, match=r"not what the model hub announced.*try again"):
        open_it()
    assert kept(hub_cache) == []
    server.files[path] = right
    assert_served(open_it(), state)


@pytest.mark.parametrize("how", ["closed", "reset"])
def test_interrupted_download_is_not_left_behind(
    how: str, server: Server, hub_cache: Path, state: dict[str, torch.Tensor]
) -> None:
    server.files[PATH + "model.safetensors"] = save(state)
    server.broken = how
    with pytest.raises(WeightsError, match=r"test_resnet\.r160_in1k cannot be downloaded: \S+"):
        open_it()
    assert kept(hub_cache) == []
    server.broken = ""
    assert_served(open_it(), state)


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ((404, "EntryNotFound"), "on the model hub has no model.safetensors or pytorch_model.bin"),
        ((404, ""), "no such file for you (404 Not Found)"),
        ((401, "RepoNotFound"), "no such file for you (401 Unauthorized)"),
        ((400, ""), "the server answered 400; try again later"),
    ],
)
def test_what_the_hub_has_not(missing: tuple[int, str], words: str, server: Server) -> None:
    server.missing = missing
    with pytest.raises(WeightsError) as caught:
        open_it()
    text = str(caught.value)
    assert text.startswith("the weights of 'test_resnet' are not on this machine: timm/test_resnet")
    assert words in text
    assert "Give a file with --weights" in text


@pytest.mark.parametrize("address", ["https://nowhere.invalid", "http://127.0.0.1:1"])
def test_no_network_fails_at_once(address: str, use_endpoint: Callable[[str], None]) -> None:
    use_endpoint(address)
    timm.get_pretrained_cfg("test_resnet")
    began = time.perf_counter()
    with pytest.raises(WeightsError, match=r"no network: \S+ cannot be reached \(\w+"):
        open_it()
    assert time.perf_counter() - began < 2


def test_offline_mode_is_named(
    use_endpoint: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    use_endpoint("http://127.0.0.1:1")
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match="HF_HUB_OFFLINE forbids"):
        open_it()


@pytest.mark.parametrize("content", [b"right", b"wrong"])
def test_file_in_the_hubs_shared_store(content: bytes, tmp_path: Path) -> None:
    """The store's names are digests of another kind, and only the blob's is the sha256."""
    store, blobs, snapshot = (tmp_path / name for name in ("store", "repo/blobs", "repo/snapshot"))
    for folder in (store, blobs, snapshot):
        folder.mkdir(parents=True)
    (store / ("a" * 64)).write_bytes(content)
    blob = blobs / hashlib.sha256(b"right").hexdigest()
    blob.symlink_to(Path("../../store", "a" * 64))
    pointer = snapshot / "model.safetensors"
    pointer.symlink_to(Path("../blobs", blob.name))
    if content == b"right":
        assert check_blob(pointer) == pointer
        assert pointer.read_bytes() == b"right"
    else:
        with pytest.raises(WeightsError, match=r"is damaged .* delete it"):
            check_blob(pointer)  # another program put it there
        assert pointer.read_bytes() == content
        with pytest.raises(WeightsError, match="another sha256"):
            check_blob(pointer, is_new=True)
        left = [path for path in tmp_path.rglob("*") if not path.is_dir() or path.is_symlink()]
        assert left == []


def test_plain_address_with_a_hash_in_the_name(server: Server, tmp_path: Path) -> None:
    content = bytes(range(256)) * 500
    name = f"/net-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    folder = tmp_path / "new" / "downloads"
    server.files[name] = content[:-1] + b"x"
    with pytest.raises(WeightsError, match=r"net-\w{8}\.pth is not what its name promises"):
        download(server.address + name, folder)
    assert list(folder.iterdir()) == []
    server.files[name] = content
    file = download(server.address + name, folder)
    assert file == folder / name[1:]
    assert file.read_bytes() == content
    asked = len(server.asked)
    assert download(server.address + name, folder) == file
    assert len(server.asked) == asked
    sidecar = folder / f"{file.name}.headstart.json"
    assert sorted(folder.iterdir()) == [file, sidecar]


@pytest.mark.parametrize("how", ["closed", "reset"])
def test_interrupted_plain_download(how: str, server: Server, tmp_path: Path) -> None:
    server.files["/net.pth"] = bytes(100_000)
    server.broken = how
    with pytest.raises(WeightsError, match=r"net\.pth cannot be downloaded: "):
        download(server.address + "/net.pth", tmp_path / "d")
    assert list((tmp_path / "d").iterdir()) == []
    server.broken = ""
    assert len(download(server.address + "/net.pth", tmp_path / "d").read_bytes()) == 100_000


def test_plain_address_without_a_file(server: Server, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"net\.pth cannot be .*no such file .*404 Not Found"):
        download(server.address + "/net.pth", tmp_path / "d")


def test_plain_address_without_a_server(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"^net\.pth cannot be downloaded: \[Errno \d+\] "):
        download("http://127.0.0.1:1/net.pth", tmp_path / "d")
