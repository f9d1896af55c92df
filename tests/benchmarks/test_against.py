"""What is counted and shown of the other ways to train."""

from __future__ import annotations

from pathlib import Path

from benchmarks.against import WAYS, Ran, lines_of, table, take

from benchmarks import against


def test_every_way_has_a_program_with_a_users_lines() -> None:
    for way in WAYS:
        assert lines_of(against.HERE / "rivals" / f"{way}.py") > 0, way
    assert lines_of(against.HERE / "rivals" / "headstart_fit.py") == 1


def test_only_a_users_lines_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "way.py"
    path.write_text("import a\n# What a user writes\none\n\n# a comment\ntwo\n# End\nthree\n")
    assert lines_of(path) == 2


def test_the_table() -> None:
    ran = Ran("loop", 20, memory=2_000_000)
    take({"versions": {"torch": "2"}}, ran)
    for epoch, accuracy in ((1, 0.5), (2, 0.92), (3, 0.91)):
        seconds = 10.0 * epoch
        take({"accuracy": accuracy, "epoch": epoch, "seconds": seconds, "processors": 1.0}, ran)
    lines = table([ran, Ran("trainer", 9, problem="no module")], 0.9)
    assert lines[2].endswith("(torch 2) | 20 | 0.910 | 30 | 1 | 20 | 1 | 2 |")
    assert lines[3].endswith("| 9 | - | - | - | - | - | - |")
    assert "| never | never |" in table([ran], 0.95)[2]
