"""Where the time of a photograph of 4000 x 3000 pixels goes, in milliseconds of one core.

    python -m benchmarks.photographs [--pictures 4] [--rounds 3]

Each part is measured in this thread's own processor time, which others on the machine disturb less
than the clock; the least of all is told, and the median. The bound is libjpeg's decoding at a
quarter and the bare network, Lite0 in bf16 or fp32, eight pictures at once. Beside it stands Pillow
alone: all pixels decoded and resized.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import TypeVar

import torch
from benchmarks.backbone import LARGE, SIDE, make_pictures
from PIL import Image

from headstart.backbones.opening import open_backbone
from headstart.backbones.preprocessing import Preprocessing
from headstart.images.decode import decode_picture
from headstart.images.source import content_digest
from headstart.images.statistics import measure
from headstart.options import BackboneOptions

T = TypeVar("T")
BATCH = 8
PARTS = ("SHA-256", "decoding, checks", "measures", "resize and crop")  # headstart's own


class Parts:
    """Milliseconds by part."""

    def __init__(self) -> None:
        self.taken: dict[str, list[float]] = {}

    def time(self, name: str, work: Callable[[], T], pictures: int = 1) -> T:
        """Do a part of the work."""
        began = time.thread_time()
        result = work()
        self.taken.setdefault(name, []).append((time.thread_time() - began) * 1e3 / pictures)
        return result

    def of(self, *names: str) -> tuple[float, float]:
        """The least and the median of some parts together."""
        taken = [self.taken[name] for name in names]
        return sum(map(min, taken)), sum(map(median, taken))


def main() -> None:
    """Print the parts, and what they come to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pictures", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    parts = Parts()
    with tempfile.TemporaryDirectory() as place:
        make_pictures(Path(place), given.pictures, LARGE)
        contents = [file.read_bytes() for file in sorted(Path(place).rglob("*.jpg"))]
    backbone = open_backbone(BackboneOptions(), device="cpu")
    networks = {
        "network, bf16": backbone.module.to(torch.bfloat16).to(memory_format=torch.channels_last),
        "network, fp32": open_backbone(BackboneOptions(precision="fp32"), device="cpu").module.to(
            memory_format=torch.channels_last
        ),
    }
    for _ in range(given.rounds):
        for content in contents:
            parts.time("Pillow, all pixels", partial(plain, content))
            parts.time("libjpeg at a quarter", partial(quarter, content))
            own_parts(parts, content, backbone.info.preprocessing)
        for name, network in networks.items():
            embed(parts, name, network)
    report(parts)


def plain(content: bytes) -> Image.Image:
    """What a plain program does."""
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    return picture.resize((341, 256), Image.Resampling.BICUBIC)


def quarter(content: bytes) -> None:
    """libjpeg's own part."""
    picture = Image.open(io.BytesIO(content))
    picture.draft(None, (LARGE[0] // 4, LARGE[1] // 4))
    picture.load()


def own_parts(parts: Parts, content: bytes, steps: Preprocessing) -> None:
    """What headstart does until the network's input is there."""
    parts.time("SHA-256", lambda: content_digest(content))
    decoded = parts.time(
        "decoding, checks", lambda: decode_picture(content, minimum_side=steps.resize)
    )
    parts.time("measures", lambda: measure(decoded, len(content)))
    parts.time("resize and crop", lambda: steps.prepare(decoded.image))


def embed(parts: Parts, name: str, network: torch.nn.Module) -> None:
    """Pass a batch of noise through a network, once more than is counted."""
    kind = next(network.parameters()).dtype
    x = torch.randn(BATCH, 3, SIDE, SIDE).to(dtype=kind, memory_format=torch.channels_last)
    with torch.inference_mode():
        network(x)
        parts.time(name, lambda: network(x), pictures=BATCH)


def report(parts: Parts) -> None:
    """Print a table in Markdown and the ratios."""
    print("| part | least, ms | median, ms |\n| --- | ---: | ---: |")
    for name in parts.taken:
        least, middle = parts.of(name)
        print(f"| {name} | {least:.1f} | {middle:.1f} |")
    print()
    for network in ("network, bf16", "network, fp32"):
        ours, bound = parts.of(*PARTS, network), parts.of("libjpeg at a quarter", network)
        whole = parts.of("libjpeg at a quarter", "resize and crop", network)
        least, middle = parts.of("Pillow, all pixels")
        pillow = 2 * least, 2 * middle
        print(f"{network}: headstart / bound {divided(ours, bound)}; with the resize in the bound "
              f"{divided(ours, whole)}; two cores against Pillow on one: the bound "
              f"{divided(pillow, bound)}, headstart {divided(pillow, ours)}")  # fmt: skip


def divided(these: tuple[float, float], others: tuple[float, float]) -> str:
    """Two ratios, of the least and of the medians."""
    return " and ".join(f"{this / other:.2f}" for this, other in zip(these, others, strict=True))


if __name__ == "__main__":
    main()
