"""Features as a file for use elsewhere: NumPy's .npz, without pickle."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from headstart.data.dataset import ImageRecords
from headstart.data.image_table import ImageTable
from headstart.features.embed import Features
from headstart.outputs import disk


def write_features(path: Path, table: ImageTable, records: ImageRecords, features: Features) -> int:
    """Write the readable rows into a new file; returns how many there are.

    Arrays: `features` (n, d), `images`, `sha256` (n,), with labels `labels` (n,), with augmented
    views `views` (n, K, d). Raises OSError.
    """
    rows = [row for row, error in enumerate(records.errors) if not error]
    arrays = {
        "features": features.values[rows],
        "images": np.array([table.ids[row] for row in rows]),
        "sha256": np.array([records.digests[row] for row in rows]),
    }
    if table.labels is not None:
        arrays["labels"] = np.array([table.labels[row] for row in rows])
    if features.views.shape[1]:
        arrays["views"] = features.views[rows]
    with disk.create(path) as file:
        np.savez(file, allow_pickle=False, **arrays)
    return len(rows)
