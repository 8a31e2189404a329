"""Who computes when, and what becomes of a caller who goes away.

The work of a stream is done piece by piece, in threads. Each piece waits for one of few places in the order in which it
was asked for, so that a caller who is slow to take it keeps nobody waiting, and one who is gone is not worked for.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import aclosing, contextmanager
from functools import partial
from typing import Any, TypeVar

import anyio
from anyio.to_thread import run_sync
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from rtvc.errors import RTVCError
from rtvc.page.inputs import AT_ONCE, WAITING
from rtvc.serve.refusals import Refusal

STALLED = 30.0  # seconds in which nothing was taken: the caller is given up
OPEN = 100  # streams under way, most of them waiting for their callers; each holds a sentence in memory
FULL = "The queue is full; try again in a moment."
T = TypeVar("T")
END: Any = object()  # of a stream


class Computing:
    """The places, and how many streams are under way."""

    def __init__(self) -> None:
        self.places = anyio.CapacityLimiter(AT_ONCE)
        self._threads = anyio.CapacityLimiter(OPEN + AT_ONCE)
        self.open = 0

    @property
    def waiting(self) -> int:
        """Pieces in the queue."""
        return self.places.statistics().tasks_waiting

    def begin(self) -> None:
        """Count one more stream, which the caller counts down at its end.

        Raises:
            Refusal: too many are under way or wait; with status 429.
        """
        if self.waiting >= WAITING or self.open >= OPEN:
            raise Refusal(FULL, 429, None, "queue_full")
        self.open += 1

    @contextmanager
    def counted(self) -> Iterator[None]:
        """As :meth:`begin`, and counted down at the end of the block."""
        self.begin()
        try:
            yield
        finally:
            self.open -= 1

    async def run(self, function: Callable[..., T], *arguments: Any, holder: object = None) -> T:
        """A call in a thread, once there is a place, which is held until the thread is done, whoever goes away.

        Args:
            function: what is called.
            arguments: its arguments.
            holder: who has the place, for a function that gives its place up while it waits for its caller.
        """
        holder = object() if holder is None else holder
        await self.places.acquire_on_behalf_of(holder)
        try:
            return await run_sync(function, *arguments, limiter=self._threads)
        finally:
            if holder in self.places.statistics().borrowers:
                self.places.release_on_behalf_of(holder)

    async def answer(self, request: Request, pieces: Generator[bytes], media: str, headers: dict[str, str]) -> Response:
        """What is made piece by piece, as a response. What is wrong with the first piece is raised here.

        Raises:
            Refusal: there is no room.
        """
        try:
            self.begin()
        except Refusal:
            pieces.close()
            raise
        try:
            first = await self._first(request, pieces)
        except BaseException:
            self._end(pieces)
            raise
        return Flowing(self._flow(first, pieces), partial(self._end, pieces), headers=headers, media_type=media)

    async def _first(self, request: Request, pieces: Generator[bytes]) -> bytes:
        """The first piece; a caller who goes away while waiting for it leaves the queue."""
        outcome: list[Any] = []

        async def compute(group: anyio.abc.TaskGroup) -> None:
            try:
                outcome.append(await self.run(next, pieces, END))
            except Exception as error:  # a group would wrap it
                outcome.append(error)
            group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(compute, group)
            while (await request.receive())["type"] != "http.disconnect":
                pass
            group.cancel_scope.cancel()
        if outcome and isinstance(outcome[0], Exception):
            raise outcome[0]
        return outcome[0] if outcome else END

    async def _flow(self, first: bytes, pieces: Generator[bytes]) -> AsyncGenerator[bytes]:
        piece = first
        while piece is not END:
            yield piece
            piece = await self.run(next, pieces, END)

    def _end(self, pieces: Generator[bytes]) -> None:
        self.open -= 1
        pieces.close()


class Flowing(StreamingResponse):
    """A body that is sent while it is made. When it ends, is broken off or not taken for long, `at_end` is called."""

    def __init__(self, body: AsyncGenerator[bytes], at_end: Callable[[], None], **options: Any) -> None:
        super().__init__(body, **options)
        self._body, self._at_end = body, at_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, partial(in_time, send))
        except (TimeoutError, RTVCError):  # not taken; or a later sentence cannot be spoken
            return  # before its end: the server then breaks the connection off, by which the caller knows
        finally:
            self._at_end()

    async def stream_response(self, send: Send) -> None:
        """Send it all."""
        async with aclosing(self._body):
            await super().stream_response(send)


async def in_time(send: Callable[[Message], Any], message: Message) -> None:
    """Send a message, or give its receiver up.

    Raises:
        TimeoutError: it was not taken.
    """
    with anyio.fail_after(STALLED):
        await send(message)
