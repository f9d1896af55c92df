"""Weights that are downloaded by the backbone's name, from where timm says they are."""

from __future__ import annotations

import hashlib
import re
import shutil
import socket
from dataclasses import asdict
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, getproxies, urlopen

from headstart.cache_folder import OWN_MARK, SIDECAR
from headstart.errors import WeightsError
from headstart.outputs import disk
from headstart.outputs.manifest import Entry
from headstart.outputs.permission import replacing
from headstart.outputs.text_files import write_json

HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.\w+$")
SHA256 = re.compile(r"[0-9a-f]{64}")
PATIENCE = 3.0  # seconds for the model hub to take the first call
LONGEST_SILENCE = 30.0  # seconds without a byte before a download is given up


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
    if hub.constants.HF_HUB_OFFLINE:
        raise WeightsError("the variable HF_HUB_OFFLINE forbids to ask the model hub")
    _check_network(hub.constants.ENDPOINT)
    for name in names:
        try:
            path = hub.hf_hub_download(repository, name, revision=revision or None)
        except hub.errors.LocalEntryNotFoundError as error:  # its word for no usable answer
            raise _failed(repository, error.__cause__ or error) from error
        except hub.errors.EntryNotFoundError:
            continue
        except Exception as error:  # the errors of the hub's HTTP library, which has changed twice
            raise _failed(repository, error) from error
        return check_blob(Path(path), is_new=True)
    raise WeightsError(f"{repository} on the model hub has no {' or '.join(names)}")


def _failed(what: str, error: BaseException) -> WeightsError:
    """An error that says the cause in a line; the hub's own goes on with general advice."""
    status = getattr(getattr(error, "response", error), "status_code", getattr(error, "code", None))
    said = str(getattr(error, "reason", error)).strip()  # urllib puts the cause into `reason`
    cause = (said.splitlines() or [type(error).__name__])[0]
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
        cause = f"the server has no such file for you ({status} {HTTPStatus(status).phrase})"
    elif status is not None:
        cause = f"the server answered {status}; try again later"
    return WeightsError(f"{what} cannot be downloaded: {cause}")


def _check_network(address: str) -> None:
    """Fail at once where there is no network; the hub's client would try for half a minute."""
    if getproxies().keys() & {"http", "https", "all"}:
        return  # the proxy knows the way
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port or (80 if parts.scheme == "http" else 443)
    try:
        socket.create_connection((host, port), PATIENCE).close()
    except OSError as error:
        cause = error.strerror or error
        raise WeightsError(f"no network: {host} cannot be reached ({cause})") from error


def check_blob(path: Path, *, is_new: bool = False) -> Path:
    """The file, if it is what the hub announced: large files are stored under their sha256.

    Raises WeightsError for one that is not. It is deleted when it was downloaded just now
    (`is_new`); what another program put there is not ours to delete.
    """
    # The link in the snapshot points to blobs/<sha256>, and that may be a link too, to a store
    # that several repositories share; there the name is a digest of another kind.
    blob = path.parent / path.readlink() if path.is_symlink() else path
    if SHA256.fullmatch(blob.name) and sha256_of(blob) != blob.name:
        if not is_new:
            raise WeightsError(
                f"{path} is damaged (its sha256 is not the one in its name); delete it and "
                f"{path.resolve()}, and try again"
            )
        for file in (path.resolve(), blob, path):
            disk.remove(file)
        raise WeightsError(
            f"{path.name} is not what the model hub announced (another sha256); it is deleted, "
            "try again"
        )
    return path


def sha256_of(path: Path) -> str:
    """Digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(url: str, folder: Path) -> Path:
    """The file behind `url`, kept in `folder` under its name; a kept one is taken as it is.

    What comes must have the announced size, and the sha256 in its name ("resnet18-f37072fd.pth")
    where that has one. Raises WeightsError; nothing is left behind then.
    """
    name = Path(urlsplit(url).path).name
    target = folder / name
    if target.exists():
        return target
    promised = HASH_IN_NAME.search(name)
    try:
        with replacing(target) as new:
            _get(url, new)
            digest = sha256_of(new)
            if promised and not digest.startswith(promised[1]):
                raise WeightsError(
                    f"{name} is not what its name promises (another sha256); it is deleted, try "
                    "again"
                )
            # The mark comes first: a file without it would never be known as ours.
            told = {"url": url, "file": asdict(Entry("download", new.stat().st_size, digest))}
            with replacing(target.with_name(name + SIDECAR)) as beside:
                write_json(beside, {**OWN_MARK, **told})
    except (OSError, HTTPException) as error:
        raise _failed(name, error) from error
    return target


def _get(url: str, file: Path) -> None:
    """Write what `url` answers, with a progress bar. Raises OSError, also for too few bytes."""
    from rich.console import Console
    from rich.progress import wrap_file

    request = Request(url, headers={"User-Agent": "headstart"})
    with urlopen(request, timeout=LONGEST_SILENCE) as answer, disk.create(file) as out:
        size = int(answer.headers.get("Content-Length") or 0)
        bar = wrap_file(answer, size, description=file.name, console=Console(stderr=True))
        with bar as source:
            shutil.copyfileobj(source, out)
        if size and out.tell() != size:
            raise OSError(f"only {out.tell():,} of {size:,} bytes came; try again")
