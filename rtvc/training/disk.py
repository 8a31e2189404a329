"""What can go wrong with files, said in one sentence; and files and folders that appear whole."""

from __future__ import annotations

import csv
import errno
import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from rtvc.errors import TrainingError
from rtvc.files import atomic_write

ALMOST_FULL = 1 << 20  # bytes
UNREADABLE = (OSError, EOFError, UnicodeDecodeError, csv.Error, tarfile.TarError, zipfile.BadZipFile, zlib.error)


def reason(error: Exception) -> str:
    """What an error says, in one line."""
    return getattr(error, "strerror", None) or next(iter(str(error).splitlines()), type(error).__name__)


@contextmanager
def reading(corpus: str, what: str = "corpus") -> Iterator[None]:
    """Raises TrainingError where the files of a corpus, or of noises, cannot be read."""
    try:
        yield
    except UNREADABLE as error:
        raise TrainingError(
            f"The {what} “{corpus}” cannot be read ({reason(error)}); get it again, or name another one."
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
    with writing(path.parent), atomic_write(path) as written:
        written.write_text(content, encoding="utf-8")


@contextmanager
def whole(folder: Path) -> Iterator[Path]:
    """A new folder to write into that takes the name ``folder`` when everything in it is on the disk.

    Raises TrainingError, and leaves what was there before, if something cannot be written.
    """
    new, old = folder.with_name(f"{folder.name}.new"), folder.with_name(f"{folder.name}.old")
    try:
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        yield new
        for path in (*new.rglob("*"), new):
            _sync(path)
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
        _sync(folder.parent)
        shutil.rmtree(old, ignore_errors=True)
    except (OSError, SafetensorError, RuntimeError) as error:
        said = _reason(error, new.parent)
        shutil.rmtree(new, ignore_errors=True)
        raise TrainingError(
            f"“{folder}” cannot be written ({said}); make room and start again, the run goes on from its last "
            "checkpoint."
        ) from error


def _reason(error: Exception, folder: Path) -> str:
    """Why it failed; where the disk is full torch names the line of its own code instead."""
    full = shutil.disk_usage(folder).free < ALMOST_FULL
    return getattr(error, "strerror", None) or (os.strerror(errno.ENOSPC) if full else str(error).splitlines()[0])


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
