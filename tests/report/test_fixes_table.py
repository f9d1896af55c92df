"""The table of fixes goes out, is edited, and comes back."""

from __future__ import annotations

from pathlib import Path

from headstart.audit.wrong_labels import WrongLabel
from headstart.data.fixes import apply_fixes, read_fixes
from headstart.data.image_table import ImageTable
from headstart.images.source import local_files
from headstart.report.fixes_table import write_fixes

CLASSES = ("cat", "dog", "Owl")


def test_written_and_read_again(tmp_path: Path) -> None:
    names = ("a,1.jpg", "b\n.jpg", "c.jpg")
    images = local_files([Path(name) for name in names])
    table = ImageTable(names, images, ("cat", "dog", "dog"), Path("labels.csv"), (2, 3, 4))
    found = [
        WrongLabel(1, "b\n.jpg", "dog", "cat", 0.02, 0.98, 0.02),
        WrongLabel(0, "a,1.jpg", "cat", "dog", 0.1, 0.875, 0.1125),
    ]
    path = tmp_path / "fixes.csv"
    write_fixes(path, found, table)
    assert path.read_bytes().decode() == (
        "image,label,suggested,probability,fix\n"
        '"b\n.jpg",dog,cat,0.9800,\n'
        '"a,1.jpg",cat,dog,0.8750,\n'
    )
    assert read_fixes(path, CLASSES) == {}  # nothing is fixed before the user says so
    edited = (
        path.read_bytes().replace(b"0.8750,", b"0.8750,dog").replace(b"0.9800,", b"0.9800,drop")
    )
    path.write_bytes(edited)
    fixes = read_fixes(path, CLASSES)
    assert fixes == {"b\n.jpg": None, "a,1.jpg": "dog"}
    fixed = apply_fixes(table, fixes)
    assert fixed.ids == ("a,1.jpg", "c.jpg")
    assert fixed.labels == ("dog", "dog")
    assert fixed.lines == (2, 4)
    assert fixed.notes == ("fixes: 1 label changed, 1 picture left out",)
