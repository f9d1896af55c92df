"""The public names, and that importing the package is quick and quiet."""

from __future__ import annotations

import subprocess
import sys

import pytest

import headstart


def test_names_are_sorted_and_there() -> None:
    assert list(headstart.__all__) == sorted(headstart.__all__)
    for name in headstart.__all__:
        assert getattr(headstart, name).__name__ == name
    assert headstart.__version__


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_here"):
        _ = headstart.nothing_here


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not done.stderr
    return done.stdout


def test_importing_loads_nothing_heavy() -> None:
    code = "import headstart, sys; print({'torch', 'numpy', 'sklearn', 'PIL'} & set(sys.modules))"
    assert run(code).strip() == "set()"


def test_help_does_not_load_torch() -> None:
    code = (
        "import sys\nfrom headstart.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as stop:\n    print(stop.code)\n"
        "print({'torch', 'timm', 'numpy', 'sklearn', 'pandas'} & set(sys.modules))"
    )
    lines = run(code).strip().splitlines()
    assert lines[-1] == "set()"
    assert any("fit" in line for line in lines)
