"""The part of check.html where labels in doubt are decided: its pictures, its data, its script."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from importlib import resources
from typing import Any

from markupsafe import Markup

from headstart.audit.doubts import NEIGHBOURS, Doubt
from headstart.audit.finding_codes import CODE_OF, CODES
from headstart.audit.findings import Audit
from headstart.data.fixes import COLUMNS, DROP
from headstart.images.source import ImageSource
from headstart.report.number_formats import count
from headstart.report.thumbnails import Thumbnail, thumbnail

ROOM = 13_000_000  # characters of the page for the pictures in doubt: with all else below 20 MB
NEAR_ROOM = 5_000_000  # and for their neighbours
SIDES = (512, 384, 288, 224, 160, 112)  # pixels of the longer side, the largest that has room
NEAR_SIDE = 96
TRIED = 12  # pictures whose sizes tell which side has room
AT_ONCE = 128


@dataclass(frozen=True)
class Review:
    """What check.html needs for deciding.

    Attributes:
        total: pictures to decide on.
        words, notes: what they are, and what the page lacks.
        codes: code, name and number of pictures of each finding among them.
        given: place, name and number of pictures of each given class among them.
        classes: all classes.
        data: everything else as JSON that may stand in a script element.
        script: the program of the page.
        policy: the only script that the page may run, for its Content-Security-Policy.
    """

    total: int
    words: str
    notes: tuple[str, ...]
    codes: tuple[tuple[str, str, int], ...]
    given: tuple[tuple[int, str, int], ...]
    classes: tuple[str, ...]
    data: Markup
    script: Markup
    policy: str


def label_review(audit: Audit, data_digest: str, max_pixels: int) -> Review | None:
    """The doubts of an audit with their pictures; None when there is nothing to decide.

    Args:
        audit: what was found.
        data_digest: decisions are kept in the browser under it, so that they return for the same
            pictures and labels only.
        max_pixels: limit for a picture's size.
    """
    if not audit.doubts:
        return None
    shrink = partial(_shrunk, audit.table.images, max_pixels)
    side = _side_with_room([doubt.row for doubt in audit.doubts], shrink)
    large = dict(_within(ROOM, [doubt.row for doubt in audit.doubts], partial(shrink, side)))
    doubts = audit.doubts[: len(large)]
    near = dict(_within(NEAR_ROOM, _neighbours(doubts, large), partial(shrink, NEAR_SIDE)))
    classes = audit.table.classes
    labels = audit.table.labels or ()
    given = Counter(labels[doubt.row] for doubt in doubts)
    codes = Counter(code for doubt in doubts for code in doubt.codes)
    script, policy = _script()
    return Review(
        total=len(doubts),
        words=f"{count(len(doubts), 'picture')} to decide on, each with the pictures most like it. "
        "Save the decisions as fixes.csv and use them with fit --fixes fixes.csv.",
        notes=tuple(_notes(audit.doubts, doubts, side, near.keys() | large.keys())),
        codes=tuple((code, CODES[code], n) for code, n in sorted(codes.items())),
        given=tuple((i, name, given[name]) for i, name in enumerate(classes) if given[name]),
        classes=classes,
        data=_as_json(audit, doubts, large, near, data_digest),
        script=script,
        policy=policy,
    )


Shrunk = tuple[int, Thumbnail]


def _shrunk(images: Sequence[ImageSource], max_pixels: int, side: int, row: int) -> Shrunk:
    return row, thumbnail(images[row], side=side, max_pixels=max_pixels)


def _side_with_room(rows: Sequence[int], shrink: partial[Shrunk]) -> int:
    """The largest side at which all pictures have room, by some of them."""
    tried = rows[:: -(-len(rows) // TRIED)]
    for side in SIDES:
        length = sum(len(shrink(side, row)[1].uri) for row in tried) / len(tried)
        if length * len(rows) <= ROOM:
            return side
    return SIDES[-1]


def _within(room: int, rows: Sequence[int], shrink: partial[Shrunk]) -> Iterator[Shrunk]:
    """Pictures in this order until the room is filled."""
    with ThreadPoolExecutor(thread_name_prefix="thumbnail") as pool:
        for start in range(0, len(rows), AT_ONCE):
            for row, small in pool.map(shrink, rows[start : start + AT_ONCE]):
                room -= len(small.uri)
                if room < 0:
                    return
                yield row, small


def _neighbours(doubts: Sequence[Doubt], shown: Mapping[int, Thumbnail]) -> list[int]:
    """Rows that are neighbours and not shown themselves, the nearest ones of every doubt first."""
    ranked = (
        row
        for rank in range(NEIGHBOURS)
        for doubt in doubts
        for line in (doubt.given_like, doubt.suggested_like)
        for row in line[rank : rank + 1]
    )
    return [row for row in dict.fromkeys(ranked) if row not in shown]


def _notes(
    all_doubts: Sequence[Doubt], doubts: Sequence[Doubt], side: int, shown: set[int]
) -> Iterator[str]:
    """What the page lacks, so that it stays below 20 MB."""
    left = len(all_doubts) - len(doubts)
    if left:
        yield (
            f"{count(left, 'more picture')} in doubt would make this page too large: use these "
            "decisions and check again, or see check.csv."
        )
    if side < SIDES[0]:
        yield f"So many pictures are shown at no more than {side} pixels."
    wanted = {row for doubt in doubts for row in (*doubt.given_like, *doubt.suggested_like)}
    if wanted - shown:
        yield f"{count(len(wanted - shown), 'neighbour')} had no room, the farther ones first."


def _as_json(
    audit: Audit,
    doubts: Sequence[Doubt],
    large: Mapping[int, Thumbnail],
    near: Mapping[int, Thumbnail],
    data_digest: str,
) -> Markup:
    table = audit.table
    place = {name: number for number, name in enumerate(table.classes)}
    labels = table.labels or ()

    def alike(rows: Sequence[int]) -> list[int]:
        return [row for row in rows if row in near or row in large]

    items = [
        {
            "row": doubt.row,
            "name": table.ids[doubt.row],
            "given": place[labels[doubt.row]],
            "suggested": place[doubt.suggested] if doubt.suggested is not None else -1,
            "p": None if doubt.p_given is None else [doubt.p_given, doubt.p_suggested],
            "codes": doubt.codes,
            "like": [alike(doubt.given_like), alike(doubt.suggested_like)],
            **_picture(large[doubt.row]),
        }
        for doubt in doubts
    ]
    content = {
        "items": items,
        "near": {row: {"name": table.ids[row], **_picture(small)} for row, small in near.items()},
        "classes": table.classes,
        "codes": {code: CODES[code] for doubt in doubts for code in doubt.codes},
        "digest": data_digest,
        "earlier": list(audit.decided.items()),
        "copy": CODE_OF["contradiction"],
        "columns": COLUMNS,
        "drop": DROP,
        # `read_fixes` takes the word for a class that is called so.
        "can_leave_out": DROP not in {name.casefold() for name in table.classes},
    }
    return _script_safe(content)


def _picture(small: Thumbnail) -> dict[str, str]:
    return {"uri": small.uri} if small.uri else {"error": small.error}


def _script_safe(content: Any) -> Markup:
    """JSON in ASCII that no parser of HTML takes for markup."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


@cache
def _script() -> tuple[Markup, str]:
    """The program, and its digest as a Content-Security-Policy names it."""
    file = resources.files("headstart.report").joinpath("templates", "label_review.js")
    text = file.read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return Markup(text), f"script-src 'sha256-{digest}'"
