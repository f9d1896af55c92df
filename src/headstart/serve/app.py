"""The HTTP interface: which path answers what."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from importlib.metadata import version
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive

from headstart.errors import HeadstartError, ImageError
from headstart.options import ServeOptions
from headstart.serve.answer import (
    PNG,
    Answers,
    Explained,
    Problem,
    answers_json,
    explained_json,
)
from headstart.serve.guards import LEFT, LOCAL_NAMES, AccessLog, Door, SecurityHeaders
from headstart.serve.metrics import MEDIA_TYPE, Metrics
from headstart.serve.picture_queue import PictureQueue, QueueFullError
from headstart.serve.predictor import Explainer, Predictor
from headstart.serve.refusal import Refusal, try_again
from headstart.serve.static_files import static_files
from headstart.serve.upload import FORM, REQUESTS_HELD, HeldBytes, Upload, read_pictures

Result = TypeVar("Result")
OPEN = ("/healthz", "/openapi.json")  # beside the page's own files, which need no token either
JSON = "application/json"
PICTURE = {"type": "string", "format": "binary"}
BODY = {
    "required": True,
    "content": {
        FORM: {
            "schema": {
                "type": "object",
                "properties": {"pictures": {"type": "array", "items": PICTURE}},
            }
        },
        "application/octet-stream": {"schema": PICTURE},
    },
}
WORDS = {
    400: "No picture, or a damaged form.",
    401: "A token is needed.",
    408: "The upload took too long.",
    413: "Too many bytes, or too many pictures.",
    415: "Neither a form nor a picture.",
    422: "The body is a picture that cannot be read: its answer says why.",
    503: "Too much is waiting; Retry-After has the seconds.",
}


class Service:
    """All that the paths share.

    Args:
        predictor: answers the pictures.
        card: what `/model` tells.
        options: the limits.
        write_log: takes each line of the access log; None for no log.
    """

    def __init__(
        self,
        predictor: Predictor,
        card: dict[str, Any],
        options: ServeOptions,
        write_log: Callable[[str], None] | None = None,
    ) -> None:
        self.predictor = predictor
        self.card = card
        self.options = options
        self.write_log = write_log
        self.metrics = Metrics()
        self.queue = PictureQueue(predictor, options.queue, self.metrics)
        self.held = HeldBytes(REQUESTS_HELD * options.max_request_bytes, self.metrics)

    async def predict(self, request: Request) -> Response:
        """Answer the pictures of a request."""
        until = time.monotonic() + self.options.seconds
        images, is_form = await self._read(request, until)
        request.state.pictures = len(images)
        rows = await self._wait(request.receive, lambda: self.queue.put(images), until)
        bad = sum(bool(answers.errors[row]) for answers, row in rows)
        self.metrics.pictures.labels("unreadable").inc(bad)
        self.metrics.pictures.labels("answered").inc(len(rows) - bad)
        # A form is a list with an error in its rows; a lone body's error is the request's.
        status = 422 if bad and not is_form else 200
        return JSONResponse(answers_json([image.name for image in images], rows), status)

    async def explain(self, request: Request) -> Response:
        """What an answer rests on: a PNG, or JSON with it for who accepts that."""
        predictor = self.predictor
        if not isinstance(predictor, Explainer):
            raise Refusal(404, "this model explains nothing")
        until = time.monotonic() + self.options.seconds
        (image, *others), _ = await self._read(request, until)
        if others:
            raise Refusal(413, "one picture at a time is explained")
        name = request.query_params.get("class")
        if name is not None and name not in predictor.classes:
            raise Refusal(422, f"there is no class {name!r}")
        request.state.pictures = 1
        as_json = JSON in request.headers.get("accept", "")

        def work() -> bytes:
            found = predictor.explain(image, name)
            return explained_json(found) if as_json else found.png()

        (content,) = await self._wait(request.receive, lambda: [self.queue.put_work(work)], until)
        return Response(content, media_type=JSON if as_json else PNG, headers={"Vary": "Accept"})

    async def _read(self, request: Request, until: float) -> Upload:
        try:
            async with asyncio.timeout(until - time.monotonic()):
                return await read_pictures(request, self.options, self.held)
        except TimeoutError:
            seconds = self.options.seconds
            raise Refusal(408, f"the upload was not there within {seconds:g} s") from None

    async def _wait(
        self, receive: Receive, put: Callable[[], list[Future[Result]]], until: float
    ) -> Sequence[Result]:
        """The results, unless the client leaves or the time is over: then nothing is computed."""
        try:
            results = [asyncio.wrap_future(result) for result in put()]
        except QueueFullError as error:
            raise try_again(str(error), error.seconds) from error
        answered = asyncio.gather(*results)
        answered.add_done_callback(_taken)
        leaving = asyncio.ensure_future(_left(receive))
        try:
            await asyncio.wait(
                (answered, leaving),
                timeout=max(0.0, until - time.monotonic()),
                return_when=asyncio.FIRST_COMPLETED,
            )
            if answered.done():
                return answered.result()
            if leaving.done():
                raise ClientDisconnect
            raise try_again(f"no answer within {self.options.seconds:g} s", 1)
        except ImageError as error:
            raise Refusal(422, str(error)) from error
        finally:
            leaving.cancel()
            answered.cancel()


def _taken(answered: asyncio.Future[Any]) -> None:
    """Look at how it ended, so that asyncio does not log what nobody waited for any more."""
    if not answered.cancelled():
        answered.exception()


async def _left(receive: Receive) -> None:
    """Until the client has gone; its body has been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


def make_app(service: Service) -> FastAPI:
    """The application with all its paths."""
    app = FastAPI(
        title="headstart",
        version=version("headstart"),
        description="Classes of pictures by a fitted model.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a path is there or it is not
    )
    _add_questions(app, service)
    _add_state(app, service)
    _add_errors(app)
    own = static_files()
    for path, file in own.items():
        app.add_api_route(path, file.response, include_in_schema=False, name=path)
    paths = [str(getattr(route, "path", "")) for route in app.routes]
    options = service.options
    layers: list[Middleware] = [
        Middleware(AccessLog, metrics=service.metrics, paths=paths, write=service.write_log),
        Middleware(SecurityHeaders),
    ]
    if options.allow_origin:
        layers.append(
            Middleware(
                CORSMiddleware,
                allow_origins=options.allow_origin,
                allow_methods=("GET", "POST"),
                allow_headers=("Authorization", "Content-Type"),
            )
        )
    layers.append(
        Middleware(
            Door,
            token=options.token,
            open_paths=(*OPEN, *own),
            origins=options.allow_origin,
            local_only=options.host in LOCAL_NAMES,
        )
    )
    app.user_middleware = layers
    return app


def _add_questions(app: FastAPI, service: Service) -> None:
    problems: dict[int | str, dict[str, Any]] = {
        status: {"model": Problem, "description": words} for status, words in WORDS.items()
    }
    unreadable = {"model": Answers, "description": WORDS[422]}

    @app.post(
        "/predict",
        summary="Classes of one or many pictures",
        response_description="The pictures in their order, each with its classes or its error.",
        responses={**problems, 200: {"model": Answers}, 422: unreadable},
        openapi_extra={"requestBody": BODY},
    )
    async def predict(request: Request) -> Response:
        return await _ended(request, service, service.predict)

    @app.post(
        "/explain",
        summary="What an answer rests on, as a PNG; with Accept: application/json also the "
        "training pictures most like it",
        response_description="The picture with what speaks for the class.",
        responses={**problems, 200: {"model": Explained, "content": {PNG: {}}}},
        openapi_extra={"requestBody": BODY},
        include_in_schema=isinstance(service.predictor, Explainer),
    )
    async def explain(request: Request) -> Response:
        return await _ended(request, service, service.explain)


async def _ended(request: Request, service: Service, answer: Callable[[Request], Any]) -> Response:
    """The answer, or an empty one for a client that has gone; then its bytes are given back."""
    try:
        response: Response = await answer(request)
        return response
    finally:
        service.held.used -= getattr(request.state, "bytes", 0)


def _add_state(app: FastAPI, service: Service) -> None:
    @app.get(
        "/model",
        summary="The model: its classes, figures and limits",
        response_description="What is known of the model; figures is null outside its run.",
    )
    async def model() -> dict[str, Any]:
        return service.card

    @app.get(
        "/healthz",
        summary="Whether the server can answer; needs no token",
        response_description="It can; 503 where it cannot.",
    )
    async def health() -> Response:
        alive = service.queue.is_alive()
        known = {
            "status": "ok" if alive else "broken",
            "needs_token": service.options.token is not None,
        }
        return JSONResponse(known, 200 if alive else 503)

    @app.get(
        "/metrics",
        summary="Counters for Prometheus",
        response_class=PlainTextResponse,
        response_description="Requests, seconds, pictures, batches and what waits, as text.",
    )
    async def metrics() -> Response:
        return Response(service.metrics.text(), headers={"content-type": MEDIA_TYPE})


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(Refusal)
    async def refused(_request: Request, error: Refusal) -> Response:
        return error.response()

    @app.exception_handler(HTTPException)
    async def unknown(_request: Request, error: HTTPException) -> Response:
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)

    @app.exception_handler(HeadstartError)
    async def failed(_request: Request, error: HeadstartError) -> Response:
        return JSONResponse({"error": f"the model cannot answer: {error}"}, 500)

    @app.exception_handler(Exception)  # the traceback goes to the server's own log
    async def broken(_request: Request, _error: Exception) -> Response:
        words = {"error": "a fault of the server; its log has more"}
        # uvicorn cuts the connection behind it; who keeps connections must know.
        return JSONResponse(words, 500, {"Connection": "close"})

    @app.exception_handler(ClientDisconnect)
    async def left(_request: Request, _error: ClientDisconnect) -> Response:
        return Response(status_code=LEFT)
