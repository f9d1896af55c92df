"""The option of the tables that are written."""

from __future__ import annotations

from dataclasses import dataclass

from headstart.options.definition import LABELLED, option


@dataclass(frozen=True, kw_only=True)
class WriteOptions:
    """How tables are written."""

    safe_csv: bool = option(
        False,
        (*LABELLED, "evaluate", "predict"),
        "Put an apostrophe before names that a spreadsheet would compute (=, +, -, @); this "
        "program takes it off again.",
    )
