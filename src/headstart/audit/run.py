"""From what the user gives to an audit with the record of how it was made."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from headstart.audit.check import audit, audit_table
from headstart.audit.findings import Audit
from headstart.backbones.open import open_backbone
from headstart.data.image_table import ImageTable
from headstart.data.read_table import read_table
from headstart.errors import TableError
from headstart.options import FitOptions, as_json
from headstart.progress import QUIET, Progress
from headstart.recipes import run_record
from headstart.recipes.labelled import Labelled, embed_labelled, read_labelled
from headstart.recipes.run_record import RunRecord


@dataclass(frozen=True)
class Checked:
    """An audit, and what was run for it."""

    audit: Audit
    record: RunRecord


def run_check(source: Path, options: FitOptions, progress: Progress = QUIET) -> Checked:
    """Read, embed, and look for everything; bad rows and files become findings.

    A table none of whose pictures is there is looked at by itself, and a note says so.

    Raises:
        DataError: there are no labels, no usable picture, or one class only.
        UsageError: an option does not fit the source.
    """
    started, began = run_record.now(), time.perf_counter()
    reading = replace(options.read, skip_bad=True)
    try:
        table = read_labelled(source, reading, options.labels)
    except TableError:
        alone = _without_pictures(source, options)
        if alone is None:
            raise
        return _check_table(alone, options, started, began, progress)
    for note in table.notes:
        progress.note(note)
    backbone = open_backbone(options.backbone, device=options.embed.device)
    for note in backbone.info.notes:
        progress.note(note)
    data = embed_labelled(table, backbone, options.embed, reading, options.split, progress)
    for note in data.notes[len(table.notes) :]:
        progress.note(note)
    split = options.split
    looked = time.perf_counter()
    found = audit(data, test_fraction=split.test_fraction, seed=split.seed, progress=progress)
    seconds = {
        "embed": data.features.seconds,
        "audit": time.perf_counter() - looked,
        "total": time.perf_counter() - began,
    }
    return Checked(found, _record(options, data, started, seconds))


def _without_pictures(source: Path, options: FitOptions) -> ImageTable | None:
    """The table of names and labels when not a single one of its pictures is there."""
    if source.is_dir() or not source.is_file():
        return None
    table = read_table(source, options.read, keep_missing=True)
    if table.labels is None or not len(table) or any(path.is_file() for path in table.paths):
        return None
    return table


def _check_table(
    table: ImageTable, options: FitOptions, started: str, began: float, progress: Progress
) -> Checked:
    note = (
        f"none of the {len(table):,} pictures was found: names, labels and the order of the rows "
        "are looked at alone"
    )
    table = replace(table, notes=(*table.notes, note))
    for line in table.notes:
        progress.note(line)
    found = audit_table(table, seed=options.split.seed)
    seconds = {"total": time.perf_counter() - began}
    return Checked(found, _record(options, table, started, seconds))


def _record(
    options: FitOptions, data: Labelled | ImageTable, started: str, seconds: dict[str, float]
) -> RunRecord:
    rooms = ("read", "labels", "backbone", "embed", "split")
    chosen = as_json(options)
    sha256 = data.features.sha256 if isinstance(data, Labelled) else ("",) * len(data)
    return RunRecord(
        recipe="check",
        source=str(data.table.source if isinstance(data, Labelled) else data.source),
        options={room: chosen[room] for room in rooms},
        seed=options.split.seed,
        data_digest=run_record.data_digest(sha256, data.labels or ()),
        versions=run_record.versions(),
        machine=run_record.machine(),
        started=started,
        seconds=seconds,
        notes=data.notes,
    )
