"""Weights that are downloaded by the trunk's name, from where timm says they are."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from headstart.errors import WeightsError

HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.\w+$")


def fetch(name: str, folder: Path) -> Path:
    """The file with the weights of timm's `name`, downloaded with a progress bar when it is new.

    Args:
        name: timm's name, with or without tag.
        folder: where files that are not on the model hub are kept.

    Raises WeightsError when there are none, when there is no network, or when what came is not
    what was announced; nothing is left behind then.
    """
    import timm

    config = timm.get_pretrained_cfg(name)
    if config is None or not (config.hf_hub_id or config.url):
        raise WeightsError(f"timm has no pretrained weights called {name!r}")
    if config.hf_hub_id:
        return _from_hub(str(config.hf_hub_id), config.hf_hub_filename)
    return download(str(config.url), folder)


def _from_hub(repository: str, filename: str | None) -> Path:
    import huggingface_hub as hub

    repository, _, revision = repository.partition("@")
    names = [filename] if filename else ["model.safetensors", "pytorch_model.bin"]
    for name in names:
        here = hub.try_to_load_from_cache(repository, name, revision=revision or None)
        if isinstance(here, str):
            return check_blob(Path(here))
    _check_network(hub.constants.ENDPOINT)
    problem: Exception | None = None
    for name in names:
        try:
            return check_blob(Path(hub.hf_hub_download(repository, name, revision=revision or None)))
        except (OSError, hub.errors.HfHubHTTPError) as error:
            problem = error
    raise WeightsError(f"{repository} cannot be downloaded: {_short(problem)}") from problem


def _short(error: Any) -> str:
    return (str(error).strip().splitlines() or ["no answer"])[0]


def _check_network(address: str) -> None:
    """Fail at once where there is no network; the hub's client would try for half a minute."""
    if os.environ.get("HF_HUB_OFFLINE") or any(
        os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
    ):
        return
    host = urlsplit(address).hostname or ""
    try:
        socket.getaddrinfo(host, 443)
    except OSError as error:
        raise WeightsError("the model hub cannot be reached (no network)") from error


def check_blob(path: Path) -> Path:
    """The file, if it is what the hub announced: large files are stored under their sha256.

    A file that is not is deleted, and WeightsError raised.
    """
    blob = path.resolve()
    if re.fullmatch(r"[0-9a-f]{64}", blob.name) and sha256_of(blob) != blob.name:
        blob.unlink()
        path.unlink(missing_ok=True)
        raise WeightsError(f"{path.name} was damaged on the way (sha256 differs); it is deleted")
    return path


def sha256_of(path: Path) -> str:
    """Digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(url: str, folder: Path) -> Path:
    """The file behind `url`, kept in `folder` under its name.

    A name that carries a hash ("resnet18-f37072fd.pth") is checked by it. Torch's downloader
    writes beside the place first, so that an interrupted download leaves nothing behind.
    """
    import torch

    name = Path(urlsplit(url).path).name
    target = folder / name
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    found = HASH_IN_NAME.search(name)
    try:
        size = _announced_size(url)
        torch.hub.download_url_to_file(url, str(target), hash_prefix=found[1] if found else None)
        if size is not None and target.stat().st_size != size:
            raise OSError(f"{target.stat().st_size} of {size} bytes came")
    except RuntimeError as error:  # torch's word for a wrong hash
        target.unlink(missing_ok=True)
        raise WeightsError(f"{name} is not what its name promises: {_short(error)}") from error
    except OSError as error:
        target.unlink(missing_ok=True)
        raise WeightsError(f"{name} cannot be downloaded: {_short(error)}") from error
    return target


def _announced_size(url: str) -> int | None:
    with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=30) as answer:
        length = answer.headers.get("Content-Length")
    return int(length) if length else None
