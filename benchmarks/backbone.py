"""How close `headstart embed` comes to the bare backbone, and how it decodes large photographs.

    python benchmarks/backbone.py [--small 2000] [--large 100] [--backbones NAME,NAME]

Makes pictures of 224 x 224 and of 4000 x 3000 pixels, then prints, all measured in this run: the
machine's matrix rates; for each backbone the bare network's best eager rates in bf16 and in fp32
(channels_last, pictures that lie in memory already), the rate of `headstart embed` with an empty
cache in the precision that it chooses, their ratios and both processes' peak memory; and for the
large pictures the rate against Pillow's plain decoding in one thread, and against the bound: what
libjpeg's decoding at a quarter and the bare network take one after the other, on all cores.
ResNet18 has random weights, since only its speed is of interest.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

BATCHES = (4, 8, 32)
PRECISIONS = ("bf16", "fp32")
SIDE = 224
LARGE = (4000, 3000)


def make_pictures(folder: Path, count: int, size: tuple[int, int]) -> None:
    """Smooth coloured noise, as large on disk as photographs are."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for number in range(count):
        coarse = rng.integers(0, 256, (size[1] // 16, size[0] // 16, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
        label = folder / ("a" if number % 2 else "b")
        label.mkdir(exist_ok=True)
        picture.save(label / f"{number:05d}.jpg", quality=90)


def matrix_rate(precision: str) -> float:
    """GFLOP/s of a matrix product."""
    import torch

    a = torch.randn(2048, 2048).to(torch.bfloat16 if precision == "bf16" else torch.float32)
    torch.mm(a, a)
    began = time.perf_counter()
    for _ in range(10):
        torch.mm(a, a)
    return 10 * 2 * 2048**3 / (time.perf_counter() - began) / 1e9


def bare_rates(name: str, precision: str) -> dict[str, float]:
    """Pictures per second of the bare network, by how the cores share the work."""
    import torch

    from headstart.backbones.opening import open_backbone
    from headstart.options import BackboneOptions

    options = BackboneOptions(backbone=name, random_weights=name == "resnet18")
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    network = open_backbone(options, device="cpu").module
    network = network.to(dtype).to(memory_format=torch.channels_last)
    cores = torch.get_num_threads()
    rates = {}
    for batch in BATCHES:
        shape = (batch, 3, SIDE, SIDE)
        x = torch.randn(shape).to(dtype=dtype, memory_format=torch.channels_last)

        def run(times: int, x: torch.Tensor = x) -> None:
            with torch.inference_mode():
                for _ in range(times):
                    network(x)

        torch.set_num_threads(cores)
        rates[f"batch {batch}, cores together"] = timed(run, batch, 1)
        torch.set_num_threads(1)
        rates[f"batch {batch}, a core each"] = timed(run, batch, cores)
    return rates


def timed(run: Callable[[int], None], batch: int, threads: int) -> float:
    """Pictures per second of `threads` threads, over at least three seconds."""
    run(2)
    times = 4
    while True:
        workers = [threading.Thread(target=run, args=(times,)) for _ in range(threads)]
        began = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        seconds = time.perf_counter() - began
        if seconds > 3:
            return threads * times * batch / seconds
        times *= 2


def embed(folder: Path, name: str) -> tuple[float, float]:
    """Pictures per second and peak memory in MB of `headstart embed` with an empty cache."""
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-m", "headstart.cli", "embed", str(folder)]
        command += ["--out", f"{cache}/f.npz", "--backbone", name]
        command += ["--random-weights"] if name == "resnet18" else []
        environment = {**os.environ, "HEADSTART_CACHE": cache}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found = re.search(r"(\d+) pictures,.* ([\d.]+) s", done.stdout)
    if found is None:
        raise RuntimeError(done.stdout)
    return int(found[1]) / float(found[2]), children_peak()


def children_peak() -> float:
    """Largest peak memory in MB of the child processes so far."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def plain_pillow_rate(folder: Path) -> float:
    """Pictures per second of opening and resizing by Pillow alone, one thread."""
    files = sorted(folder.rglob("*.jpg"))[:20]
    began = time.perf_counter()
    for file in files:
        with Image.open(file) as picture:
            picture.convert("RGB").resize((341, 256), Image.Resampling.BICUBIC)
    return len(files) / (time.perf_counter() - began)


def scaled_decoding_rate(folder: Path) -> float:
    """Pictures per second of libjpeg's decoding at a quarter, a thread for each core."""
    contents = [file.read_bytes() for file in sorted(folder.rglob("*.jpg"))[:20]]

    def run(times: int) -> None:
        for number in range(times):
            with Image.open(io.BytesIO(contents[number % len(contents)])) as picture:
                picture.draft(None, (LARGE[0] // 4, LARGE[1] // 4))
                picture.load()

    return timed(run, 1, os.cpu_count() or 1)


def in_own_process(part: str, name: str, folder: Path) -> list[str]:
    """Run one measurement alone, so that its peak memory is its own."""
    command = [
        sys.executable,
        __file__,
        "--part",
        part,
        "--backbones",
        name,
        "--folder",
        str(folder),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.split("\n")[:-1]


def run_part(part: str, name: str, folder: Path) -> None:
    """Print a part's result for `in_own_process`."""
    if part in PRECISIONS:
        for what, rate in bare_rates(name, part).items():
            print(f"{rate}\t{what}")
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    else:
        rate, peak = embed(folder, name)
        print(rate)
        print(peak)


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", type=int, default=2000)
    parser.add_argument("--large", type=int, default=100)
    parser.add_argument("--backbones", default="tf_efficientnet_lite0,resnet18")
    parser.add_argument("--part", default="")
    parser.add_argument("--folder", type=Path)
    chosen = parser.parse_args()
    if chosen.part:
        run_part(chosen.part, chosen.backbones, chosen.folder)
        return
    with tempfile.TemporaryDirectory() as place:
        small, large = Path(place) / "small", Path(place) / "large"
        make_pictures(small, chosen.small, (SIDE, SIDE))
        make_pictures(large, chosen.large, LARGE)
        rates = (f"{precision} {matrix_rate(precision):.0f}" for precision in PRECISIONS)
        print("matrix product, GFLOP/s:", ", ".join(rates))
        names = chosen.backbones.split(",")
        bare = {name: report(name, small) for name in names}
        pillow, scaled = plain_pillow_rate(large), scaled_decoding_rate(large)
        rate = float(in_own_process("embed", names[0], large)[0])
        print(f"{LARGE[0]} x {LARGE[1]}: Pillow {pillow:.1f}/s, headstart embed {rate:.1f}/s, "
              f"{rate / pillow:.1f} times as fast")  # fmt: skip
        bound = 1 / (1 / scaled + 1 / bare[names[0]])
        print(f"bound {bound:.1f}/s (libjpeg at a quarter {scaled:.1f}/s, then the backbone), "
              f"{bound / rate:.2f} times headstart's rate")  # fmt: skip


def report(name: str, small: Path) -> float:
    """Print one backbone's rates and memory; the bare network's best rate."""
    best, peaks = {}, {}
    for precision in PRECISIONS:
        *lines, bare_peak = in_own_process(precision, name, small)
        rates = {line.split("\t")[1]: float(line.split("\t")[0]) for line in lines}
        what = max(rates, key=lambda what: rates[what])
        best[precision], peaks[precision] = rates[what], float(bare_peak)
        others = ", ".join(f"{w}: {r:.0f}" for w, r in rates.items() if w != what)
        print(f"{name}: bare backbone in {precision} {rates[what]:.0f}/s ({what}; {others}); "
              f"peak memory {peaks[precision]:.0f} MB")  # fmt: skip
    rate, peak = (float(line) for line in in_own_process("embed", name, small))
    shares = ", ".join(f"{rate / best[p]:.2f} of the bare backbone's in {p}" for p in PRECISIONS)
    print(f"{name}: headstart embed {rate:.0f}/s, {shares}; peak memory {peak:.0f} MB")
    return max(best.values())


if __name__ == "__main__":
    main()
