"""C85: many classes of few pictures come to an end, and the steps are told."""

from __future__ import annotations

import numpy as np

from headstart.heads.linear import LinearHead

CLASSES, EACH, SIZE = 60, 3, 32


class Told:
    """What progress was told: the steps announced and those done, by label."""

    def __init__(self) -> None:
        self.steps: dict[str, int] = {}
        self.done: dict[str, int] = {}
        self.label = ""

    def start(self, label: str, total: int) -> None:
        self.label = label
        self.steps[label] = self.steps.get(label, 0) + total

    def advance(self, steps: int = 1) -> None:
        self.done[self.label] = self.done.get(self.label, 0) + steps

    def stop(self) -> None:
        pass

    def note(self, text: str) -> None:
        pass


def test_sixty_classes_of_three_are_learnt_and_each_step_is_told() -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(CLASSES, SIZE))
    X = (np.repeat(centres, EACH, axis=0) + rng.normal(0, 0.2, (CLASSES * EACH, SIZE))).astype(
        np.float32
    )
    y = np.repeat(np.arange(CLASSES), EACH)
    told = Told()
    head = LinearHead(random_state=0)
    head.fit(X, y, progress=told)
    found = head.predict_proba((centres).astype(np.float32)).argmax(axis=1)
    assert (found == np.arange(CLASSES)).mean() > 0.95
    assert told.done == told.steps
    assert sum(told.steps.values()) > 5  # one for each C and each refit, not one for all
