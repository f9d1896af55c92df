"""On drawn vehicles what speaks for an emergency lies on the vehicle."""

from __future__ import annotations

import numpy as np
from tests.explain.drawn_things import draw_things, share_on

from headstart import ImageClassifier


def test_four_fifths_of_the_map_lie_on_the_thing_drawn() -> None:
    """The map has 7 x 7 cells; what is nearer to the vehicle than half a cell is on it.

    Vehicles and what is near them cover less than half of the pictures.
    """
    things = draw_things(120, 13)
    model = ImageClassifier(precision="fp32", cache=False)
    model.fit([thing.picture for thing in things[:80]], [thing.emergency for thing in things[:80]])
    shares, areas = [], []
    for thing in things[80:]:
        if not thing.emergency:
            continue
        found = model.explain(thing.picture, True)
        assert found.method == "cam"
        half_a_cell = round((found.window[2] - found.window[0]) / 7 / 2)
        shares.append(share_on(found, thing.mask, half_a_cell))
        areas.append(thing.mask.mean())
    assert np.mean(areas) < 0.3
    assert np.mean(shares) >= 0.8
