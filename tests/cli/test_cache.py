"""headstart cache: sizes in words, and the limit."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.marked_files import put
from tests.program import run

from headstart.cli.cache import size_of, size_text
from headstart.errors import UsageError
from headstart.features.cache_limit import cache_limit


@pytest.mark.parametrize(
    ("text", "size"),
    [("20GB", 20_000_000_000), ("1.5 MB", 1_500_000), ("3kb", 3000), ("4096", 4096), ("7B", 7)],
)
def test_sizes(text: str, size: int) -> None:
    assert size_of(text) == size


@pytest.mark.parametrize("text", ["", "GB", "20 parsecs", "-5MB", "1e9", "20GBs"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(UsageError, match="give a size such as 20GB"):
        size_of(text)


def test_the_limit_is_set_kept_and_shown(
    own_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = put(own_cache / "features" / "old.sqlite", 3000, 1)
    assert run("cache") == 0
    assert "3.0 kB, limit 20.0 GB" in capsys.readouterr().out
    assert run("cache", "--limit", "2kB") == 0
    assert capsys.readouterr().out.splitlines() == ["limit 2.0 kB", "3.0 kB freed"]
    assert cache_limit() == 2000
    assert not old.exists()
    assert run("cache", "--limit", "0") == 2
    assert run("cache", "--limit", "much") == 2
    assert size_text(cache_limit()) == "2.0 kB"
