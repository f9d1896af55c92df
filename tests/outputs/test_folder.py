"""A folder of results: what may be replaced, what stays, and how."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from headstart.errors import UsageError
from headstart.outputs import disk, replacement, staging
from headstart.outputs.manifest import MANIFEST, read_manifest
from headstart.outputs.permission import Inputs, OutputFolder
from headstart.outputs.text_files import write_text

FILES, FOLDERS = ("figures.json", "rows.csv"), ("model",)


def results(folder: Path, inputs: Sequence[Path] = (), by: str = "fit") -> OutputFolder:
    return OutputFolder(folder, by, files=FILES, folders=FOLDERS, inputs=Inputs(inputs))


def write(folder: Path, text: str, *, names: Sequence[str] = FILES, by: str = "fit") -> None:
    with results(folder, by=by).writing() as new:
        for name in names:
            write_text(new / name, text)
        disk.make_folder(new / "model")
        write_text(new / "model" / "weights", text)


def contents(folder: Path) -> dict[str, str]:
    """Every file's text, the list left aside."""
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }


@pytest.fixture(params=["exchange", "no exchange", "current folder"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that changes places, one where the system cannot, and one that must not."""
    folder = tmp_path / "out"
    if request.param == "no exchange":
        monkeypatch.setattr(disk, "exchange", lambda one, other: False)
    if request.param == "current folder":
        folder.mkdir()
        monkeypatch.chdir(folder)
    return folder


def test_results_are_replaced_and_all_else_stays(place: Path) -> None:
    write(place, "old")
    (place / "notes.txt").write_text("mine")
    (place / "mine").mkdir()
    (place / "mine" / "figures.json").write_text("mine")
    write(place, "new", names=FILES[:1])
    assert contents(place) == {
        "figures.json": "new",
        "model/weights": "new",
        "notes.txt": "mine",
        "mine/figures.json": "mine",
    }
    assert [path.name for path in place.parent.iterdir() if path != place] == []


def test_the_users_file_keeps_its_identity(tmp_path: Path) -> None:
    """What holds it open goes on writing into the same file."""
    place = tmp_path / "out"
    write(place, "old")
    (place / "log.txt").write_text("one\n")
    (place / "link").symlink_to("nowhere")
    with (place / "log.txt").open("a") as log:
        write(place, "new")
        log.write("two\n")
    assert (place / "log.txt").read_text() == "one\ntwo\n"
    assert (place / "log.txt").stat().st_nlink == 1
    assert (place / "link").is_symlink()


def test_a_file_made_during_the_exchange_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "out"
    write(place, "old")
    (place / "notes.txt").write_text("first")
    plain = disk.exchange

    def late(one: Path, other: Path) -> bool:
        (place / "more.txt").write_text("late")
        (place / "saved").write_text("second")
        (place / "saved").replace(place / "notes.txt")  # as an editor saves
        return plain(one, other)

    monkeypatch.setattr(disk, "exchange", late)
    write(place, "new")
    assert contents(place) == {
        "figures.json": "new", "rows.csv": "new", "model/weights": "new",
        "notes.txt": "second", "more.txt": "late",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["figures.json", "rows.csv", "model/weights", "model/more"])
def test_what_is_not_ours_is_refused_first(name: str, place: Path) -> None:
    path = place / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    with pytest.raises(UsageError, match=f"{name} was not written by this program"):
        results(place)
    assert contents(place) == {name: "mine"}


def test_a_file_that_was_changed_is_refused(place: Path) -> None:
    write(place, "old")
    (place / "figures.json").write_text("edited")
    with pytest.raises(UsageError, match=r"figures.json was changed after this program wrote it"):
        results(place)
    (place / "figures.json").unlink()
    write(place, "new")
    assert contents(place)["figures.json"] == "new"


def test_another_commands_results_are_kept_or_refused(place: Path) -> None:
    write(place, "old")
    with pytest.raises(UsageError, match="is of headstart fit"):
        results(place, by="evaluate")
    with OutputFolder(place, "check", files=("check.csv",)).writing() as new:
        write_text(new / "check.csv", "checked")
    assert contents(place)["check.csv"] == "checked"
    write(place, "new")
    assert contents(place) == {
        "figures.json": "new", "rows.csv": "new", "model/weights": "new", "check.csv": "checked",
    }  # fmt: skip
    manifest = read_manifest(place)
    assert manifest is not None
    assert {name: entry.by for name, entry in manifest.files.items()}["check.csv"] == "check"


def test_an_input_is_refused_under_every_name(place: Path, tmp_path: Path) -> None:
    write(place, "old")
    (tmp_path / "link").symlink_to(place / "rows.csv")
    os.link(place / "rows.csv", tmp_path / "second name")
    for name in (place / "rows.csv", tmp_path / "link", tmp_path / "second name"):
        with pytest.raises(UsageError, match=r"rows.csv is read by this command"):
            results(place, [name])
    mine = tmp_path / "table.csv"
    mine.write_text("mine")
    results(place, [mine, tmp_path / "nothing there"])


def test_a_forged_list_leads_nowhere(tmp_path: Path) -> None:
    place, thesis = tmp_path / "out", tmp_path / "thesis.txt"
    thesis.write_text("all of it")
    write(place, "old")
    content = json.loads((place / MANIFEST).read_text())
    entry = {"by": "fit", "size": 9, "sha256": disk_digest(thesis)}
    content["files"] |= {"../thesis.txt": entry, str(thesis): entry}
    (place / MANIFEST).write_text(json.dumps(content))
    write(place, "new")
    assert thesis.read_text() == "all of it"
    (place / MANIFEST).write_text('{"mine": 1}')
    with pytest.raises(UsageError, match="is not the list of files"):
        results(place)


def disk_digest(path: Path) -> str:
    from headstart.outputs.manifest import sha256_of

    return sha256_of(path)


def test_a_link_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    place, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    place.mkdir()
    elsewhere.mkdir()
    (place / "model").symlink_to(elsewhere)
    with pytest.raises(UsageError, match="model was not written by this program"):
        results(place)


def test_a_link_to_the_folder_is_followed(tmp_path: Path) -> None:
    write(tmp_path / "real", "old")
    (tmp_path / "link").symlink_to("real")
    write(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert contents(tmp_path / "real")["rows.csv"] == "new"


def test_nothing_is_made_before_the_end(tmp_path: Path) -> None:
    outputs = results(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ZeroDivisionError), outputs.writing() as new:
        write_text(new / "rows.csv", "new")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RuntimeError, match="did not announce"), outputs.writing() as new:
        write_text(new / "other.csv", "new")


def test_a_folder_without_permission_is_told_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def denied(path: Path, _: int) -> bool:  # the superuser, as whom tests may run, may all
        asked.append(path)
        return False

    monkeypatch.setattr(os, "access", denied)
    with pytest.raises(UsageError, match="cannot be written to: no permission"):
        results(tmp_path / "out" / "deeper")
    assert asked == [tmp_path]


def test_a_file_above_the_folder_is_told_first(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match=r"file is a file|it is a file"):
        results(tmp_path / "file")
    with pytest.raises(UsageError, match=r"cannot be written to: it is a file"):
        results(tmp_path / "file" / "out")


def test_permissions_of_the_folder_stay(tmp_path: Path) -> None:
    place = tmp_path / "out"
    write(place, "old")
    place.chmod(0o700)
    write(place, "new")
    assert place.stat().st_mode & 0o777 == 0o700


def test_a_signal_waits_for_the_swap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "out"
    write(place, "old")
    plain = replacement.clear

    def interrupted(*arguments: object) -> None:
        signal.raise_signal(signal.SIGINT)
        plain(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(replacement, "clear", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(place, "new")
    assert contents(place)["rows.csv"] == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_others_work_on_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "STALE_AFTER", 0.0)
    place = tmp_path / "out"
    with results(place).writing() as first:
        write_text(first / "rows.csv", "first")
        write(place, "second")  # finds the first one's folder, which is in use
        assert first.is_dir()
        disk.make_folder(first / "model")
        write_text(first / "model" / "weights", "first")
    assert contents(place) == {"rows.csv": "first", "model/weights": "first"}
