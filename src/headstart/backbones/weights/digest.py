"""A name for the content of a set of tensors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt


def digest(tensors: Mapping[str, npt.NDArray[Any]]) -> str:
    """A name for the content: names, shapes and bytes, whatever the file's format."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        total.update(json.dumps([name, list(tensors[name].shape), array.dtype.str]).encode())
        total.update(array.data)
    return total.hexdigest()[:32]
