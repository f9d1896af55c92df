"""Check sizes: a file that outgrows a few screens, or a function that outgrows one, is split."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

LONGEST_FILE = 400  # lines
LONGEST_FUNCTION = 60  # lines, the docstring included

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def problems(path: Path) -> list[str]:
    """What is too long in one file."""
    text = path.read_text(encoding="utf-8")
    count = len(text.splitlines())
    found = []
    if count > LONGEST_FILE:
        found.append(f"{path}: {count} lines, at most {LONGEST_FILE}")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, FunctionNode) and node.end_lineno:
            length = node.end_lineno - node.lineno + 1
            if length > LONGEST_FUNCTION:
                found.append(
                    f"{path}:{node.lineno}: {node.name} has {length} lines, "
                    f"at most {LONGEST_FUNCTION}"
                )
    return found


def main() -> int:
    """Print every problem; 1 when there is one."""
    files = [*Path("src").rglob("*.py"), *Path("tests").rglob("*.py")]
    found = [line for path in sorted(files) for line in problems(path)]
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
