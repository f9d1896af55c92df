"""onnxruntime and OpenVINO give torch's features from a kept graph, whoever asks, in any order."""

from __future__ import annotations

import builtins
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.conftest import SIDE, TinyNetwork, describe_tiny
from tests.embedding import embed_files
from tests.kept_lines import KeptLines

from headstart.backbones.backbone import Backbone, BackboneInfo
from headstart.backbones.runtimes import graph_runtime
from headstart.backbones.runtimes.choice import AGREEMENT
from headstart.backbones.runtimes.graph_runtime import GraphRuntime, require_installed
from headstart.backbones.runtimes.kept_graph import graph_path, kept_graph
from headstart.backbones.runtimes.torch_network import TorchNetwork
from headstart.cache_folder import GRAPH_MARK, cache_files, clear_cache, is_ours
from headstart.errors import MissingExtraError, UsageError
from headstart.features.cache_limit import keep_to_limit, set_cache_limit
from headstart.options import EmbedOptions

GRAPHS = ("onnxruntime", "openvino")


def tiny(runtime: str, precision: str = "fp32", *, mirror: bool = False) -> Backbone:
    info = replace(describe_tiny(), runtime=runtime, precision=precision, mirror=mirror)
    return Backbone(info, TinyNetwork(0))


@pytest.fixture(scope="module")
def graph_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What is kept of the tiny network, made once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(tmp_path_factory.mktemp("cache")))
        info = tiny("onnxruntime").info
        tiny("onnxruntime").embed(drawn(1))
        return graph_path(info).read_bytes()


@pytest.fixture
def kept(graph_file: bytes, own_cache: Path) -> Path:
    """The kept graph in this test's cache folder."""
    path = graph_path(describe_tiny())
    path.parent.mkdir(parents=True)
    path.write_bytes(graph_file)
    return path


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared cache")


@pytest.fixture
def graphs_of_both(shared_cache: Path, monkeypatch: pytest.MonkeyPatch, own_cache: Path) -> None:
    """Both runtimes run one kept graph: the first that is tried exports it."""
    monkeypatch.setenv("HEADSTART_CACHE", str(shared_cache))


def drawn(count: int) -> Any:
    rng = np.random.default_rng(3)
    return rng.integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("runtime", GRAPHS)
def test_features_are_torchs(runtime: str, mirror: bool, kept: Path) -> None:
    pixels = drawn(9)
    expected = tiny("torch", mirror=mirror).embed(pixels)
    found = tiny(runtime, mirror=mirror).embed(pixels)
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() <= AGREEMENT * np.abs(expected).max()
    assert tiny(runtime).embed(pixels[:0]).shape == (0, 8)


@pytest.mark.parametrize("runtime", GRAPHS)
def test_a_real_architecture_agrees(
    runtime: str, pictures: list[Path], graphs_of_both: None
) -> None:
    from headstart.backbones.opening import open_backbone
    from headstart.options import BackboneOptions

    options = BackboneOptions(backbone="test_efficientnet", random_weights=True, image_size=32)
    pixels = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    one = open_backbone(options, device="cpu", runtime=runtime)
    assert (one.info.runtime, one.info.precision) == (runtime, "fp32")
    fp32 = replace(options, precision="fp32")
    expected = open_backbone(fp32, device="cpu", runtime="torch").embed(pixels)
    found = one.embed(pixels)
    assert np.abs(found - expected).max() <= AGREEMENT * np.abs(expected).max()
    assert np.array_equal(found[2:3], one.embed(pixels[2:3]))
    maps = one.feature_map(pixels)
    assert np.abs(maps.mean(axis=(2, 3)) - expected).max() <= AGREEMENT * np.abs(expected).max()
    torchs = open_backbone(fp32, device="cpu", runtime="torch").feature_map(pixels)
    assert np.abs(maps - torchs).max() <= AGREEMENT * np.abs(torchs).max()
    again = open_backbone(options, device="cpu", runtime=runtime)
    assert np.array_equal(again.feature_map(pixels[1:2]), maps[1:2])
    assert isinstance(again.network, TorchNetwork)
    assert not again.network.is_loaded  # the kept graph has the map, too


@pytest.mark.parametrize("runtime", GRAPHS)
def test_channels_of_a_map_come_first_and_tokens_are_none(
    runtime: str, graphs_of_both: None
) -> None:
    from headstart.backbones.opening import open_backbone
    from headstart.options import BackboneOptions

    def opened(name: str, side: int) -> Backbone:
        options = BackboneOptions(backbone=name, random_weights=True, image_size=side)
        return open_backbone(options, device="cpu", runtime=runtime)

    pixels = np.zeros((2, 96, 96, 3), dtype=np.uint8)
    assert opened("test_mambaout", 96).feature_map(pixels).shape == (2, 64, 3, 3)
    with pytest.raises(UsageError, match="test_vit has no map of features"):
        opened("test_vit", 160).feature_map(np.zeros((1, 160, 160, 3), dtype=np.uint8))


@pytest.mark.parametrize("runtime", GRAPHS)
def test_neighbours_order_and_overlapping_calls_change_nothing(runtime: str, kept: Path) -> None:
    one, pixels = tiny(runtime), drawn(12)
    expected = one.embed(pixels)
    assert np.array_equal(one.embed(pixels[::-1]), expected[::-1])
    assert np.array_equal(np.concatenate([one.embed(p[None]) for p in pixels]), expected)
    barrier = threading.Barrier(6)

    def call(number: int) -> bool:
        barrier.wait()
        return all(np.array_equal(one.embed(pixels[number:]), expected[number:]) for _ in range(9))

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(call, range(6)))


@pytest.mark.parametrize("runtime", GRAPHS)
def test_files_are_embedded_alike_by_any_number_of_workers(
    runtime: str, kept: Path, pictures: list[Path]
) -> None:
    found = [
        embed_files(pictures, tiny(runtime), EmbedOptions(workers=w, embed_batch=b, cache=False))
        for w, b in ((1, None), (3, 5))
    ]
    assert np.array_equal(found[0].values, found[1].values)


def test_features_are_kept_by_runtime(
    kept: Path, pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    infos = [tiny(runtime).info for runtime in ("torch", *GRAPHS)]
    infos.append(tiny("openvino", "bf16").info)
    assert len({info.fingerprint for info in infos}) == 4
    assert embed_files(pictures, tiny("onnxruntime")).computed == len(pictures)
    monkeypatch.setattr(GraphRuntime, "__init__", None)  # nothing is started
    assert embed_files(pictures, tiny("onnxruntime")).computed == 0


@pytest.mark.parametrize("runtime", GRAPHS)
def test_threads_and_torchs_state_are_left_as_found(runtime: str, kept: Path) -> None:
    before = torch.get_num_threads(), torch.get_rng_state().tolist(), dict(os.environ)
    one = tiny(runtime)
    one.embed(drawn(3))
    with pytest.raises(UsageError, match="has no map of features"):  # a plain nn.Sequential
        one.feature_map(drawn(3))
    assert before == (torch.get_num_threads(), torch.get_rng_state().tolist(), dict(os.environ))


@pytest.mark.parametrize("runtime", GRAPHS)
def test_copies_compute_alike(runtime: str, kept: Path) -> None:
    one, pixels = tiny(runtime), drawn(3)
    expected = one.embed(pixels)
    for copied in (pickle.loads(pickle.dumps(one)), Backbone(one.info, one.network)):
        assert np.array_equal(copied.embed(pixels), expected)
    assert set(one.tensors()) == set(one.module.state_dict())


def test_the_first_export_is_told_and_no_other(own_cache: Path, pictures: list[Path]) -> None:
    told = []
    for runtime in ("torch", "onnxruntime", "openvino"):
        kept = KeptLines()
        embed_files(pictures, tiny(runtime), EmbedOptions(cache=False), progress=kept)
        told.append(kept.lines)
    assert told == [
        [],
        [
            "making the graph of tiny that onnxruntime runs; it is kept, and takes some seconds "
            "this once"
        ],
        [],
    ]


def test_a_damaged_graph_is_made_again(kept: Path) -> None:
    info: BackboneInfo = tiny("onnxruntime").info
    content = bytearray(kept.read_bytes())
    content[-100] ^= 1
    kept.write_bytes(content)
    assert kept_graph(info) is None
    assert not kept.exists()
    assert tiny("onnxruntime").embed(drawn(1)).shape == (1, 8)
    assert kept.read_bytes().startswith(GRAPH_MARK)
    kept.write_bytes(b"of somebody else")
    assert kept_graph(info) is None
    assert kept.read_bytes() == b"of somebody else"
    assert not is_ours(kept)


def test_a_graph_counts_for_the_limit_and_is_cleared(kept: Path) -> None:
    size = kept.stat().st_size
    assert (kept, size) in [(file.path, file.size) for file in cache_files()]
    set_cache_limit(1)
    assert keep_to_limit() == size
    assert not kept.exists()
    kept.write_bytes(GRAPH_MARK)
    assert clear_cache() == len(GRAPH_MARK)


def test_what_is_not_installed_is_named_with_its_command(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_runtime, "find_spec", lambda _: None)
    for runtime, extra in (("onnxruntime", "onnx"), ("openvino", "openvino")):
        with pytest.raises(
            MissingExtraError, match=rf'{runtime} .*pip install "headstart\[{extra}'
        ):
            require_installed(runtime)
    monkeypatch.setattr(graph_runtime, "find_spec", util.find_spec)
    kept.unlink()
    real = builtins.__import__

    def without(name: str, *more: Any, **named: Any) -> Any:
        if name == "onnxscript":
            raise ModuleNotFoundError("No module named 'onnxscript'", name="onnxscript")
        return real(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r'onnxscript: pip install "headstart\[export\]"'):
        tiny("onnxruntime").embed(drawn(1))


FORKED = """
import multiprocessing, sys
import numpy as np
from headstart.errors import UsageError
from tests.conftest import TinyNetwork, describe_tiny
from tests.backbones.test_graph_runtime import drawn, tiny

def child(opened, queue):
    try:
        queue.put(opened.embed(drawn(3)))
    except UsageError as error:
        queue.put(str(error))

opened = tiny(sys.argv[1])
expected = opened.embed(drawn(3))
context = multiprocessing.get_context("fork")
queue = context.Queue()
for one in (opened, tiny(sys.argv[1])):  # started before the fork, and first used after it
    process = context.Process(target=child, args=(one, queue), daemon=True)
    process.start()
    found = queue.get(timeout=60)
    print(found if isinstance(found, str) else np.array_equal(found, expected))
    process.join(60)
"""


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork"
)
@pytest.mark.parametrize(
    ("runtime", "said"), [("onnxruntime", "True"), ("openvino", "OpenVINO was started before this")]
)
def test_a_forked_process_embeds_or_is_told(runtime: str, said: str, kept: Path) -> None:
    command = [sys.executable, "-c", FORKED, runtime]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    lines = done.stdout.splitlines()
    assert [line[: len(said)] for line in lines] == [said, said], done.stderr
