"""The graph of a network, exported once and kept in the user's cache for the runtimes that run it.

A file begins with our mark and its sha256; what follows is an ONNX file. One that is damaged is
removed, and made again.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.backbones.description_cache import write_beside
from headstart.cache_folder import GRAPH_MARK, GRAPH_SUFFIX, cache_folder
from headstart.errors import MissingExtraError
from headstart.outputs import disk

if TYPE_CHECKING:
    from headstart.backbones.backbone import BackboneInfo
    from headstart.backbones.runtimes.torch_network import TorchNetwork

GRAPH_VERSION = 2  # raise it when a network is exported in another way
MADE_FOR = ("onnxruntime", "openvino")  # runtimes
DIGITS = 64  # of the sha256 after the mark


def graph_path(info: BackboneInfo) -> Path:
    """Where a network's graph is kept: by the function that it computes, and what made it."""
    made_by = {name: version(name) for name in ("torch", "timm")}
    size = info.preprocessing.size
    parts = [info.name, info.layer, info.weights_id, size, GRAPH_VERSION, made_by]
    name = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
    return cache_folder() / "backbones" / f"{name}{GRAPH_SUFFIX}"


def export_in_words(info: BackboneInfo) -> str | None:
    """What takes several seconds before a network's first picture; None where its graph is here."""
    if info.runtime not in MADE_FOR or graph_path(info).exists():
        return None
    return (
        f"making the graph of {info.name} that {info.runtime} runs; it is kept, and takes some "
        "seconds this once"
    )


def kept_graph(info: BackboneInfo) -> bytes | None:
    """The kept ONNX file, or None; it counts as used now."""
    path = graph_path(info)
    try:
        content = path.read_bytes()
    except OSError:
        return None
    start = len(GRAPH_MARK)
    graph = content[start + DIGITS :]
    if content[:start] == GRAPH_MARK and content[start : start + DIGITS] == _checksum(graph):
        with suppress(OSError):
            os.utime(path)
        return graph
    if content[:start] == GRAPH_MARK:
        with suppress(OSError):
            disk.remove(path)
    return None


def graph_of(network: TorchNetwork, info: BackboneInfo) -> bytes:
    """The kept graph of a network, or one that is exported now and kept.

    Raises MissingExtraError where the packages that export are not installed, and UsageError for a
    network that torch cannot export.
    """
    kept = kept_graph(info)
    if kept is not None:
        return kept
    graph = _exported(network, info)
    write_beside(graph_path(info), GRAPH_MARK + _checksum(graph) + graph)
    return graph


def _exported(network: TorchNetwork, info: BackboneInfo) -> bytes:
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            f"--runtime {info.runtime} runs a graph of the backbone, which is made once, and that "
            f'needs {error.name}: pip install "headstart[export]"'
        ) from error
    from headstart.backbones.runtimes.network_graph import network_file

    return network_file(network.module, info.name, info.preprocessing.size)


def _checksum(graph: bytes) -> bytes:
    return hashlib.sha256(graph).hexdigest().encode()
