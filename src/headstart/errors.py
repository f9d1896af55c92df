"""The errors that a user can cause; each says what is wrong and what to do.

HeadstartError
├── UsageError            wrong use: an option, a name, a missing extra (exit code 2)
│   ├── WeightsError      a backbone's weights cannot be had, or do not fit
│   └── MissingExtraError an optional package is not installed
└── DataError             bad data (exit code 1)
    ├── ImageError        one picture cannot be decoded
    ├── TableError        a table or a folder cannot be read as a whole
    ├── BadInputsError    bad rows and files, all of them in one list
    └── ModelFolderError  a folder is not a model of this program, or is damaged
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headstart.wording import one_line

SHOWN_BAD_INPUTS = 50
LONGEST_MESSAGE = 2_000  # characters of what a foreign file brings in


@dataclass(frozen=True)
class BadInput:
    """One bad row or file: where it is ("labels.csv, line 4: cat.jpg" or a path) and the cause."""

    where: str
    cause: str

    def __str__(self) -> str:
        return one_line(f"{self.where}: {self.cause}")


class HeadstartError(Exception):
    """Base of all errors that a user can cause; `exit_code` is the terminal program's."""

    exit_code = 1


class UsageError(HeadstartError, ValueError):
    """The call is wrong: an option's value, an unknown name. Python takes it for a ValueError."""

    exit_code = 2


class WeightsError(UsageError):
    """A backbone's weights are not on this machine or do not fit the architecture."""


class MissingExtraError(UsageError):
    """An optional package is needed; the message has the pip command."""


class DataError(HeadstartError, ValueError):
    """The data is bad. Python takes it for a ValueError."""


class ImageError(DataError):
    """One picture cannot be decoded; the message is the cause, without the file's name."""


class TableError(DataError):
    """A table or folder cannot be read as a whole."""


class BadInputsError(DataError):
    """Bad rows and files. `inputs` has all of them, the message at most the first fifty."""

    def __init__(self, inputs: Sequence[BadInput], advice: str = "") -> None:
        self.inputs = tuple(inputs)
        noun = "bad input" if len(self.inputs) == 1 else "bad inputs"
        lines = [f"{len(self.inputs)} {noun}:"]
        lines += [f"  {item}" for item in self.inputs[:SHOWN_BAD_INPUTS]]
        if len(self.inputs) > SHOWN_BAD_INPUTS:
            lines.append(f"  ... and {len(self.inputs) - SHOWN_BAD_INPUTS} more")
        if advice:
            lines.append(advice)
        super().__init__("\n".join(lines))


class ModelFolderError(DataError):
    """A folder is not a complete model of this program; what it says itself is cut short."""

    def __init__(self, message: str) -> None:
        long = len(message) > LONGEST_MESSAGE
        super().__init__(f"{message[:LONGEST_MESSAGE]} ..." if long else message)
