"""Features that the machines of a cluster compute, block by block, as a pass here would."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from headstart.arrays import Float32Array
from headstart.backbones.backbone import Backbone
from headstart.backbones.device import device_kind
from headstart.backbones.opening import HeldNetwork
from headstart.backbones.runtimes.torch_network import TorchNetwork
from headstart.cluster.blocks import Place, Work, done_blocks
from headstart.data.dataset import ImageRecords
from headstart.errors import UsageError
from headstart.features.loading import Loaded, Wanted
from headstart.images.source import ImageSource
from headstart.images.statistics import ImageStatistics
from headstart.options import EmbedOptions
from headstart.progress import Progress

if TYPE_CHECKING:
    import pyarrow

    from headstart.features.embed import Features

Item = tuple[int, ImageSource]  # a row and its picture


def clustered(
    items: Sequence[Item],
    backbone: Backbone,
    options: EmbedOptions,
    wanted: Wanted,
    progress: Progress,
) -> Iterator[tuple[list[int], list[Loaded], list[dict[str, Float32Array]]]]:
    """Rows, what was read of their pictures, and features by view, in the order they are done.

    A machine gets the network itself; a picture is read there, by its path or address. Raises
    UsageError where a machine's packages would give other features, and as `done_blocks`.
    """
    kind = device_kind(backbone.info.device)
    place = Place(
        options.cluster or "", options.cluster_folder, options.workers, on_gpu=kind == "cuda"
    )
    there = replace(options, cluster=None, cluster_folder=None, cache=False, device=kind)
    make = _Embedder(
        _portable(backbone, kind), there, wanted.seed, wanted.max_pixels, backbone.info.fingerprint
    )
    for table in done_blocks(make, items, place, progress):
        yield _from_table(table, wanted.names)


def _portable(backbone: Backbone, kind: str) -> Backbone:
    """The backbone with its network's tensors, so that a machine needs no file of weights."""
    network = backbone.network
    if isinstance(network, TorchNetwork):
        network = HeldNetwork(network.module)
    return Backbone(replace(backbone.info, device=kind), network)


@dataclass(frozen=True)
class _Embedder:
    """Makes an actor's work: `embed_images` with nothing kept."""

    backbone: Backbone
    options: EmbedOptions
    seed: int
    max_pixels: int
    fingerprint: str

    def __call__(self, cpus: int) -> Work:
        """Raises UsageError where features computed here would be other ones."""
        import socket

        from headstart.features.embed import embed_images

        if self.backbone.info.fingerprint != self.fingerprint:
            raise UsageError(
                f"--cluster: {socket.gethostname()} would compute other features: it has other "
                "versions of headstart, torch, timm or Pillow; install the same on all machines"
            )
        options = replace(self.options, workers=cpus)

        def work(items: list[Any]) -> pyarrow.Table:
            images = [image for _, image in items]
            records, features = embed_images(
                images, self.backbone, options, seed=self.seed, max_pixels=self.max_pixels
            )
            return _as_table([row for row, _ in items], records, features)

        return work


def _as_table(rows: list[int], records: ImageRecords, features: Features) -> pyarrow.Table:
    """Columns row, sha256, statistics (JSON or null), error, features (the plain picture first)."""
    import pyarrow as pa

    whole = np.concatenate([features.values[:, None], features.views], axis=1)  # (n, 1 + K, d)
    n, width = len(rows), whole.shape[1] * whole.shape[2]
    return pa.table(
        {
            "row": pa.array(rows, pa.int64()),
            "sha256": pa.array(records.digests, pa.string()),
            "statistics": pa.array(
                [None if item is None else item.to_json() for item in records.statistics],
                pa.string(),
            ),
            "error": pa.array(records.errors, pa.string()),
            "features": pa.FixedSizeListArray.from_arrays(
                pa.array(whole.reshape(n * width), pa.float32()), width
            ),
        }
    )


def _from_table(
    table: pyarrow.Table, names: Sequence[str]
) -> tuple[list[int], list[Loaded], list[dict[str, Float32Array]]]:
    columns = {name: table[name].to_pylist() for name in ("row", "sha256", "statistics", "error")}
    numbers = table["features"].combine_chunks().flatten().to_numpy()
    values = numbers.reshape(table.num_rows, len(names), -1)
    loaded, vectors = [], []
    measured: Callable[[str], ImageStatistics] = ImageStatistics.from_json
    for i, error in enumerate(columns["error"]):
        text = columns["statistics"][i]
        statistics = None if text is None else measured(text)
        loaded.append(Loaded(columns["sha256"][i], None, statistics, error=error))
        found = {} if error else dict(zip(names, values[i], strict=True))
        vectors.append(found)
    return columns["row"], loaded, vectors
