"""What a check leaves on disk: a page, a table with a row for each picture, and everything."""

from __future__ import annotations

import json
from pathlib import Path

from headstart.audit.check import Checked
from headstart.options import MAX_PIXELS
from headstart.report.check_page import write_check
from headstart.report.predictions_table import write_table
from headstart.report.run_folder import replace_text


def write_check_folder(
    checked: Checked, folder: Path, *, title: str, max_pixels: int = MAX_PIXELS
) -> None:
    """Write `check.html`, `check.csv` and `check.json`. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    record = checked.record.to_json()
    write_table(folder / "check.csv", *checked.audit.rows())
    content = {**checked.audit.to_json(), "record": record}
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    # Half of a surrogate pair, from a file name that is not UTF-8, becomes JSON's own \udcff.
    readable = text.encode("utf-8", "backslashreplace").decode("utf-8")
    replace_text(folder / "check.json", readable)
    write_check(
        checked.audit, folder / "check.html", title=title, record=record, max_pixels=max_pixels
    )
