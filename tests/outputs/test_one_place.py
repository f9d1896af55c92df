"""Nothing in the source writes, removes or renames a file but by the steps in outputs/disk.py."""

from __future__ import annotations

import ast
from pathlib import Path

import headstart

ROOT = Path(headstart.__file__).parent
DISK = ROOT / "outputs" / "disk.py"
# A file's own methods and functions of modules; `replace` of a text has two arguments.
CALLS = {"unlink", "rmdir", "rmtree", "mkdir", "makedirs", "rename", "write_text", "write_bytes",
         "touch", "symlink_to", "hardlink_to", "removedirs", "copyfile", "copytree", "move",
         "save_file", "savez", "mkdtemp"}  # fmt: skip
# What these names mean elsewhere: the renaming of tensors, and NumPy's archive into an open file.
MAY = {
    "backbones/opening.py": {"rename"},
    "report/features_file.py": {"savez"},
    # Folders of a run's own under names that nobody else has: blocks under way, Ray's sockets.
    "cluster/blocks.py": {"open"},
    "cluster/session.py": {"mkdtemp", "rmtree"},
}


def writes(path: Path) -> list[str]:
    """The calls in a file that would write by themselves."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if isinstance(node.func, ast.Name):
            name = "open" if node.func.id == "open" else ""
        is_renaming = name == "replace" and len(node.args) == 1 and not node.keywords
        if name == "rename" and isinstance(node.func, ast.Attribute):
            home = node.func.value
            is_renaming = not (isinstance(home, ast.Name) and home.id == "disk")
        elif name in CALLS:
            is_renaming = True
        if is_renaming or (name == "open" and _is_for_writing(node)):
            found.append(f"{name} in line {node.lineno}")
    return found


def _is_for_writing(call: ast.Call) -> bool:
    words = [*call.args, *(item.value for item in call.keywords if item.arg == "mode")]
    modes = [w.value for w in words if isinstance(w, ast.Constant) and isinstance(w.value, str)]
    return any(len(mode) <= 3 and set(mode) & set("wax+") for mode in modes)


def test_one_place_writes() -> None:
    wrong = {}
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        allowed = MAY.get(name, set())
        found = [call for call in writes(path) if call.partition(" ")[0] not in allowed]
        if found and path != DISK:
            wrong[name] = found
    # A pipe or a device that the user named cannot be replaced; it is written to as it is.
    assert wrong.pop("outputs/permission.py") == ["open in line " + _line_of_stream()]
    assert not wrong


def _line_of_stream() -> str:
    lines = (ROOT / "outputs" / "permission.py").read_text().splitlines()
    return str(next(n for n, line in enumerate(lines, 1) if 'path.open("wb") as stream' in line))


def test_the_reader_sees_what_writes(tmp_path: Path) -> None:
    file = tmp_path / "some.py"
    file.write_text(
        "from pathlib import Path\nPath('a').unlink()\nPath('a').replace(Path('b'))\n"
        "'text'.replace('a', 'b')\nopen('x', 'w')\nPath('x').open('rb')\n"
        "Path('y').open(mode='ab')\ndisk.rename(a, b)\nshutil.rmtree(a)\n"
    )
    assert [call.partition(" ")[0] for call in writes(file)] == [
        "unlink", "replace", "open", "open", "rmtree",
    ]  # fmt: skip
