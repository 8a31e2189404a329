"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """A file beside ``path`` to be written, which then takes its place; where writing fails nothing is left behind."""
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=path.suffix)
    os.close(handle)
    written = Path(name)
    try:
        yield written
        written.chmod(0o666 & ~_umask())  # a temporary file is its owner's alone
        written.replace(path)
    finally:
        written.unlink(missing_ok=True)


@cache  # while it is read, other threads' files would be closed to others
def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def package_folder(name: str) -> Path:
    """Where an installed package lies, without importing it.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    found = find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(f"The package {name} is not installed.", name=name)
    return Path(found.submodule_search_locations[0])
