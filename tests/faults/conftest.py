"""What the trials of all verbs share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.memory import Memory, remembering
from tests.faults.scenarios import prepare_shared


@pytest.fixture(scope="module")
def memory(shared: Path) -> Iterator[Memory]:
    """What is computed once for all trials."""
    kept = Memory()
    with remembering(kept):
        yield kept


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures, models and a cache."""
    folder = tmp_path_factory.mktemp("faults")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(folder / "cache"))
        prepare_shared(folder)
    return folder
