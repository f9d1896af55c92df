"""The parts of a model folder as they lie on the disk: regular files of bounded size, or refused.

A folder from outside may hold anything under the names of its parts. What is no regular file is
refused before it is opened, so that nothing waits for a pipe's other end or reads a device for
ever.
"""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.backbones.weights.tensor_file import numpy_tensors
from headstart.errors import ModelFolderError

DESCRIPTION = "headstart.json"
FORMAT = 1
MOST_JSON_BYTES = 64_000_000  # a million class names
MOST_TENSOR_BYTES = 16_000_000_000  # twice timm's largest network
NUMBERS = (np.float16, np.float32, np.float64, np.int32, np.int64)  # what the parts are made of


def read_description(folder: Path) -> dict[str, Any]:
    """The content of headstart.json. Raises ModelFolderError for anything else."""
    path = folder / DESCRIPTION
    try:
        content = json.loads(read_bytes(path).decode())
    except (FileNotFoundError, NotADirectoryError):
        raise ModelFolderError(
            f"{folder} is not a model of this program (no {DESCRIPTION} in it); "
            "name the folder that `headstart fit` wrote, such as run/model"
        ) from None
    except OSError as error:
        raise ModelFolderError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ModelFolderError(f"{path} is damaged: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else None
        raise ModelFolderError(f"{path}: format {found!r}, this program reads format {FORMAT}")
    return content


def read_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The tensors of a safetensors file by name. Raises ModelFolderError for anything else."""
    from safetensors import SafetensorError

    try:
        _refuse_odd(path, MOST_TENSOR_BYTES)
        with path.open("rb"):  # to safetensors, a file that may not be read is a missing one
            pass
        arrays = numpy_tensors(path)
    except (FileNotFoundError, SafetensorError, LookupError, TypeError, ValueError) as error:
        raise ModelFolderError(f"{path} is missing or damaged: {error}") from error
    except AttributeError as error:  # a type that NumPy lacks
        raise ModelFolderError(f"{path} is damaged: {error}") from error
    except OSError as error:
        raise ModelFolderError(f"{path} cannot be read: {error.strerror or error}") from error
    except MemoryError as error:
        raise ModelFolderError(f"{path} does not fit into memory") from error
    types = {name: array.dtype for name, array in arrays.items()}
    odd = [f"{name!r} is {kind}" for name, kind in types.items() if kind not in NUMBERS]
    if odd:
        raise ModelFolderError(f"{path} is damaged: {odd[0]}, which no model of this program has")
    return arrays


def file_digest(path: Path) -> str | None:
    """The content's name, None where there is no such file. Raises ModelFolderError."""
    try:
        return hashlib.sha256(read_bytes(path)).hexdigest()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelFolderError(f"{path} cannot be read: {error.strerror or error}") from error


def read_bytes(path: Path) -> bytes:
    """A description's bytes. Raises OSError, and ModelFolderError as `_refuse_odd`."""
    _refuse_odd(path, MOST_JSON_BYTES)
    with path.open("rb") as file:
        return file.read(MOST_JSON_BYTES)  # also where the file grows meanwhile


def _refuse_odd(path: Path, most: int) -> None:
    """Raise ModelFolderError for what is neither a regular file of bounded size nor a folder."""
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        return  # to open it is an error with the system's own words
    if not stat.S_ISREG(status.st_mode):
        raise ModelFolderError(f"{path} is no regular file, and cannot be a part of a model")
    if status.st_size > most:
        raise ModelFolderError(
            f"{path} has {status.st_size:,} bytes, more than the limit of {most:,} for this part "
            "of a model"
        )
