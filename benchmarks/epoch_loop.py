"""How much faster the last layer trains on kept features than through the backbone.

    python benchmarks/epoch_loop.py [--table labels.csv --images images/] [--measured 2]

The usual tutorial sends every picture through the frozen backbone in every epoch, to train the last
layer alone: fp32, eager, the decoded crops in memory. A few of its epochs are measured and taken
as often as 50 epochs need. Beside them stand 50 epochs of the same steps on features: computed
first by headstart's one pass (which decodes too, without its cache), or kept already. Without a
table it draws 240 pictures.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from headstart.arrays import IntArray
from headstart.backbones.backbone import Backbone
from headstart.backbones.opening import open_backbone
from headstart.data.image_table import ImageTable
from headstart.data.inputs import read_images
from headstart.features.embed import embed_images
from headstart.images.decode import decode
from headstart.options import BackboneOptions, EmbedOptions, LoopOptions, ReadOptions
from headstart.recipes.batches import batch_rows
from headstart.recipes.stepped_head import SteppedHead, first_layer
from headstart.samples.drawn_set import write_drawn

EPOCHS, BATCH, RATE, SEED = 50, 32, 1e-4, 13


def main() -> None:
    """Print the times and their ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--table", type=Path, help="table of names and labels, or a class folder")
    parser.add_argument("--images", type=Path, help="folder that the names are relative to")
    parser.add_argument("--measured", type=int, default=2, help="slow epochs to measure")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if given.table is None:
            source, images = write_drawn(Path(scratch)), Path(scratch) / "images"
        else:
            source, images = given.table, given.images
        table = read_images(source, ReadOptions(images=images))
        table.raise_if_bad()
        compare(table, given.measured)


def compare(table: ImageTable, measured: int) -> None:
    """Time both ways on one table."""
    labels = np.array(table.labels)
    targets = np.searchsorted(np.unique(labels), labels).astype(np.int64)
    slow_backbone = open_backbone(BackboneOptions(precision="fp32"), device="cpu")
    backbone = open_backbone(BackboneOptions(), device="cpu")
    print(f"{len(table)} pictures, {backbone.info.name}, {torch.get_num_threads()} threads, "
          f"torch {torch.__version__}")  # fmt: skip

    slow = article_epochs(inputs_of(table, slow_backbone), targets, slow_backbone.module, measured)
    whole = EPOCHS * float(np.mean(slow))
    print(f"epochs through the backbone, fp32: {', '.join(f'{s:.1f} s' for s in slow)} measured; "
          f"{EPOCHS} such epochs, extrapolated: {whole:.0f} s")  # fmt: skip

    uncached = EmbedOptions(device="cpu", cache=False)
    embed_images(table.images[:BATCH], backbone, uncached)  # loads the network
    _, features = embed_images(table.images, backbone, uncached)
    print(f"one pass for the features, {backbone.info.precision}: {features.seconds:.2f} s")

    options = LoopOptions(epochs=EPOCHS, learning_rate=RATE, batch_size=BATCH, keep="last")
    head = SteppedHead(options, standardise=False, validation_fraction=0, random_state=SEED)
    head.fit(features.values[: 2 * BATCH], labels[: 2 * BATCH])  # a process's first steps are slow
    start = time.perf_counter()
    head.fit(features.values, labels)
    quick = time.perf_counter() - start
    print(f"{EPOCHS} epochs on the features: {quick:.2f} s")
    print(f"ratio, computing the features counted too: {whole / (quick + features.seconds):.0f}")
    print(f"ratio, features kept already:              {whole / quick:.0f}")


def article_epochs(
    pictures: Tensor, targets: IntArray, backbone: nn.Module, measured: int
) -> list[float]:
    """Seconds of each epoch in which every picture is sent through the backbone."""
    with torch.no_grad():
        features = backbone(pictures[:BATCH]).shape[1]  # also the backbone's first, slow pass
    layer = first_layer(features, int(targets.max()) + 1, SEED)
    optimizer = torch.optim.Adam(layer.parameters(), lr=RATE)
    goals = torch.from_numpy(targets)
    seconds = []
    for epoch in range(1, measured + 1):
        start = time.perf_counter()
        for rows in batch_rows(len(targets), BATCH, seed=SEED, epoch=epoch):
            with torch.no_grad():
                inputs = backbone(pictures[rows])
            loss = nn.functional.cross_entropy(layer(inputs), goals[rows])
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
        seconds.append(time.perf_counter() - start)
    return seconds


def inputs_of(table: ImageTable, backbone: Backbone) -> Tensor:
    """All pictures decoded, resized and normalised, (n, 3, size, size)."""
    plain = backbone.info.preprocessing
    pictures = [plain.normalise(plain.prepare(decode(image))) for image in table.images]
    return torch.from_numpy(np.stack(pictures).transpose(0, 3, 1, 2).copy())


if __name__ == "__main__":
    main()
