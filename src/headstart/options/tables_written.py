"""The options of what is written."""

from __future__ import annotations

from dataclasses import dataclass

from headstart.options.definition import FIT, LABELLED, ON_BACKBONE, option


@dataclass(frozen=True, kw_only=True)
class WriteOptions:
    """How tables are written, and what a model keeps."""

    safe_csv: bool = option(
        False,
        (*LABELLED, "evaluate", "predict"),
        "Put an apostrophe before names that a spreadsheet would compute (=, +, -, @); this "
        "program takes it off again.",
    )
    keep_examples: bool = option(
        False,
        FIT,
        "Keep small copies of training pictures in the model folder, to be shown beside answers.",
        use=ON_BACKBONE,
    )
