"""Which altered copies are found as near-duplicates, and how many different pictures by mistake.

    python benchmarks/duplicates.py --images DIR [--backbone NAME] [--copies N] [--rows 20000]

The pictures of DIR are altered in many ways. Recall is the share of altered copies that are found
together with their originals; false pairs are near pairs among the originals, whose bytes differ.
Prints tables in Markdown. Look at the false pairs: a set may well hold real near-duplicates.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps
from sklearn.datasets import load_digits

from headstart.arrays import Float32Array
from headstart.data.duplicates import Duplicates, find_duplicates
from headstart.data.near_duplicates import NearThresholds, signatures
from headstart.images.decode import EXTENSIONS, decode_picture
from headstart.images.statistics import ImageStatistics, measure_content
from headstart.options import MAX_PIXELS
from headstart.samples.drawn_set import write_drawn

Change = Callable[[Image.Image], Image.Image]


def recoded(quality: int) -> Change:
    def change(image: Image.Image) -> Image.Image:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        return Image.open(buffer).convert("RGB")

    return change


def resized(factor: float) -> Change:
    def change(image: Image.Image) -> Image.Image:
        size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
        return image.resize(size, Image.Resampling.BICUBIC)

    return change


def cropped(share: float, corner: bool = False) -> Change:
    def change(image: Image.Image) -> Image.Image:
        x, y = image.width * share, image.height * share
        left, top = (0, 0) if corner else (round(x / 2), round(y / 2))
        return image.crop((left, top, left + round(image.width - x), top + round(image.height - y)))

    return change


def brighter(factor: float) -> Change:
    return lambda image: ImageEnhance.Brightness(image).enhance(factor)


CHANGES: dict[str, Change] = {
    "JPEG quality 30": recoded(30),
    "JPEG quality 60": recoded(60),
    "JPEG quality 90": recoded(90),
    "size 50%": resized(0.5),
    "size 96%": resized(0.96),
    "size 150%": resized(1.5),
    "brightness 80%": brighter(0.8),
    "brightness 120%": brighter(1.2),
    "mirrored": ImageOps.mirror,
    "crop 2%": cropped(0.02),
    "crop 5%": cropped(0.05),
    "crop 10%": cropped(0.1),
    "crop 5% in a corner": cropped(0.05, corner=True),
    "half size, quality 50, crop 2%": lambda image: recoded(50)(resized(0.5)(cropped(0.02)(image))),
}
WITHOUT = {
    f"{bits} bits, {correlation}": NearThresholds(bits=bits, correlation=correlation)
    for bits, correlation in ((4, 0.995), (6, 0.99), (8, 0.97), (10, 0.94), (16, 0.9))
}
WITH = {
    f"{bits} bits, {correlation}, cosine {cosine}": NearThresholds(
        loose_bits=bits, loose_correlation=correlation, cosine=cosine
    )
    for bits, correlation, cosine in (
        (16, 0.9, 0.7), (16, 0.9, 0.8), (16, 0.9, 0.85), (16, 0.9, 0.9), (20, 0.75, 0.85),
        (64, 0.0, 0.85),
    )
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--backbone", help="compare features of this backbone too")
    parser.add_argument("--copies", type=int, help="alter only the first so many")
    parser.add_argument("--rows", type=int, default=20_000, help="made-up rows to time")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sets = altered_sets(given.images, Path(folder), given.copies)
        statistics = {name: [measured(path) for path in paths] for name, paths in sets.items()}
        features = None
        if given.backbone:
            features = {name: embedded(paths, given.backbone) for name, paths in sets.items()}
        table(sets, statistics, None, WITHOUT)
        if features is not None:
            table(sets, statistics, features, WITH)
        other_sets(Path(folder), given.backbone)
    timed(given.rows)


def altered_sets(images: Path, folder: Path, copies: int | None) -> dict[str, list[Path]]:
    """The originals without exact copies, and altered copies of the first of them, in order."""
    paths = sorted(path for path in images.iterdir() if path.suffix.lower() in EXTENSIONS)
    paths = list({path.read_bytes(): path for path in reversed(paths)}.values())[::-1]
    sets = {"original": paths}
    for name, change in CHANGES.items():
        sets[name] = []
        for i, path in enumerate(paths[:copies]):
            target = folder / f"{name}-{i}.png"
            change(Image.fromarray(decode_picture(path).rgb)).save(target, compress_level=1)
            sets[name].append(target)
    return sets


def measured(path: Path) -> ImageStatistics:
    content = path.read_bytes()
    return measure_content(content, decode_picture(content), MAX_PIXELS)


def embedded(paths: list[Path], name: str) -> Float32Array:
    from headstart.backbones.opening import open_backbone
    from headstart.features.embed import embed_images
    from headstart.images.source import local_files
    from headstart.options import BackboneOptions, EmbedOptions

    backbone = open_backbone(BackboneOptions(backbone=name))
    return embed_images(local_files(paths), backbone, EmbedOptions(cache=False))[1].values


def found_in(
    statistics: list[ImageStatistics], features: Float32Array | None, limits: NearThresholds
) -> Duplicates:
    hashes, thumbnails = signatures(statistics)
    return find_duplicates(
        sha256=[str(i) for i in range(len(statistics))],
        hashes=hashes,
        thumbnails=thumbnails,
        features=features,
        thresholds=limits,
    )


def table(
    sets: dict[str, list[Path]],
    statistics: dict[str, list[ImageStatistics]],
    features: dict[str, Float32Array] | None,
    settings: dict[str, NearThresholds],
) -> None:
    """Print recall for each alteration and setting, and the false pairs."""
    n = len(sets["original"])
    print(f"\n{n} pictures; {'with' if features else 'without'} features\n")
    print("| copy | " + " | ".join(settings) + " |")
    print("| --- |" + " ---: |" * len(settings))
    for name in CHANGES:
        cells = []
        for limits in settings.values():
            values = np.concatenate([features["original"], features[name]]) if features else None
            found = found_in(statistics["original"] + statistics[name], values, limits)
            recall: float = sum(pair.second - pair.first == n for pair in found.pairs)
            recall /= len(sets[name])
            cells.append(f"{recall:.3f}")
        print(f"| {name} | " + " | ".join(cells) + " |")
    totals: list[str] = []
    names: list[str] = []
    for setting, limits in settings.items():
        original = features["original"] if features else None
        pairs = found_in(statistics["original"], original, limits).pairs
        totals.append(f"{len(pairs)} of {n * (n - 1) // 2}")
        paths = sets["original"]
        listed = [f"{paths[p.first].stem}/{paths[p.second].stem}" for p in pairs[:12]]
        names.append(f"{setting}: {', '.join(listed) or 'none'}")
    print("| pairs among the originals | " + " | ".join(totals) + " |\n")
    print("Pairs among the originals (at most 12 each):\n")
    print("\n".join(f"- {line}" for line in names))


def other_sets(folder: Path, backbone: str | None) -> None:
    """Print the pairs found in sets whose pictures are alike but all different."""
    drawn = sorted((write_drawn(folder / "drawn").parent / "images").iterdir())
    digits = []
    for i, pixels in enumerate(load_digits().images[:500]):
        small = Image.fromarray((pixels * 255 / 16).astype(np.uint8))
        digits.append(folder / f"digit-{i}.png")
        small.resize((64, 64), Image.Resampling.BICUBIC).save(digits[-1])
    print("\n| different pictures | limits | near pairs | of |\n| --- | --- | ---: | ---: |")
    for name, paths in (("drawn vehicles", drawn), ("handwritten digits", digits)):
        statistics, n = [measured(path) for path in paths], len(paths)
        features = embedded(paths, backbone) if backbone else None
        for values, settings in ((None, WITHOUT), (features, WITH if backbone else {})):
            for setting, limits in settings.items():
                count = len(found_in(statistics, values, limits).pairs)
                print(f"| {name} | {setting} | {count} | {n * (n - 1) // 2} |")


def timed(rows: int) -> None:
    """Print how long the search takes on made-up pictures, a tenth of them copies."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (rows, 4, 4, 3)).repeat(2, axis=1).repeat(2, axis=2)
    thumbnails = np.clip(coarse + rng.normal(0, 12, coarse.shape), 0, 255).astype(np.uint8)
    hashes = rng.integers(0, 2**63, rows).astype(np.uint64)
    features = rng.standard_normal((rows, 256), dtype=np.float32)
    copies = rows // 10
    for column in (thumbnails, hashes, features):
        column[:copies] = column[rows - copies :]
    digests = [str(i) for i in range(rows)]
    start = time.perf_counter()
    found = find_duplicates(sha256=digests, hashes=hashes, thumbnails=thumbnails, features=features)
    seconds = time.perf_counter() - start
    print(f"\n{rows} rows with {copies} copies: {len(found.clusters)} groups in {seconds:.1f} s")


if __name__ == "__main__":
    main()
