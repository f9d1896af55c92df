"""Answers as JSON values, and the shape that the documentation gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field

from headstart.serve.picture_queue import Row


class PictureAnswer(BaseModel):
    """One picture: its classes' probabilities, or why there are none."""

    name: str = Field(description="The upload's name, as text to be shown.")
    predicted: str | None = Field(None, description="The likeliest class.")
    probability: float | None = Field(None, description="Its probability.")
    probabilities: dict[str, float] | None = Field(
        None, description="Every class's probability, in the model's order; their sum is 1."
    )
    familiar: float | None = Field(
        None,
        description="Share of the training pictures that are as unlike the others, 0 to 1: below "
        "0.05 the picture is unlike what the model has learnt from. Only where the model can tell.",
    )
    error: str | None = Field(None, description="Why the picture cannot be read.")


class Answers(BaseModel):
    """The pictures in the order in which they were sent."""

    answers: list[PictureAnswer]


class Problem(BaseModel):
    """Why there is no answer."""

    error: str


def answers_json(names: Sequence[str], rows: Sequence[Row]) -> dict[str, Any]:
    """`Answers` of pictures with these names; a key without a value is left out."""
    return {"answers": [_one(name, row) for name, row in zip(names, rows, strict=True)]}


def _one(name: str, row: Row) -> dict[str, Any]:
    answers, number = row
    if answers.errors[number]:
        return {"name": name, "error": answers.errors[number]}
    shares = answers.probabilities[number]
    best = int(shares.argmax())
    found: dict[str, Any] = {
        "name": name,
        "predicted": answers.classes[best],
        "probability": float(shares[best]),
        "probabilities": dict(zip(answers.classes, shares.tolist(), strict=True)),
    }
    if answers.familiar is not None:
        found["familiar"] = float(answers.familiar[number])
    return found
