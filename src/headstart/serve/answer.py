"""Answers as JSON values, and the shape that the documentation gives them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, Field

from headstart.explain.explanation import Explanation
from headstart.serve.picture_queue import Row

PNG = "image/png"


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


class NearPicture(BaseModel):
    """A picture that the model learnt from."""

    name: str = Field(description="As the table or folder had it, as text to be shown.")
    label: str = Field(description="The class that it was said to be.")
    likeness: float = Field(description="The cosine of both pictures' features, at most 1.")
    small: str | None = Field(
        None, description="A small copy as a data address of a JPEG, where the model keeps some."
    )


class Explained(BaseModel):
    """What an answer rests on."""

    class_name: str = Field(description="The class that is explained.")
    probability: float = Field(description="Its probability.")
    method: str = Field(description="cam, grad-cam or occlusion.")
    picture: str = Field(description="The map over the picture, as a data address of a PNG.")
    nearest: list[NearPicture] = Field(
        description="The training pictures most like it, the most like first; none where the "
        "model keeps none."
    )


class Problem(BaseModel):
    """Why there is no answer."""

    error: str


def answers_json(names: Sequence[str], rows: Sequence[Row]) -> dict[str, Any]:
    """`Answers` of pictures with these names; a key without a value is left out."""
    return {"answers": [_one(name, row) for name, row in zip(names, rows, strict=True)]}


def explained_json(found: Explanation) -> bytes:
    """`Explained` as JSON."""
    near = [
        NearPicture(
            name=one.name,
            label=one.label,
            likeness=one.likeness,
            small=None if one.small is None else _address(one.small, "image/jpeg"),
        )
        for one in found.nearest
    ]
    explained = Explained(
        class_name=found.class_name,
        probability=found.probability,
        method=found.method,
        picture=_address(found.png(), PNG),
        nearest=near,
    )
    return explained.model_dump_json(exclude_none=True).encode()


def _address(content: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


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
