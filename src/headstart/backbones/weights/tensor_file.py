"""A safetensors file's tensors, whatever its name: the library opens names in UTF-8 only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

if TYPE_CHECKING:
    import torch


def numpy_tensors(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Arrays by name. Raises SafetensorError, OSError, and KeyError for a type NumPy lacks."""
    from safetensors.numpy import load, load_file

    return dict(load_file(path) if _is_utf8(path) else load(path.read_bytes()))


def torch_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Tensors by name. Raises SafetensorError and OSError."""
    from safetensors.torch import load, load_file

    return dict(load_file(path) if _is_utf8(path) else load(path.read_bytes()))


def _is_utf8(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True
