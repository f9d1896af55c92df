"""Templates to one file that needs no other."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from headstart.evaluate.significance import p_text
from headstart.outputs.text_files import write_text
from headstart.report import words
from headstart.wording import printable


def write_page(template: str, path: Path, context: Mapping[str, Any]) -> None:
    """Fill a template of this package and write it as a new file. Raises OSError."""
    text = _templates().get_template(template).render(context)
    write_text(path, printable(text))


@cache
def _templates() -> Environment:
    # Everything is escaped but what is Markup already: drawings, and names with places to break.
    made = Environment(
        loader=PackageLoader("headstart", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "number": words.number,
        "interval": words.interval,
        "plus_minus": words.plus_minus,
        "file_size": words.file_size,
        "seconds": words.seconds,
        "signed": words.signed,
        "p_value": p_text,
        "breakable": words.breakable,
    }
    return made
