"""The page's parts around the tiny model, and the page itself, served."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator

import pytest

from rtvc.page.files import Files

FILES = Files()
atexit.register(FILES.remove)
os.environ["GRADIO_TEMP_DIR"] = str(FILES.uploads)  # before the tests import gradio

from rtvc.page.banking import Banking  # noqa: E402
from rtvc.page.cloning import Cloning  # noqa: E402
from rtvc.page.dialogue import Dialogue  # noqa: E402
from rtvc.page.serving import Uploads  # noqa: E402
from rtvc.page.shelf import Shelving  # noqa: E402
from rtvc.page.voices import Voices  # noqa: E402

from .helpers import serving  # noqa: E402


@pytest.fixture(scope="session")
def files() -> Files:
    return FILES


@pytest.fixture
def uploads() -> Uploads:
    return Uploads()


@pytest.fixture
def voices(tiny, files) -> Voices:
    return Voices(tiny, files)


@pytest.fixture
def cloning(voices) -> Cloning:
    return Cloning(voices)


@pytest.fixture
def shelving(voices) -> Shelving:
    return Shelving(voices)


@pytest.fixture
def banking(voices, shelving) -> Banking:
    return Banking(voices, shelving)


@pytest.fixture
def dialogue(voices) -> Dialogue:
    return Dialogue(voices)


@pytest.fixture(scope="session")
def served(tiny, files) -> Iterator[str]:
    """The page's address."""
    with serving(tiny, files) as url:
        yield url
