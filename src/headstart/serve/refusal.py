"""Why a request gets no answer: a status with words, as JSON."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse


class Refusal(Exception):  # noqa: N818 - an answer, and no fault of ours
    """A request that is refused: the status, what is wrong, and headers that belong to it."""

    def __init__(self, status: int, words: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(words)
        self.status = status
        self.headers = dict(headers or {})

    def response(self) -> JSONResponse:
        """The refusal as it is sent."""
        return JSONResponse({"error": str(self)}, self.status, self.headers)


def try_again(words: str, seconds: int) -> Refusal:
    """503 with the seconds after which it may be better."""
    return Refusal(503, f"{words}; try again in {seconds} s", {"Retry-After": str(seconds)})
