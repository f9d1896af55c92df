"""Features as a file for use elsewhere: NumPy's .npz, without pickle."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from headstart.data.dataset import ImageRecords
from headstart.data.image_table import ImageTable
from headstart.features.embed import Features
from headstart.outputs import disk
from headstart.outputs.own_files import FEATURES
from headstart.outputs.permission import Inputs, OutputFile


def features_output(out: Path, inputs: Inputs) -> OutputFile:
    """The file of an embedding, asked for before anything is read. Raises UsageError."""
    return OutputFile(out, "--out", FEATURES, inputs)


def write_features(path: Path, table: ImageTable, records: ImageRecords, features: Features) -> int:
    """Write the readable rows into a new file; returns how many there are.

    Arrays: `features` (n, d), `images`, `sha256` (n,); where the table has them `labels`, `splits`
    and `groups` (n,); with augmented views `views` (n, K, d). Raises OSError.
    """
    rows = [row for row, error in enumerate(records.errors) if not error]
    arrays = {
        "features": features.values[rows],
        "images": np.array([table.ids[row] for row in rows]),
        "sha256": np.array([records.digests[row] for row in rows]),
    }
    for name, column in (
        ("labels", table.labels),
        ("splits", table.splits),
        ("groups", table.groups),
    ):
        if column is not None:
            arrays[name] = np.array([column[row] for row in rows])
    if features.views.shape[1]:
        arrays["views"] = features.views[rows]
    with disk.create(path) as file:
        np.savez(file, allow_pickle=False, **arrays)
    return len(rows)
