"""How fast each runtime is alone, inside `headstart embed`, and from a cold start.

    python -m benchmarks.runtimes [--pictures 2000] [--rounds 2] [--backbones NAME,NAME]
        [--table T --images F [--repeats 3]]

For each backbone: what `headstart runtimes` measures, then in turn, as often as there are rounds:
bare torch in fp32, the bare runtime that `auto` takes, the pass of `headstart embed` by it over all
pictures with empty features and the graph kept (what the program prints as its seconds), and both
bare ones again. Printed are the medians of the rounds' ratios, by the clock and by the
seconds that the processor gave; on a busy machine only the latter say something. Then what the
parts of a picture's way take in one thread, and the program itself, from its start to its end.
ResNet18 has random weights, since only its speed is of interest.

With a table of labels: seconds of `fit` with the graph kept and no features, of the same fit again,
and of `predict` for a picture not seen before, medians and least of the repeats.

Takes two minutes on two cores that do nothing else, and five on busy ones.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple, cast

import numpy as np
from PIL import Image

from headstart.backbones.backbone import Backbone
from headstart.backbones.opening import open_backbone
from headstart.backbones.precision import choose_precision
from headstart.backbones.runtimes.choice import best_rate
from headstart.backbones.runtimes.measurement import drawn_pixels, measure_rates
from headstart.features.embed import embed_images
from headstart.features.loading import Loader, Wanted
from headstart.images.source import local_files
from headstart.options import BackboneOptions, PrecisionName

SIDE = 224
BARE_SECONDS = 3.0
BOUND_PICTURES = 300
UNTRAINED = ("resnet18",)


class Rate(NamedTuple):
    """Pictures per second by the clock, and by the processor's seconds on all cores."""

    clock: float
    processor: float


class Spent(NamedTuple):
    """Seconds of a command, and what it printed."""

    wall: float
    processor: float
    printed: str


def headstart(cache: Path, *words: object) -> Spent:
    """Run the program with a cache folder of its own."""
    command = [sys.executable, "-m", "headstart", *map(str, words)]
    environment = {**os.environ, "HEADSTART_CACHE": str(cache)}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(wall, spent, done.stdout)


def make_pictures(folder: Path, count: int) -> None:
    """Smooth coloured noise as JPEG files."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        coarse = rng.integers(0, 256, (SIDE // 16, SIDE // 16, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number:05d}.jpg", quality=90)


def backbone_flags(name: str) -> list[str]:
    """The flags that name it."""
    return ["--backbone", name, *(["--random-weights"] if name in UNTRAINED else [])]


def opened(name: str, runtime: str, precision: str) -> Backbone:
    """A backbone that has not been started."""
    taken = cast("PrecisionName", precision)
    options = BackboneOptions(backbone=name, random_weights=name in UNTRAINED, precision=taken)
    return open_backbone(options, device="cpu", runtime=runtime)


def bare(backbone: Backbone) -> Rate:
    """All cores for some seconds, each thread with the same pictures again and again."""
    cores, batch = os.cpu_count() or 1, backbone.usual_batch()
    pixels = drawn_pixels(batch, backbone.info.preprocessing.size)
    with backbone.threads(cores) as pool:
        list(pool.map(lambda _: backbone.embed(pixels), range(cores)))  # the first takes longer
        until = time.perf_counter() + BARE_SECONDS

        def work(_: int) -> int:
            done = 0
            while time.perf_counter() < until:
                done += len(backbone.embed(pixels))
            return done

        began = clocks()
        count = sum(pool.map(work, range(cores)))
        return rate(count, began)


def clocks() -> tuple[float, float]:
    """Seconds by the clock, and of the processor."""
    return time.perf_counter(), time.process_time()


def rate(count: int, began: tuple[float, float]) -> Rate:
    """Of so many pictures since then; seconds of the processor are shared by the cores."""
    wall, processor = (now - before for now, before in zip(clocks(), began, strict=True))
    return Rate(count / wall, count * (os.cpu_count() or 1) / processor)


def embedded(backbone: Backbone, folder: Path, cache: Path) -> Rate:
    """The pass of `headstart embed`, with nothing known of the pictures."""
    forget_features(cache)
    images = local_files(sorted(folder.iterdir()))
    began = clocks()
    _, found = embed_images(images, backbone)
    if found.computed != len(images):
        raise RuntimeError(f"{found.computed} of {len(images)} pictures were computed")
    return rate(len(images), began)


def forget_features(cache: Path) -> None:
    """Empty the cache of all but weights, graphs and what was measured."""
    for kept in (*(cache / "features").glob("*"), *cache.glob("images.sqlite*")):
        kept.unlink()


def bound(backbone: Backbone, folder: Path) -> str:
    """What Pillow's decoding and the resize alone would leave of the bare rate, in one thread."""
    steps = backbone.info.preprocessing
    loader = Loader(Wanted(steps), None, None)
    spent = dict.fromkeys(("decoding", "resize", "all before the network", "network"), 0.0)
    paths = sorted(folder.iterdir())[:BOUND_PICTURES]
    for path in paths:
        content = path.read_bytes()
        marks = [time.process_time()]
        with Image.open(io.BytesIO(content)) as image:
            rgb = np.asarray(image.convert("RGB"))
        marks.append(time.process_time())
        pixels = steps.prepare(rgb)
        marks.append(time.process_time())
        loader.load(partial(bytes, content))
        marks.append(time.process_time())
        backbone.embed(pixels[None])
        marks.append(time.process_time())
        for what, took in zip(spent, np.diff(marks).tolist(), strict=True):
            spent[what] += took
    parts = ", ".join(f"{what} {1000 * took / len(paths):.2f} ms" for what, took in spent.items())
    network = spent["network"]
    share = network / (network + spent["decoding"] + spent["resize"])
    return f"{parts} of the processor; decoding, resize and network alone: {share:.2f} of bare"


def report(cache: Path, name: str, folder: Path, rounds: int) -> None:
    """Print one backbone's rates and ratios."""
    rates = measure_rates(opened(name, "torch", "fp32"))
    best = best_rate(rates, bf16=choose_precision("auto", "cpu") == "bf16") or rates[0]
    told = [f"{one.runtime} {one.precision} {one.pictures_per_second:.1f}/s" for one in rates]
    print(f"{name}, bare, by the processor's seconds: {', '.join(told)}", flush=True)
    taken = f"{best.runtime} {best.precision}"
    torch, fastest = (opened(name, *way.split()) for way in ("torch fp32", taken))
    found: dict[str, list[tuple[float, float]]] = {"the same bare": [], "bare torch fp32": []}
    for _ in range(rounds):
        before = bare(torch), bare(fastest)
        whole = embedded(opened(name, best.runtime, best.precision), folder, cache)
        after = bare(fastest), bare(torch)
        for what, bares in (
            ("the same bare", (before[1], after[0])),
            ("bare torch fp32", (before[0], after[1])),
        ):
            means = Rate(*(sum(pair) / 2 for pair in zip(*bares, strict=True)))
            found[what].append((whole.clock / means.clock, whole.processor / means.processor))
        print(
            f"  embed {whole.clock:.1f}/s by the clock, {whole.processor:.1f}/s by the processor",
            flush=True,
        )
    shares = ", ".join(
        f"{median(c for c, _ in pairs):.2f} of {what} ({median(p for _, p in pairs):.2f} by the "
        "processor's seconds)"
        for what, pairs in found.items()
    )
    print(f"{name}: headstart embed by {taken} has {shares}")
    print(f"{name}: a picture takes {bound(fastest, folder)}")
    forget_features(cache)
    ways = ["--runtime", best.runtime, "--precision", best.precision]
    words = ("embed", folder, *backbone_flags(name), *ways, "--out", cache / "f.npz")
    spent = headstart(cache, *words)
    print(
        f"{name}: the whole program {spent.wall:.1f} s, {spent.processor:.1f} s of the processor",
        flush=True,
    )


def from_a_cold_start(cache: Path, table: Path, images: Path, place: Path, repeats: int) -> None:
    """Print the seconds of a fit, a second one, and one picture."""
    headstart(cache, "runtimes")
    first = next(path for path in sorted(images.iterdir()) if path.suffix == ".jpg")
    run = place / "run"
    fit = ("fit", table, "--images", images, "--out", run)
    predict = ("predict", run / "model", place / "new.jpg")
    found: dict[str, list[Spent]] = {}
    for repeat in range(repeats):
        with Image.open(first) as picture:
            picture.convert("RGB").rotate(2 + repeat).save(place / "new.jpg")
        forget_features(cache)
        for what, words in (
            ("fit, graph kept and no features", fit),
            ("the same fit again", fit),
            ("predict, a new picture", predict),
            ("predict, the same again", predict),
        ):
            found.setdefault(what, []).append(headstart(cache, *words))
    for what, times in found.items():
        walls, processors = [one.wall for one in times], [one.processor for one in times]
        print(
            f"{what}: {median(walls):.2f} s by the clock (least {min(walls):.2f}), "
            f"{median(processors):.2f} s of the processor (least {min(processors):.2f})",
            flush=True,
        )


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--backbones", default="tf_efficientnet_lite0,resnet18")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--table", type=Path)
    parser.add_argument("--images", type=Path)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        os.environ["HEADSTART_CACHE"] = str(place / "cache")
        if chosen.table is not None and chosen.images is not None:
            cold = (place / "cache", chosen.table.absolute(), chosen.images.absolute(), place)
            from_a_cold_start(*cold, chosen.repeats)
        make_pictures(place / "pictures", chosen.pictures)
        for one in filter(None, chosen.backbones.split(",")):
            report(place / "cache", one, place / "pictures", chosen.rounds)


if __name__ == "__main__":
    main()
