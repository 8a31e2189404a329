"""The page's folder on disk: what visitors send and what they are offered lies there while the page runs, no longer.

Nothing but the standard library is imported here: gradio has to be told of the folder before it is imported itself.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import shutil
import signal
import tempfile
import threading
import time
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: no folder can be locked there, so what a killed process left stays
    fcntl = None  # type: ignore[assignment]

PREFIX = "rtvc-files-"
EVERY, KEPT = 600, 3000  # seconds: files older than KEPT are deleted, looked for so often; an hour at the latest


class Files:
    """A new folder of this process's own, which nobody else may read.

    `uploads` is gradio's: what visitors send, and its copies of what the page offers. `offered` is the page's: what it
    makes, each in a folder of its own.
    """

    def __init__(self, parent: str | os.PathLike | None = None) -> None:
        """
        Args:
            parent: where the folder is made, and where those of processes that were killed are removed; by default
                where temporary files go.
        """
        if parent is not None:
            Path(parent).mkdir(parents=True, exist_ok=True)
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        self.uploads, self.offered = self.path / "gradio", self.path / "offered"
        self._owner = os.getpid()
        _lock(self.path)
        self.uploads.mkdir()
        self.offered.mkdir()  # only now: without it a folder is one of a page that is about to start
        _remove_ownerless(self.path.parent)

    def new_folder(self) -> Path:
        """A new folder for files that the page is about to offer."""
        return Path(tempfile.mkdtemp(dir=self.offered))

    def new_path(self, name: str, suffix: str, folder: Path | None = None) -> Path:
        """Where a file goes that is called after what somebody wrote: in `folder`, or a new one."""
        return (folder or self.new_folder()) / f"{plain_name(name, 80) or 'voice'}{suffix}"

    def sweep(self) -> None:
        """Delete what has lain there too long, whoever put it there: gradio deletes only the files that it knows of."""
        for path in (*self.offered.iterdir(), *self.uploads.rglob("*")):
            with contextlib.suppress(OSError):  # deleted by now
                if time.time() - path.stat().st_ctime <= KEPT:
                    continue
                if path.parent == self.offered:
                    shutil.rmtree(path)
                elif path.is_file():
                    path.unlink()

    def sweep_regularly(self) -> None:
        """In a thread, for as long as this process lives."""
        threading.Thread(target=self._sweep_regularly, daemon=True).start()

    def _sweep_regularly(self) -> None:
        while True:
            time.sleep(EVERY)
            self.sweep()

    def remove(self) -> None:
        """Leave nothing behind; a process that was forked from this one leaves it alone."""
        if os.getpid() == self._owner:
            shutil.rmtree(self.path, ignore_errors=True)

    def remove_at_end(self) -> None:
        """Remove the folder when this process ends, by itself or by SIGTERM. To be called in the main thread."""
        atexit.register(self.remove)
        signal.signal(signal.SIGTERM, self._end)

    def _end(self, number: int, *_: object) -> None:
        """Remove the files, then end as without this."""
        self.remove()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def plain_name(name: object, longest: int = 40) -> str:
    """A name without what is not part of names: a path's separators, markup, line breaks. It may leave nothing."""
    return " ".join(re.sub(r"[^\w .'-]", " ", str(name)).split())[:longest].strip()


def _remove_ownerless(parent: Path) -> None:
    """Remove the folders of processes that were killed.

    A lock tells who lives. The number of a process would not, where two containers share a disk.
    """
    for offered in parent.glob(f"{PREFIX}*/offered"):
        if (lock := _lock(offered.parent)) is not None:
            shutil.rmtree(offered.parent, ignore_errors=True)
            os.close(lock)


def _lock(folder: Path) -> int | None:
    """Lock a folder until the result is closed or this process ends; None if that is impossible or another one did."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
    except (OSError, AttributeError):
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock
