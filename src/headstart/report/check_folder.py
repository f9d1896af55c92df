"""What a check leaves on disk: a page, a table with a row for each picture, and everything."""

from __future__ import annotations

from pathlib import Path

from headstart.audit.check import Checked
from headstart.options import MAX_PIXELS
from headstart.outputs.permission import Inputs, OutputFolder
from headstart.outputs.text_files import write_json, write_table
from headstart.report.check_page import write_check

CHECK_FILES = ("check.html", "check.csv", "check.json")


def check_outputs(out: Path, inputs: Inputs) -> OutputFolder:
    """The folder of a check, asked for before anything is read. Raises UsageError."""
    return OutputFolder(out, "check", files=CHECK_FILES, inputs=inputs)


def write_check_folder(
    checked: Checked, folder: Path, *, title: str, max_pixels: int = MAX_PIXELS
) -> None:
    """Write `check.html`, `check.csv` and `check.json` into a new folder. Raises OSError."""
    record = checked.record.to_json()
    write_table(folder / "check.csv", *checked.audit.rows())
    write_json(folder / "check.json", {**checked.audit.to_json(), "record": record})
    write_check(
        checked.audit, folder / "check.html", title=title, record=record, max_pixels=max_pixels
    )
