"""The stable code of each kind of finding, by hundreds; docs/findings.md says what each means."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from headstart.errors import UsageError

# A code is never given to another kind, and a kind keeps its code: data repositories' checks name
# them. 1: labels, 2: files, 3: copies and splits, 4: shortcuts, 5: odd pictures, 6: counts.
CODES = {
    "HS101": "wrong-label",
    "HS102": "contradiction",
    "HS201": "bad-input",
    "HS202": "missing-picture",
    "HS301": "duplicate",
    "HS302": "given-split",
    "HS303": "series",
    "HS401": "shortcut-name-numbers",
    "HS402": "shortcut-name-words",
    "HS403": "shortcut-row-order",
    "HS404": "shortcut-time-stamps",
    "HS405": "shortcut-exif",
    "HS406": "shortcut-file-size",
    "HS407": "shortcut-width-and-height",
    "HS408": "shortcut-format",
    "HS409": "shortcut-mean-colour",
    "HS410": "shortcut-border",
    "HS411": "shortcut-thumbnail",
    "HS501": "odd-blank",
    "HS502": "odd-dark",
    "HS503": "odd-bright",
    "HS504": "odd-blurred",
    "HS505": "odd-tiny",
    "HS506": "odd-extreme-shape",
    "HS507": "odd-far",
    "HS508": "odd-unscaled",
    "HS601": "small-class",
    "HS602": "imbalance",
    "HS603": "test-size",
    "HS604": "learning-curve",
}
CODE_OF = {kind: code for code, kind in CODES.items()}


def kind_name(group: str, kind: str) -> str:
    """ "odd" and "extreme shape" as the finding's kind: "odd-extreme-shape"."""
    return f"{group}-{kind.replace(' ', '-')}"


def codes_of(flag: str, words: Iterable[str]) -> frozenset[str]:
    """The codes that the user's words name: a code, its beginning (HS1, HS), or a kind.

    Words may be joined by commas. Raises UsageError for a word that names none; `flag` is where it
    was given.
    """
    chosen: set[str] = set()
    for word in (part.strip() for text in words for part in text.split(",")):
        kind = CODE_OF.get(word.casefold())
        found = [kind] if kind else [c for c in CODES if word and c.startswith(word.upper())]
        if not found:
            near = difflib.get_close_matches(word.casefold(), CODE_OF, n=1)
            hint = f"; the nearest is {CODE_OF[near[0]]} {near[0]}" if near else ""
            raise UsageError(
                f"{flag} {word!r}: no finding has this code{hint}. Allowed are a code such as "
                "HS101, the beginning of codes such as HS1, or a name such as wrong-label; "
                "docs/findings.md lists them"
            )
        chosen.update(found)
    return frozenset(chosen)
