"""Every verb, with each step on a file going wrong in turn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.fault_layer import FAULTS
from tests.faults.scenarios import SCENARIOS, Memory, Scenario, prepare_shared, remembering
from tests.faults.trials import Bench


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


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_nothing_is_lost(
    scenario: Scenario, shared: Path, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADSTART_CACHE", str(shared / "cache"))
    bench = Bench(scenario, shared, memory)
    bench.prepare()
    for kind in FAULTS:
        for at, is_real in bench.trials(kind):
            bench.attempt(kind, at, is_real=is_real)
    assert set(bench.tried) == set(FAULTS)
