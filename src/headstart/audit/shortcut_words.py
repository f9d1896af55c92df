"""Shortcuts in words: how strong, and what to do."""

from __future__ import annotations

from headstart.audit.shortcut_inputs import Evidence
from headstart.audit.shortcut_trial import Trial

MODEL = "A small model that knows nothing else: "


def describe(item: Evidence, trial: Trial, rule: str, right: int, reported: bool) -> str:
    """A kind's result in a sentence or two: the rule and how often it is right, and the figures."""
    low, high = trial.interval
    figures = (
        f"{trial.right:.1%} ({low:.1%} to {high:.1%}) on rows not seen, against "
        f"{trial.largest:.1%} for the largest class"
    )
    if not reported:
        return f"{item.subject} no label clearly: {figures}."
    if rule:
        count = "all" if right == trial.rows else f"{right:,} of"
        return (
            f"{item.subject} the label for {count} {trial.rows:,} rows ({rule}). {MODEL}{figures}."
        )
    return f"{item.subject} the label for {figures}."


_UNSEEN = (
    "The model does not see this, so its figures stand; but the classes were gathered apart, and "
    "what else differs between the two (camera, place, light, size) it may learn instead of the "
    "content. Look at a few pictures of each class for such signs, "
)
_SEEN = (
    "The network sees its traces, and may learn them instead of the content; its accuracy then "
    "holds for pictures gathered in the same way only. "
)
_COARSE = (
    "This can be the content itself (a sky, a lawn) or the place where a class was taken. Test on "
    "pictures of every class from other places before you trust the accuracy."
)
ADVICE = {
    "name numbers": _UNSEEN + "and do not use the name for anything else.",
    "name words": _UNSEEN + "and do not use the name for anything else.",
    "row order": _UNSEEN + "and never split by the order of the rows.",
    "time stamps": _UNSEEN
    + "unless the files were only copied class by class, which does no harm.",
    "exif": _UNSEEN + "and keep one camera on one side of the split: --group-column.",
    "file size": _SEEN
    + "Save all pictures with one program, one format and one quality, from the originals.",
    "width and height": _SEEN
    + "Bring all pictures to one shape by cropping, and take the classes from the same sources.",
    "format": _SEEN
    + "Save all pictures with one program, one format and one quality, from the originals.",
    "mean colour": _COARSE,
    "border": _COARSE + " Crop frames, captions and watermarks off.",
    "thumbnail": _COARSE,
}
