"""The part of a model folder with pictures that were learnt from, read when it is first needed.

examples.safetensors  their features at length 1 in float16, and their classes
examples.json         their names, and small copies where these were asked for
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from headstart.backbones.weights.digest import digest
from headstart.errors import ModelFolderError
from headstart.model_files import file_digest, read_arrays, read_bytes
from headstart.outputs.text_files import write_json
from headstart.recipes.training_examples import TrainingExamples, names_to_share

ARRAYS_FILE, NAMES_FILE = "examples.safetensors", "examples.json"
EXAMPLE_FILES = (ARRAYS_FILE, NAMES_FILE)


@dataclass(frozen=True)
class StoredExamples:
    """Examples in a model folder.

    Attributes:
        folder: of the model.
        digests: of both files, as the model's description has them.
        features: numbers of each, d.
        classes: of the model, k.
    """

    folder: Path
    digests: Mapping[str, Any]
    features: int
    classes: int

    def get(self) -> TrainingExamples:
        """Read them. Raises ModelFolderError unless they are as they were saved."""
        arrays = read_arrays(self.folder / ARRAYS_FILE)
        path = self.folder / NAMES_FILE
        if digest(arrays) != self.digests.get(ARRAYS_FILE):
            raise ModelFolderError(
                f"{self.folder / ARRAYS_FILE} is damaged: it is not as it was saved"
            )
        if file_digest(path) != self.digests.get(NAMES_FILE):
            raise ModelFolderError(f"{path} is missing or damaged: it is not as it was saved")
        try:
            return self._made(arrays, json.loads(read_bytes(path)))
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise ModelFolderError(f"{path} is damaged: {error!r}") from error

    def _made(self, arrays: Mapping[str, Any], said: Mapping[str, Any]) -> TrainingExamples:
        units, codes, names = arrays["units"], arrays["codes"], said["names"]
        small = tuple(base64.b64decode(text, validate=True) for text in said.get("small", ()))
        m = len(names)
        if (
            units.shape != (m, self.features)
            or units.dtype != np.float16
            or not (np.abs(units) <= 1.001).all()
            or codes.shape != (m,)
            or codes.dtype.kind != "i"
            or not ((codes >= 0) & (codes < self.classes)).all()
            or not all(isinstance(name, str) for name in names)
            or len(small) not in (0, m)
        ):
            raise ValueError("its parts do not fit each other")
        shown = names_to_share(names)  # earlier versions kept full paths
        return TrainingExamples(shown, codes.astype(np.int64), units, int(said["total"]), small)


def example_arrays(examples: TrainingExamples) -> dict[str, npt.NDArray[Any]]:
    """What goes into the file of arrays."""
    return {"units": examples.units, "codes": examples.codes.astype(np.int32)}


def write_names(examples: TrainingExamples, folder: Path) -> None:
    """Write the file of names, and small copies. Raises OSError."""
    said: dict[str, Any] = {"total": examples.total, "names": list(examples.names)}
    if examples.small:
        said["small"] = [base64.b64encode(content).decode() for content in examples.small]
    write_json(folder / NAMES_FILE, said)
