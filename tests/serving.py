"""A server for tests."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn

from rtvc.serve.app import build
from rtvc.serve.command import listen


@contextlib.contextmanager
def running(clone: Any, folder: Path, keys: tuple[str, ...] = ()) -> Iterator[str]:
    """The address of a server, while it runs."""
    listening = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(build(clone, folder, keys), log_level="error"))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()
