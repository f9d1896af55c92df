"""A checkpoint: where a fine-tuning stands after an epoch, on disk, from which it can go on.

    state.safetensors    weights, the optimizer's moments, the average, the best weights so far
    state.json           what was asked for, what it was asked of, and the rest of the state

It lies in the folder `checkpoint` of the run's own folder until the results are written there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.backbones.backbone import Backbone
from headstart.data.dataset import Dataset
from headstart.errors import DataError, UsageError
from headstart.images.address import Url, location
from headstart.options import FitOptions, as_json
from headstart.options.every_option import from_json
from headstart.outputs import disk
from headstart.outputs.permission import OutputFolder
from headstart.outputs.text_files import write_json
from headstart.recipes.run_record import data_digest
from headstart.wording import some_of

if TYPE_CHECKING:
    from headstart.recipes.training_state import TrainingState

FORMAT = 2
FOLDER = "checkpoint"
TENSORS, FACTS = "state.safetensors", "state.json"
FINISHED = "run.json"  # in the run's folder once its results are written


@dataclass(frozen=True)
class Identity:
    """What a training can only go on with unchanged: each part's name in words, and its value."""

    parts: Mapping[str, Any]

    @classmethod
    def of(cls, data: Dataset, backbone: Backbone) -> Identity:
        """That of a training on these pictures from this backbone."""
        info = backbone.info
        return cls(
            {
                "class list": list(data.classes),
                "backbone": info.name,
                "backbone's weights": info.weights_id,
                "picture size": info.preprocessing.size,
                "data digest": data_digest(data.digests, data.labels),
            }
        )

    def refuse_other(self, known: Mapping[str, Any], where: Path) -> None:
        """Raise DataError that names each part in which a checkpoint differs from this."""
        other = [
            f"the {name} was {_shown(known.get(name))} and is {_shown(value)}"
            for name, value in self.parts.items()
            if known.get(name) != value
        ]
        if other:
            raise DataError(
                f"{where} is of another training and cannot be resumed: {'; '.join(other)}. Put "
                "back what was changed, or fit anew"
            )


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return some_of([str(item) for item in value])
    return str(value)[:16]


@dataclass(frozen=True)
class Request:
    """What was asked for, so that it can be asked again.

    Attributes:
        source: the table or folder.
        options: all of them.
        notes: lines that led to it, such as why `auto` fine-tunes.
    """

    source: Path | Url
    options: FitOptions
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; relative paths mean what they mean from the folder that is named."""
        return {
            "source": str(self.source),
            "options": as_json(self.options),
            "folder": str(Path.cwd()),
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Request:
        """The inverse, with paths that mean the same from here. Raises LookupError, TypeError."""
        home = Path(values["folder"])
        source, options = location(values["source"]), from_json(values["options"])
        read, backbone, labels = options.read, options.backbone, options.labels
        images = read.images if read.images is None else _at(home, location(str(read.images)))
        weights, fixes = (p and home / p for p in (backbone.weights, labels.fixes))
        options = replace(
            options,
            read=replace(read, images=images if images is None else str(images)),
            backbone=replace(backbone, weights=weights),
            labels=replace(labels, fixes=fixes),
        )
        return cls(_at(home, source), options, tuple(values["notes"]))


def _at(home: Path, place: Path | Url) -> Path | Url:
    return home / place if isinstance(place, Path) else place


@dataclass
class Checkpoints:
    """The checkpoint of one run.

    Attributes:
        run: the run's folder.
        request: what was asked for.
        taken_up: the content of the checkpoint to go on from; None for a new run.
        measured: what the training decided by the clock, which it goes on with.
    """

    run: Path
    request: Request
    taken_up: Mapping[str, Any] | None = None
    measured: dict[str, Any] = field(default_factory=dict)
    _outputs: OutputFolder | None = field(default=None, init=False)

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.run / FOLDER

    def _place(self) -> OutputFolder:
        if self._outputs is None:
            self._outputs = OutputFolder(self.folder, "checkpoint", files=(TENSORS, FACTS))
        return self._outputs

    def check(self) -> None:
        """Raise UsageError, before anything is read, where it cannot be written."""
        self._place()

    def save(self, state: TrainingState, identity: Identity) -> None:
        """Put the state after an epoch in the place of the earlier one, whole. Raises OSError."""
        from safetensors.torch import save

        tensors = {name: value.cpu().contiguous() for name, value in state.tensors().items()}
        facts = {
            "format": FORMAT,
            "request": self.request.to_json(),
            "identity": dict(identity.parts),
            "measured": self.measured,
            "state": state.facts(),
        }
        with self._place().writing() as new:
            with disk.create(new / TENSORS) as file:
                file.write(save(tensors))
            write_json(new / FACTS, facts)

    def refuse_other(self, identity: Identity) -> None:
        """Raise DataError where the checkpoint to go on from is of another training than this."""
        if self.taken_up is not None:
            identity.refuse_other(self.taken_up["identity"], self.folder)

    def take_up(self, state: TrainingState) -> None:
        """Put what was saved into a state. Raises DataError for a damaged checkpoint."""
        if self.taken_up is None:
            return
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            state.take_up(load_file(self.folder / TENSORS), self.taken_up["state"])
        except (
            OSError,
            SafetensorError,
            LookupError,
            TypeError,
            ValueError,
            RuntimeError,
        ) as error:
            raise DataError(f"{self.folder / TENSORS} is missing or damaged: {error}") from error

    def epochs(self) -> int:
        """The epochs after which it was last saved; 0 without a checkpoint on disk."""
        try:
            return len(json.loads((self.folder / FACTS).read_bytes())["state"]["records"])
        except (OSError, ValueError, LookupError, TypeError):
            return 0

    def remove(self) -> None:
        """Remove it, since the results are there."""
        for name in (TENSORS, FACTS):
            disk.remove(self.folder / name)
        for path in self.folder.glob(".headstart*.json"):
            disk.remove(path)
        disk.remove_folder(self.folder)


def read_checkpoint(run: Path) -> Checkpoints:
    """The checkpoint in a run's folder.

    Raises UsageError for a folder without one, a finished run too, and DataError for one that is
    damaged.
    """
    path = run / FOLDER / FACTS
    try:
        content = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(_nothing_here(run)) from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is damaged: {error}") from error
    try:
        if content["format"] != FORMAT:
            raise ValueError(f"format {content['format']!r}, this program reads format {FORMAT}")
        request = Request.from_json(content["request"])
        facts = {"identity": dict(content["identity"]), "state": dict(content["state"])}
        measured = dict(content["measured"])
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path} is damaged: {error!r}") from error
    return Checkpoints(run, request, facts, measured)


def _nothing_here(run: Path) -> str:
    if (run / FINISHED).exists():
        return f"{run} is finished: its results are there, and nothing is left to resume"
    return (
        f"{run} has no checkpoint; name the --out folder of a fit with --recipe fine-tune or auto "
        "that was stopped after its first epoch"
    )
