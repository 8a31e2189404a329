"""How the page serves many visitors: who computes when, what is refused, what a visitor who leaves leaves behind.

gradio is patched in two places, each with its reason: `fetch_nothing` and `limit_each`. tests/page/test_serving.py and
tests/page/test_strangers.py fail where gradio no longer does what they build on.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import gradio as gr
import httpx
from fastapi import HTTPException

from rtvc.page.inputs import AT_ONCE, WAITING
from rtvc.page.voices import FOLDER

EACH = 2  # of those in the queue, one visitor's
REMEMBERED = 10_000  # uploads
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}  # of events that nobody waits for
# One queue for all events that compute.
COMPUTES: dict[str, Any] = {"concurrency_id": "computing", "concurrency_limit": AT_ONCE}
END = object()  # of a stream


class Slots:
    """Where a call computes; more calls than that wait here, and more than `waiting` of those are refused.

    gradio's queue alone does not hold to its limit: the slot of a call that is cancelled goes to the next one at once,
    while the thread of the first computes on.
    """

    def __init__(self, at_once: int = AT_ONCE, waiting: int = WAITING) -> None:
        self._computing, self._inside = threading.Semaphore(at_once), threading.Semaphore(at_once + waiting)

    def __enter__(self) -> None:
        if not self._inside.acquire(blocking=False):
            raise gr.Error("The queue is full; try again in a minute.", print_exception=False)
        self._computing.acquire()

    def __exit__(self, *_: object) -> None:
        self._computing.release()
        self._inside.release()


SLOTS = Slots()  # of this process: it is the computer that has no more


def computing(function: Callable, slots: Slots = SLOTS) -> Callable:
    """What an event calls if it computes: it waits for a slot. A generator waits anew for each piece."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with slots:
            return function(*args, **kwargs)

    @functools.wraps(function)
    def stream(*args: Any, **kwargs: Any) -> Iterator[Any]:
        with contextlib.closing(function(*args, **kwargs)) as pieces:  # a call that is stopped stops its work
            while True:
                with slots:  # for one piece: nobody who is slow to take it keeps the others waiting
                    piece = next(pieces, END)
                if piece is END:
                    return
                yield piece

    return stream if inspect.isgeneratorfunction(inspect.unwrap(function)) else call


def on_gpu(function: Callable) -> Callable:
    """A Space on ZeroGPU lends its GPU call by call (`app.py` imports its package); elsewhere nothing changes."""
    spaces = sys.modules.get("spaces")
    return spaces.GPU(function) if spaces else function


class Uploads:
    """What each visitor has uploaded, until they leave."""

    def __init__(self) -> None:
        self._uploads: dict[tuple[str | None, str], None] = {}  # (visit, path), the newest last
        self._lock = threading.Lock()

    def note(self, upload: str | None, request: gr.Request) -> None:
        """Remember an upload until its visitor leaves; the examples stay."""
        if not upload or Path(upload).parent == FOLDER:
            return
        with self._lock:
            self._uploads[request.session_hash, str(upload)] = None
            while len(self._uploads) > REMEMBERED:  # of callers who never say that they leave: a sweep deletes these
                del self._uploads[next(iter(self._uploads))]

    def forget(self, request: gr.Request) -> None:
        """Delete what a visitor who leaves has uploaded, but for what another one has too: it is one file."""
        with self._lock:
            mine = {path for visit, path in self._uploads if visit == request.session_hash}
            self._uploads = {key: None for key in self._uploads if key[0] != request.session_hash}
            others = {path for _, path in self._uploads}
        for upload in mine - others:
            Path(upload).unlink(missing_ok=True)


def fetch_nothing() -> None:
    """gradio would fetch a file from a URL that a caller gives in its place; this server asks nobody for anything.

    A file of the page's own, such as the voice that an agent got from another tool, is taken from the disk.

    Raises:
        AttributeError: this gradio fetches in another way; no page may be served with it.
    """

    async def take_own(url: str) -> httpx.Response:
        path = Path(unquote(urlsplit(url).path.partition("/gradio_api/file=")[2])).resolve()
        if Path(gr.utils.get_upload_folder()).resolve() not in path.parents or not path.is_file():
            raise gr.Error("Send the file itself; nothing is fetched from a URL.", print_exception=False)
        return httpx.Response(200, content=path.read_bytes())

    gr.processing_utils.async_ssrf_protected_get  # noqa: B018 (a new name would replace nothing)
    gr.processing_utils.async_ssrf_protected_get = take_own


def limit_each(queue: Any) -> None:
    """No visitor fills the queue: while `EACH` calls of a visit wait, another is refused. gradio has no such limit.

    What the page calls after another call (`cleaned`, `look`) is counted by itself, so that it is never refused there.
    """
    push = queue.push

    async def push_few(body: Any, **options: Any) -> tuple:
        called, computing_id = queue.blocks.fns.get(body.fn_index), COMPUTES["concurrency_id"]
        if called and called.concurrency_id == computing_id and computing_id in queue.event_queue_per_concurrency_id:
            mine = [
                event
                for event in queue.event_queue_per_concurrency_id[computing_id].queue
                if event.session_hash == body.session_hash
                and (event.fn.trigger_after is None) == (called.trigger_after is None)
            ]
            if len(mine) >= EACH:
                raise HTTPException(429, f"{EACH} calls of yours are waiting already; try again when one is done.")
        return await push(body=body, **options)

    queue.push = push_few


def launch(demo: gr.Blocks, **options: Any) -> None:
    """Start the server; options as of `gradio.Blocks.launch`."""
    fetch_nothing()
    # Not open: gradio would let a program call the functions directly, past the queue.
    demo.queue(max_size=WAITING, default_concurrency_limit=AT_ONCE, api_open=False)
    limit_each(demo._queue)
    demo.launch(max_file_size="50mb", run_history=False, footer_links=["api"], mcp_server=True, **options)
