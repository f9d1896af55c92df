"""Labels that are no classes of the model: which lines, and the command that says what they mean.

Where nothing but case or blanks differ the label is taken for the class. Which class another label
is meant for is never guessed: a wrong guess would be a wrong figure.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace

from headstart.data.class_names import SHOWN_CLASSES, to_classes
from headstart.data.image_table import ImageTable
from headstart.errors import SHOWN_BAD_INPUTS, BadInput, BadInputsError, DataError
from headstart.wording import plural, some_of

MOST_UNSCORED = 0.05  # share of the rows; beyond it figures of the rest say little of the whole
MOST_WORDS = 12  # labels that a command line is written for; a table serves for more


def in_classes_of_model(
    table: ImageTable, classes: Sequence[str], skip_bad: bool, command: Sequence[str]
) -> tuple[ImageTable, list[str]]:
    """The table with its labels in the model's spelling, and lines about what is no class of it.

    Args:
        table: the labelled rows that are to be scored.
        classes: of the model.
        skip_bad: go on whatever share of the rows cannot be scored.
        command: the words of the command line, to be given again with --rename.

    Raises BadInputsError with the rows when more than 5% of all cannot be scored, and DataError
    when none can.
    """
    labels, notes, unknown = to_classes(table.labels or (), classes)
    table = replace(table, labels=tuple(labels))
    if not unknown:
        return table, notes
    strange = sorted({labels[row] for row in unknown})
    remedy = _remedy(strange, classes, command)
    if len(unknown) == len(table):
        raise DataError(
            f"no picture can be scored: the labels here are {_names(strange)}, the model's classes "
            f"{_names(classes)}.\n{remedy}"
        )
    bad = [
        BadInput(table.where(row), f"label {labels[row]!r} is no class of the model")
        for row in unknown
    ]
    rows, unscored = len(table) + len(table.bad), len(bad) + len(table.bad)
    if unscored > MOST_UNSCORED * rows and not skip_bad:
        share = f"{unscored} of {plural(rows, 'row')} cannot be scored, more than 5%."
        raise BadInputsError(
            [*table.bad, *bad], f"{share}\n{remedy}\nTo score the others alone: --skip-bad."
        )
    notes += [f"not scored: {item}" for item in bad[:SHOWN_BAD_INPUTS]]
    more = len(bad) - SHOWN_BAD_INPUTS
    return table, [*notes, *([f"not scored: {more} more such rows"] if more > 0 else [])]


def _remedy(strange: Sequence[str], classes: Sequence[str], command: Sequence[str]) -> str:
    """What is missing, and the command line that gives it."""
    missing = f"Missing: which of the model's classes ({_names(classes)}) is meant by each label."
    if len(strange) > MOST_WORDS or any("=" in label for label in strange):
        rows = "a row for each label and its class, under old,new"
        words = [*command, "--rename-table", "classes.csv"]
        return f"{missing}\nWrite a table classes.csv with {rows}, and give it:\n  {_typed(words)}"
    words = [*command, "--rename", *(f"{label}=CLASS" for label in strange)]
    return f"{missing}\nSay it with the class in place of each CLASS:\n  {_typed(words)}"


def _typed(words: Sequence[str]) -> str:
    return " ".join(map(shlex.quote, words))


def _names(labels: Sequence[str]) -> str:
    return some_of([repr(label) for label in sorted(labels)], SHOWN_CLASSES)
