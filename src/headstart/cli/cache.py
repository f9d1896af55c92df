"""headstart cache: what is kept, and away with it."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter


def cache(
    *,
    clear: Annotated[
        bool, Parameter(help="Delete what this program keeps there.", negative="")
    ] = False,
) -> int:
    """Show the size of the feature cache, or clear it. Everything in it can be computed again.

    Examples:

        headstart cache
        headstart cache --clear
    """
    from headstart.cache_folder import cache_files, cache_folder, clear_cache, other_files
    from headstart.cli.show import cell, console, say, table
    from headstart.data.labels import plural, some_of

    if clear:
        say(f"{size_text(clear_cache())} freed")
        others = [str(path.relative_to(cache_folder())) for path in other_files()]
        if others:
            say(f"{plural(len(others), 'file')} not of this program kept: {some_of(others)}")
        return 0
    files = cache_files()
    say(f"{cache_folder()}: {size_text(sum(file.size for file in files))}")
    if files:
        shown = table("file", "size")
        for file in files:
            shown.add_row(cell(file.path.relative_to(cache_folder())), size_text(file.size))
        console().print(shown)
    return 0


def size_text(count: int) -> str:
    """Bytes in words: 1,234,567 as "1.2 MB"."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
