"""Every verb, and what is kept, with each step on a file going wrong in turn."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.memory import Memory
from tests.faults.scenarios import SCENARIOS, Scenario
from tests.faults.trials import try_everything


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_nothing_is_lost(
    scenario: Scenario, shared: Path, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADSTART_CACHE", str(shared / "cache"))
    try_everything(scenario, shared, memory)
