"""What is refused, in the form of OpenAI's errors: one sentence, and which field it is about."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from rtvc.errors import RTVCError, TextError, VoiceError

KINDS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
UNKNOWN_ADDRESS = "There is nothing at this address; speech is at /v1/audio/speech."


class Refusal(RTVCError):
    """A sentence, the HTTP status, which field it is about, and a word for programs."""

    def __init__(self, message: str, status: int = 400, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.param, self.code = status, param, code


def as_refusal(error: Exception) -> Refusal:
    """Any error as one; what nobody foresaw says no more than that."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, RTVCError):
        field = "voice" if isinstance(error, VoiceError) else "input" if isinstance(error, TextError) else None
        return Refusal(str(error), 400, field)
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        field = next((part for part in first["loc"] if isinstance(part, str) and part != "body"), "The body")
        said = str(first["msg"]).rstrip(".")
        return Refusal(f"{field} is not what it should be: {said[:1].lower()}{said[1:]}.", 400, field)
    if isinstance(error, HTTPException):
        return Refusal(UNKNOWN_ADDRESS if error.status_code == 404 else f"{error.detail}.", error.status_code)
    return Refusal("The server failed; what went wrong is in its log.", 500)


def body(refusal: Refusal) -> dict[str, Any]:
    """As OpenAI's clients read it."""
    kind = KINDS.get(refusal.status, "server_error" if refusal.status >= 500 else "invalid_request_error")
    return {"error": {"message": str(refusal), "type": kind, "param": refusal.param, "code": refusal.code}}


def answer(refusal: Refusal) -> Response:
    """The same as a response. In ASCII: a text from outside may hold what is no Unicode."""
    headers = {"Retry-After": "1"} if refusal.status == 429 else {}
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(json.dumps(body(refusal)), refusal.status, headers, "application/json")


def install(app: FastAPI) -> None:
    """Every error of the app is answered so."""

    async def handle(_: Request, error: Exception) -> Response:
        return answer(as_refusal(error))

    for kind in (RTVCError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, handle)
