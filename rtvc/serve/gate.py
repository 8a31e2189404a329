"""What stands before the app: who may call, from where, and how much they may send."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rtvc.serve.refusals import Refusal, answer

LARGEST_UPLOAD, LARGEST_BODY = 50_000_000, 1_000_000  # bytes: of a recording, of all else
OPEN_TO_ALL = ("/health",)
UPLOADS = ("/voices", "/verify")  # how the addresses end that take recordings
TOO_LARGE = "A request may have {} bytes at most"


class Gate:
    """ASGI middleware.

    Args:
        app: what lies behind.
        keys: one of which has to come as `Authorization: Bearer KEY`; none: anybody may call.
    """

    def __init__(self, app: ASGIApp, keys: Collection[str] = ()) -> None:
        self._app, self._keys = app, [_digest(key.encode()) for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        limit = LARGEST_UPLOAD if scope["path"].endswith(UPLOADS) else LARGEST_BODY
        refusal = self._refusal(scope, headers) or _too_large(headers, limit)
        if refusal is None:
            await self._app(scope, _limited(receive, limit), send)
        elif scope["type"] == "http":
            await answer(refusal)(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": str(refusal)})

    def _refusal(self, scope: Scope, headers: dict[bytes, bytes]) -> Refusal | None:
        if scope["path"] in OPEN_TO_ALL:
            return None
        if not self._keys:
            return _from_elsewhere(headers)
        kind, _, key = headers.get(b"authorization", b"").partition(b" ")
        given = _digest(key.strip())
        if kind.lower() == b"bearer" and any(hmac.compare_digest(given, known) for known in self._keys):
            return None
        return Refusal(
            "Send one of the server's keys, as in “Authorization: Bearer KEY”.", 401, None, "invalid_api_key"
        )


def _from_elsewhere(headers: dict[bytes, bytes]) -> Refusal | None:
    """Without keys, any web page that a person on this computer opens could call; browsers say who does."""
    origin = headers.get(b"origin")
    if origin is None or urlsplit(origin).netloc == headers.get(b"host"):
        return None
    return Refusal("A page of another address may not call this server unless it has keys.", 403)


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


def _too_large(headers: dict[bytes, bytes], limit: int) -> Refusal | None:
    length = headers.get(b"content-length", b"0")
    if len(length) <= 18 and (not length.isdigit() or int(length) <= limit):
        return None
    return Refusal(f"{TOO_LARGE.format(f'{limit:,}')}.", 413)


def _limited(receive: Receive, limit: int) -> Receive:
    """A body is counted as it comes: its header may be missing or wrong."""
    taken = 0

    async def take() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b"")) if message["type"] == "http.request" else 0
        if taken > limit:
            raise HTTPException(413, TOO_LARGE.format(f"{limit:,}"))
        return message

    return take
