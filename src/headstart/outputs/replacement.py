"""A folder that was put together takes the place of an earlier one: as one, or not at all.

Where Linux can let two names change places in one step, the new folder and the old one do so, and
the old one is cleared afterwards. The user's few files in it get a second name in the new folder
before, so that there is no moment without them.

A folder that cannot change places (it is the current one, a mount, holds folders of the user, or
the system has no such step) is replaced inside: first each folder that is wholly ours, such as a
model, by such an exchange or a renaming, then file by file, the list of files last. What is still
to be done lies beside it in a plan, so that the next command finishes what a kill left half done.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from headstart.errors import UsageError
from headstart.outputs import disk
from headstart.outputs.earlier_runs import earlier_files
from headstart.outputs.manifest import (
    MANIFEST,
    Entry,
    Manifest,
    files_below,
    read_json,
    read_manifest,
)
from headstart.outputs.staging import Staging, discard, left_behind

PLAN = ".headstart-plan.json"
MOST_CARRIED = 100  # files of the user that get a second name; with more, the folder stays


def known_files(folder: Path) -> Mapping[str, Entry]:
    """What this program wrote into a folder, by its list or by certain signs."""
    if not folder.is_dir():
        return {}
    manifest = read_manifest(folder)
    return manifest.files if manifest is not None else earlier_files(folder)


def replace_folder(
    made: Staging, target: Path, ours: Mapping[str, Entry], folders: Sequence[str]
) -> None:
    """Let a complete staging folder take the place of `target`.

    Args:
        made: with all files and their list, on the disk.
        target: the folder to replace, or nothing.
        ours: files in `target` that go, as they were written.
        folders: names of folders in it that are replaced whole.

    Raises OSError. Before an exchange nothing has changed then; inside a folder, the next command
    finishes the work.
    """
    new = made.folder
    with disk.signals_held():
        if not target.is_dir():
            disk.rename(new, target)
            disk.sync(target.parent)
            return
        if _exchanged(made, target, ours):
            return
        plan = {"folders": list(folders), "old": {n: asdict(e) for n, e in ours.items()}}
        with disk.create(new / PLAN) as file:
            file.write(json.dumps(plan).encode())
        disk.sync(new / PLAN)
        disk.sync(new)
        made.is_ours = False
        finish(new, target)


def _exchanged(made: Staging, target: Path, ours: Mapping[str, Entry]) -> bool:
    """Change places with the target, if that can be done, and clear what was there."""
    new = made.folder
    if new.parent != target.parent or not _may_move(target, new):
        return False
    carried = _carry(new, target, ours)
    if carried is None:
        return False
    new.chmod(target.stat().st_mode & 0o7777)
    if not disk.exchange(new, target):
        _drop(new, carried)
        return False
    made.is_ours = False
    # The new folder is in its place; what fails now can wait for the next run.
    with suppress(OSError):
        disk.sync(target.parent)
    with suppress(OSError):
        clear(new, target, ours, carried)
    return True


def stays_in_place(folder: Path) -> bool:
    """True for a folder that must not change places: the current one, one above it, a mount."""
    if os.path.ismount(folder):
        return True
    with suppress(OSError):
        current = Path.cwd()
        return any(step.samefile(folder) for step in (current, *current.parents))
    return False


def _may_move(target: Path, new: Path) -> bool:
    here, there = target.stat(), new.stat()
    return not stays_in_place(target) and (here.st_uid, here.st_gid) == (
        there.st_uid,
        there.st_gid,
    )


def _carry(new: Path, target: Path, ours: Mapping[str, Entry]) -> dict[str, int] | None:
    """Give the user's files a second name in the new folder; None when that cannot be.

    Returns the number by which the system knows each file.
    """
    steps = {parent.as_posix() for name in ours for parent in Path(name).parents}
    carried: dict[str, int] = {}
    try:
        for folder in sorted(steps | {"."}):
            for path in (target / folder).iterdir():
                name = path.relative_to(target).as_posix()
                if name in ours or name == MANIFEST:
                    continue
                is_folder = path.is_dir() and not path.is_symlink()
                if is_folder and name in steps:
                    continue
                if is_folder or len(carried) == MOST_CARRIED:
                    _drop(new, carried)
                    return None
                disk.make_folder((new / name).parent)
                carried[name] = path.lstat().st_ino
                disk.link(path, new / name)
    except OSError:  # another disk below it, or a system without second names
        _drop(new, carried)
        return None
    return carried


def _drop(new: Path, carried: Iterable[str]) -> None:
    for name in carried:
        disk.remove(new / name)


def clear(
    old: Path, target: Path, ours: Mapping[str, Entry], carried: Mapping[str, int] | None = None
) -> None:
    """Remove what a replaced folder held of ours; the rest goes where it was, or stays.

    A file that a user made or saved between the second names and the exchange is in `old` only,
    and gets its place in `target`.
    """
    for name, path in list(files_below(old)):
        twin = target / name
        if name == MANIFEST:
            continue
        if name in ours and ours[name].fits(path):
            disk.remove(path)
        elif not os.path.lexists(twin):
            disk.make_folder(twin.parent)
            disk.rename(path, twin)
        elif path.lstat().st_ino == twin.lstat().st_ino:
            disk.remove(path)
        elif (carried or {}).get(name) == twin.lstat().st_ino:
            disk.rename(path, twin)
    if any(name != MANIFEST for name, _ in files_below(old)):
        return
    discard(old)


def finish(new: Path, target: Path) -> None:
    """Replace inside a folder as its plan says; done again, it goes on where it was stopped."""
    plan = read_json(new / PLAN)
    old = {str(name): Entry(**entry) for name, entry in plan["old"].items()}
    manifest = read_manifest(new)
    if manifest is not None:
        waiting = {name: entry for name, entry in manifest.files.items() if entry.fits(new / name)}
        _check_targets(target, waiting, old)
        for name in plan["folders"]:
            inside = {file for file in manifest.files if file.startswith(f"{name}/")}
            if inside and inside <= waiting.keys():
                _replace_whole(new / name, target / name)
        # A model's description goes last, so that a half replaced one is told by its digests.
        for name in sorted(waiting, key=lambda name: (name.endswith(".json"), name)):
            if waiting[name].fits(new / name):
                disk.make_folder((target / name).parent)
                disk.rename(new / name, target / name)
        for name in old.keys() - manifest.files.keys():
            if old[name].fits(target / name):
                disk.remove(target / name)
        _remove_empty(target, old)
        disk.rename(new / MANIFEST, target / MANIFEST)
        disk.sync(target)
    with suppress(OSError):
        clear(new, target, old)


def _check_targets(target: Path, waiting: Mapping[str, Entry], old: Mapping[str, Entry]) -> None:
    """Raise UsageError before anything is done when something else has come in the way."""
    for name, entry in waiting.items():
        path = target / name
        known = [entry] if name not in old else [entry, old[name]]
        if os.path.lexists(path) and not any(version.fits(path) for version in known):
            raise UsageError(
                f"{path} is not as this program wrote it and stands in the way; move it away and "
                "give the same command again"
            )


def _replace_whole(new: Path, target: Path) -> None:
    """Put one folder that is wholly ours in its place in one step, where that can be done."""
    disk.make_folder(target.parent)
    if not os.path.lexists(target):
        disk.rename(new, target)
    else:
        disk.exchange(new, target)


def _remove_empty(target: Path, old: Iterable[str]) -> None:
    """Remove the folders of files that are gone, if nothing else is in them."""
    steps = {step for name in old for step in Path(name).parents} - {Path()}
    for step in sorted(steps, key=lambda step: -len(step.parts)):
        disk.remove_folder(target / step)


def finish_earlier(target: Path) -> None:
    """Do away with what killed commands left of `target`, or finish it."""
    places = (target.parent, target) if target.is_dir() else (target.parent,)
    for place in places:
        for folder in left_behind(place, target):
            _finish_one(folder, target)


def _finish_one(folder: Path, target: Path) -> None:
    try:
        manifest = read_manifest(folder)
    except UsageError:  # nothing is known of it
        return
    if (folder / PLAN).exists():
        with disk.signals_held():
            finish(folder, target)
    elif _is_unused(folder, manifest):
        discard(folder)
    elif target.is_dir():  # what an exchange put aside
        clear(folder, target, known_files(folder))


def _is_unused(folder: Path, manifest: Manifest | None) -> bool:
    """True for a folder that was put together and has not taken its place."""
    if manifest is None:
        return not any(files_below(folder))
    return manifest.staging == folder.name
