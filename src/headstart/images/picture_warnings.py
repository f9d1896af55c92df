"""What is odd about one picture by itself: blank, tiny, elongated, too dark, or unscaled 16 bits.

Whether it is blurred only a set of pictures can tell, and whether it is far from others a set or a
model that has learnt from one.
"""

from __future__ import annotations

from headstart.images.statistics import ImageStatistics

BLANK = 4.0  # grey levels of spread; a photograph of a white wall has about 10
DARK, BRIGHT = 25.0, 235.0  # mean grey level
TINY = 32  # pixels of the shorter side
EXTREME = 3.0  # longer side / shorter side

# The kinds of oddness, and what is said of a picture.
ALONE = {
    "blank": "one colour all over",
    "unscaled": "nearly black: its 16-bit values lie in the lowest part of their range; scale them",
    "dark": "so dark that little can be seen",
    "bright": "so bright that little can be seen",
    "tiny": "{size}, enlarged a lot for the network",
    "extreme shape": "{size}, of which the network sees the middle square",
}


# What is said of one that is farther out than 95 of 100 pictures that the model learnt from.
UNFAMILIAR = "unlike what the model has learnt from"


def elongation(statistics: ImageStatistics) -> float:
    """Longer side / shorter side."""
    sides = (statistics.width, statistics.height)
    return max(sides) / max(1, min(sides))


def kinds_alone(statistics: ImageStatistics) -> set[str]:
    """The kinds of `ALONE` that a picture is of; a blank or unscaled one is not dark as well."""
    light, is_wide = statistics.brightness, statistics.mode.startswith("I")
    is_unscaled = is_wide and light < DARK and statistics.contrast > 0
    is_blank = statistics.contrast < BLANK and not is_unscaled
    found = {
        "blank": is_blank,
        "unscaled": is_unscaled,
        "dark": light < DARK and not is_blank and not is_unscaled,
        "bright": light > BRIGHT and not is_blank,
        "tiny": min(statistics.width, statistics.height) < TINY,
        "extreme shape": elongation(statistics) > EXTREME,
    }
    return {kind for kind, is_so in found.items() if is_so}


def picture_warnings(statistics: ImageStatistics) -> tuple[str, ...]:
    """What a check would say of one picture by itself, in words; () for an ordinary one."""
    size = f"{statistics.width} x {statistics.height} pixels"
    found = kinds_alone(statistics)
    return tuple(words.format(size=size) for kind, words in ALONE.items() if kind in found)
