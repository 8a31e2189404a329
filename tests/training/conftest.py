"""A few people's recordings, folders of a test's own, and tiny components to start from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from short_runs import LINES, PEOPLE, ROOT

from rtvc import audio
from rtvc.training import folders


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """A run sets torch's for the whole process: the tests that follow have those that they began with."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def people(bundled, tmp_path_factory) -> Path:
    """A folder of three people who say four sentences each, as the bundled model speaks, with texts."""
    folder = tmp_path_factory.mktemp("people")
    for recording, speaker in PEOPLE.items():
        voice = bundled.enroll(ROOT / "examples" / "voices" / f"{recording}.flac")
        (folder / speaker).mkdir()
        for number, line in enumerate(LINES):
            spoken = bundled(line, voice=voice)
            audio.write(folder / speaker / f"{number}.wav", spoken["audio"], spoken["sampling_rate"])
            (folder / speaker / f"{number}.txt").write_text(line)
    return folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def place(tmp_path, cache, monkeypatch) -> Path:
    """No archives, a cache of the session's own, an empty folder of runs: it is returned."""
    monkeypatch.setattr(folders, "DATA", tmp_path)
    monkeypatch.setattr(folders, "CACHE", cache)
    monkeypatch.setattr(folders, "RUNS", tmp_path / "runs")
    return tmp_path / "runs"


@pytest.fixture
def parts(place, tiny_model) -> dict[str, str]:
    """Folders of tiny components."""
    for name in ("earspeech", "tuned_ge2e", "sayen", "rtvc7"):
        getattr(tiny_model, name).save_pretrained(place / "parts" / name)
    return {name: str(place / "parts" / name) for name in ("earspeech", "tuned_ge2e", "sayen", "rtvc7")}
