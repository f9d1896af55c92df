"""The record of a run as rows to read: what was asked for, on what, and how long it took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headstart.options import FitOptions, as_json
from headstart.report.number_formats import seconds

Rows = tuple[tuple[str, str], ...]


def record_tables(record: Mapping[str, Any]) -> tuple[tuple[str, Rows], ...]:
    """Titles with their rows, from `RunRecord.to_json()`."""
    about = [
        ("Recipe", record.get("recipe", "")),
        ("Pictures", record.get("source", "")),
        ("Started", record.get("started", "")),
        ("Seed", record.get("seed", "")),
        ("Data digest", record.get("data_digest", "")),
    ]
    options = changed_options(record.get("options", {}))
    tables = [
        ("The run", tuple((name, str(value)) for name, value in about if value != "")),
        ("Options that differ from the defaults", options or (("None", "all are the defaults"),)),
        ("Time", tuple((k, seconds(float(v))) for k, v in record.get("seconds", {}).items())),
        ("Machine", _plain(record.get("machine", {}))),
        ("Versions", _plain(record.get("versions", {}))),
    ]
    return tuple((title, rows) for title, rows in tables if rows)


def changed_options(options: Mapping[str, Any]) -> Rows:
    """Options whose value is not the default, as flags; one that has no default here counts."""
    usual = as_json(FitOptions())
    found = []
    for room, values in options.items():
        if not isinstance(values, Mapping):
            if room not in usual or values != usual[room]:
                found.append((f"--{room.replace('_', '-')}", str(values)))
            continue
        defaults = usual.get(room, {})
        found += [
            (f"--{name.replace('_', '-')}", str(value))
            for name, value in values.items()
            if name not in defaults or value != defaults[name]
        ]
    return tuple(found)


def _plain(values: Mapping[str, Any]) -> Rows:
    return tuple((name, str(value)) for name, value in values.items())
