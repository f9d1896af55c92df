"""Memory, threads and gradients: what a long run may not keep."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.embedding import embed_files
from tests.kept_lines import KeptLines

from headstart.backbones.opening import open_backbone
from headstart.errors import UsageError
from headstart.features.loading import Loader
from headstart.images.source import local_files
from headstart.model_dir import load_model
from headstart.options import BackboneOptions, EmbedOptions
from headstart.recipes.batches import PictureBatches
from headstart.recipes.pixel_store import PixelStore

Call = Callable[..., Any]
TINY = BackboneOptions(backbone="test_resnet", random_weights=True, image_size=32, precision="fp32")


def test_c53_memory_does_not_grow_with_the_pictures(tmp_path: Path, paint: Call) -> None:
    paths = [paint(tmp_path / "many" / f"{n}.png", seed=n, size=(64, 64)) for n in range(400)]
    backbone = open_backbone(TINY, device="cpu")
    options = EmbedOptions(workers=2, cache=False)
    embed_files(paths[:40], backbone, options)

    def peak(count: int) -> tuple[int, int]:
        gc.collect()
        tracemalloc.start()
        found = embed_files(paths[:count], backbone, options)
        assert found.computed == count
        held, highest = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return held, highest

    _, of_few = peak(100)
    first_held, of_all = peak(400)
    second_held, of_all_again = peak(400)
    decoded = 300 * 64 * 64 * 3  # what 300 more pictures would take if they were kept
    assert of_all - of_few < decoded / 2
    assert of_all_again <= 1.1 * of_all
    assert second_held <= 1.1 * first_held + 50_000


def test_c53_the_cache_grows_by_its_features_only(
    tmp_path: Path, paint: Call, own_cache: Path
) -> None:
    paths = [paint(tmp_path / "some" / f"{n}.png", seed=n, size=(64, 64)) for n in range(60)]
    backbone = open_backbone(TINY, device="cpu")
    assert embed_files(paths, backbone).computed == 60

    def size() -> int:
        files = [*own_cache.rglob("*.sqlite"), *own_cache.rglob("*.sqlite-wal")]
        return sum(file.stat().st_size for file in files)

    after = size()
    assert after < 60 * 64 * 64 * 3 / 4  # far less than the pixels
    assert embed_files(paths, backbone).computed == 0
    assert size() <= 1.1 * after
    paint(paths[7], "blue", seed=999, size=(64, 64))  # a changed file is not served from it
    assert embed_files(paths, backbone).computed == 1
    other = BackboneOptions(
        backbone="test_resnet", random_weights=True, image_size=48, precision="fp32"
    )
    assert embed_files(paths, open_backbone(other, device="cpu")).computed == 60


def test_c54_batches_are_on_the_processor_and_no_thread_stays(tmp_path: Path, paint: Call) -> None:
    paths = [paint(tmp_path / f"{n}.png", seed=n) for n in range(8)]
    backbone = open_backbone(TINY, device="cpu")
    batches = PictureBatches(
        pixels=PixelStore(local_files(paths), backbone.info.preprocessing, memory_limit=10**9),
        targets=np.arange(8) % 2,
        chosen=np.arange(8),
        batch_size=4,
    )
    for inputs, goals in batches.epoch(1):
        assert inputs.device.type == goals.device.type == "cpu"
    assert not torch.cuda.is_available() or not torch.cuda.memory_allocated()
    before, found = torch.get_num_threads(), []
    try:
        for threads, workers in ((1, 1), (2, 1), (2, 2), (4, 1), (4, 4)):
            torch.set_num_threads(threads)
            options = EmbedOptions(workers=workers, cache=False)
            found.append(embed_files(paths, backbone, options).values)
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert all(np.array_equal(values, found[0]) for values in found)
    assert not [t for t in threading.enumerate() if t.name.startswith("embed")]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ZeroDivisionError])
def test_c54_a_stop_in_a_thread_leaves_none_behind(
    stop: type[BaseException], tmp_path: Path, paint: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [paint(tmp_path / f"{n}.png", seed=n) for n in range(40)]
    backbone = open_backbone(TINY, device="cpu")
    plain = Loader.load
    seen: list[Path] = []

    def load(self: Any, read: Any, *rest: Any) -> Any:
        seen.append(read.__self__.path)
        if seen[-1].name == "3.png":
            raise stop
        return plain(self, read, *rest)

    monkeypatch.setattr(Loader, "load", load)
    with pytest.raises(stop):
        embed_files(paths, backbone, EmbedOptions(workers=2, embed_batch=2, cache=False))
    assert len(seen) < 40
    assert not [t for t in threading.enumerate() if t.name.startswith("embed")]


def test_c54_an_error_in_a_thread_names_the_file(
    pets: Path, pets_table: Path, run: Call, tmp_path: Path
) -> None:
    (pets / "dog3.png").write_bytes((pets / "dog3.png").read_bytes()[:300])
    ended = run("embed", pets_table, "--out", tmp_path / "f.npz", "--workers", "3")
    assert ended.code == 1
    assert "labels.csv, line 11: dog3.png: truncated" in ended.err


def test_c55_nothing_keeps_a_gradient(pets: Path, colours: Path) -> None:
    model = load_model(colours, device="cpu")
    kept: list[torch.Tensor] = []
    module = model.backbone.module
    hook = module.register_forward_hook(lambda _, __, output: kept.append(output))
    try:
        model.predict(local_files(sorted(pets.iterdir())), options=EmbedOptions(cache=False))
    finally:
        hook.remove()
    assert kept
    assert not any(output.requires_grad or output.grad_fn for output in kept)
    assert not any(parameter.requires_grad for parameter in module.parameters())


def test_c55_out_of_memory_says_what_to_do(
    pets: Path, colours: Path, run: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    backbone = open_backbone(TINY, device="cpu")

    def full(_: object, inputs: tuple[torch.Tensor, ...]) -> None:
        if len(inputs[0]) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    hook = backbone.module.register_forward_pre_hook(full)
    try:
        with pytest.raises(UsageError) as caught:
            embed_files(sorted(pets.iterdir()), backbone, EmbedOptions(embed_batch=12, cache=False))
    finally:
        hook.remove()
    told = str(caught.value)
    assert "memory" in told
    assert "32" in told  # the picture's size
    assert "--embed-batch" in told


def test_c55_an_accelerator_with_less_memory_gets_fewer_at_once(
    pets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = sorted(pets.iterdir())
    expected = embed_files(names, open_backbone(TINY, device="cpu"), EmbedOptions(cache=False))
    backbone = open_backbone(TINY, device="cpu")
    seen = []

    def full(_: object, inputs: tuple[torch.Tensor, ...]) -> None:
        seen.append(len(inputs[0]))
        if seen[-1] > 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    hook = backbone.module.register_forward_pre_hook(full)
    told = KeptLines()
    try:
        options = EmbedOptions(embed_batch=8, cache=False, workers=1)
        found = embed_files(names, backbone, options, progress=told)
    finally:
        hook.remove()
    assert [many for many in seen if many > 3] == [8, 4]  # and not tried again
    assert told.lines == [
        "not enough memory on cpu for as many pictures at once as usual: 2 at once in place of 4"
    ]
    assert np.abs(found.values - expected.values).max() < 1e-6


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_cuda_device_gives_the_processors_features(pets: Path) -> None:
    names, options = sorted(pets.iterdir()), EmbedOptions(cache=False)
    expected = embed_files(names, open_backbone(TINY, device="cpu"), options)
    backbone = open_backbone(TINY, device="cuda")
    found = embed_files(names, backbone, options)
    assert 64 <= backbone.usual_batch() <= 512
    assert np.abs(found.values - expected.values).max() < 1e-3
