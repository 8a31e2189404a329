"""What can go wrong with files, said in one sentence; and files that appear whole."""

from __future__ import annotations

import csv
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rtvc.errors import TrainingError
from rtvc.files import appearing

UNREADABLE = (OSError, EOFError, UnicodeDecodeError, csv.Error, tarfile.TarError, zlib.error)


def reason(error: Exception) -> str:
    """What an error says, in one line."""
    return getattr(error, "strerror", None) or next(iter(str(error).splitlines()), type(error).__name__)


@contextmanager
def reading(corpus: str) -> Iterator[None]:
    """Raises TrainingError where the files of a corpus cannot be read."""
    try:
        yield
    except UNREADABLE as error:
        raise TrainingError(
            f"The corpus “{corpus}” cannot be read ({reason(error)}); get it again, or name another one."
        ) from error


@contextmanager
def writing(folder: Path, what: str = "cache", place: str = "in RTVC_CACHE") -> Iterator[None]:
    """Raises TrainingError where something cannot be written into ``folder``, which ``place`` names."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise TrainingError(
            f"The {what} “{folder}” cannot be written ({reason(error)}); make room, or name another folder {place}."
        ) from error


def write_text(path: Path, content: str) -> None:
    """The file appears whole; two processes that write the same one do not meet.

    Raises:
        TrainingError: it cannot be written.
    """
    with writing(path.parent), appearing(path) as written:
        written.write_text(content, encoding="utf-8")
