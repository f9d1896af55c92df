"""Words for people: counts, lists of names, and text that may come from anywhere.

A name or a label is shown as it is, but for characters that would act on the terminal or the page
instead of being seen.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

# Control characters, halves of a surrogate pair (a file name's bytes that are no UTF-8), the marks
# that turn the direction of writing, and the two code points that XML forbids.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_LINE_ENDS = re.compile("[\t\n]")


def printable(text: str) -> str:
    """The text with each character that cannot be shown as its code: `\\x1b`, `\\udcff`.

    Tabs and line feeds stay; a message of ours may have several lines.
    """
    return _UNPRINTABLE.sub(_code, text)


def one_line(text: str) -> str:
    """`printable` for a name inside a line: its own line feeds and tabs are codes too."""
    return _LINE_ENDS.sub(_code, printable(text))


def _code(found: re.Match[str]) -> str:
    number = ord(found.group())
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


def plural(count: int, noun: str) -> str:
    """ "1 row", "2 rows"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def some_of(names: Sequence[str], shown: int = 5) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
