"""headstart cache: what is kept, and away with it."""

from __future__ import annotations

import re
from typing import Annotated

from cyclopts import Parameter

from headstart.errors import UsageError


def cache(
    *,
    clear: Annotated[bool, Parameter(help="Delete what this program keeps.", negative="")] = False,
    limit: Annotated[
        str | None,
        Parameter(
            help="Largest size of the kept features and networks, such as 500MB; from now on, what "
            "was not used for longest goes first. It is 20GB unless set."
        ),
    ] = None,
) -> int:
    """Show the size of the feature cache, or clear it. Everything in it can be computed again.

    Examples:

        headstart cache
        headstart cache --limit 20GB
        headstart cache --clear
    """
    from headstart.cache_folder import cache_files, cache_folder, clear_cache, other_files
    from headstart.cli.terminal import cell, console, say, table
    from headstart.features.cache_limit import cache_limit, keep_to_limit, set_cache_limit
    from headstart.wording import plural, some_of

    if limit is not None:
        set_cache_limit(size_of(limit))
        say(f"limit {size_text(cache_limit())}")
        say(f"{size_text(keep_to_limit())} freed")
    if clear:
        say(f"{size_text(clear_cache())} freed")
        others = [str(path.relative_to(cache_folder())) for path in other_files()]
        if others:
            say(f"{plural(len(others), 'file')} not of this program kept: {some_of(others)}")
    if clear or limit is not None:
        return 0
    files = cache_files()
    kept = size_text(sum(file.size for file in files))
    say(f"{cache_folder()}: {kept}, limit {size_text(cache_limit())}")
    if files:
        shown = table("file", "size")
        for file in files:
            shown.add_row(cell(file.path.relative_to(cache_folder())), size_text(file.size))
        console().print(shown)
    return 0


UNITS = {"GB": 1e9, "MB": 1e6, "kB": 1e3}


def size_text(count: int) -> str:
    """Bytes in words: 1,234,567 as "1.2 MB"."""
    for unit, size in UNITS.items():
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def size_of(text: str) -> int:
    """The bytes of "20GB", "1.5 MB" or "4096". Raises UsageError for other words."""
    units = {"": 1.0, "b": 1.0, **{unit.lower(): size for unit, size in UNITS.items()}}
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    if found is None or found[2].lower() not in units:
        raise UsageError(f"--limit {text}: give a size such as 20GB, 500MB or a number of bytes")
    return int(float(found[1]) * units[found[2].lower()])
