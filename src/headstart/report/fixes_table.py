"""A table of doubtful labels for the user to edit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from headstart.audit.wrong_labels import WrongLabel
from headstart.data.fixes import COLUMNS
from headstart.data.image_table import ImageTable
from headstart.outputs.text_files import write_table


def write_fixes(path: Path, found: Sequence[WrongLabel], table: ImageTable) -> None:
    """Write the doubtful labels as a new CSV file with an empty column "fix".

    The user writes there the right class, or "drop" to leave the picture out; what stays empty
    stays as it is. `probability` is that of the suggested class. Raises OSError.
    """
    rows = [
        (table.ids[item.row], item.given, item.likelier, f"{item.p_likelier:.4f}", "")
        for item in found
    ]
    write_table(path, COLUMNS, rows)
