"""A server around a pipeline that only says whose voice it was given, and when it is asked for what."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from serving import running

from rtvc import TextError, Voice, VoiceCloningPipeline
from rtvc.sentences import as_written
from rtvc.watermark import PROVENANCE

RATE = 24_000
PIECES, SECONDS = 3, 0.2  # of a sentence; of a piece


def voice_of(number: float) -> Voice:
    """A voice that is known by its tempo."""
    return Voice(np.ones(256), np.zeros(80), 5.0, 0.2, float(number))


def speaker_of(wave: np.ndarray) -> float:
    """Whose voice the stand-in spoke in: its level says so."""
    heard = np.abs(wave[np.abs(wave) > 1e-3])
    assert heard.size
    assert heard.std() < 1e-3, "of one voice"
    return round(float(heard.mean()) * 100)


class StandIn:
    """In place of a pipeline. Each sentence comes in pieces whose level is the voice's tempo / 100."""

    provenance = PROVENANCE
    model = SimpleNamespace(
        config=SimpleNamespace(
            sampling_rate=RATE, rtvc7_config=SimpleNamespace(speaker_size=256, timbre_size=80, hop_length=300)
        )
    )

    def __init__(self) -> None:
        self.go_on = threading.Event()  # sentences after the first wait for it
        self.go_on.set()
        self.begun: list[int] = []
        self.now = self.most = self.closed = 0
        self.pause = 0.0
        self._lock = threading.Lock()

    def enroll(self, path: Any, enhance: Any = None) -> Voice:
        return voice_of(20)

    open_voice = VoiceCloningPipeline.open_voice  # a saved voice, or what `enroll` gives

    def stream(self, text: Any, voice: Voice, **options: Any) -> Iterator[dict[str, Any]]:
        return self._stream([text] if isinstance(text, str) else text, voice)

    def duration(self, text: str, voice: Voice, **options: Any) -> float:
        return PIECES * SECONDS * sum(1 for _ in self._sentences([text]))

    def _stream(self, texts: Any, voice: Voice) -> Iterator[dict[str, Any]]:
        try:
            for number, sentence in enumerate(self._sentences(texts)):
                self.begun.append(number)
                if "unspeakable" in sentence:
                    raise TextError("This cannot be spoken; write something else.")
                for piece in range(PIECES):
                    with self._computing():
                        assert number == 0 or self.go_on.wait(30)
                        wave = np.full(int(SECONDS * RATE), voice.tempo / 100, np.float32)
                    words = [{"word": sentence.strip(), "spoken": "", "start": 0.0, "end": 0.6}] if not piece else []
                    rest = {"words": words, "phonemes": [], "warnings": []}
                    yield {"audio": wave, "sampling_rate": RATE, "sentence": number, **rest}
        finally:
            self.closed += 1

    @staticmethod
    def _sentences(texts: Any) -> Iterator[str]:
        held = ""
        for text in texts:
            *whole, held = as_written(held + text) or [""]
            yield from whole
        yield from filter(str.strip, [held])

    @contextlib.contextmanager
    def _computing(self) -> Iterator[None]:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(self.pause)
        yield
        with self._lock:
            self.now -= 1


def wait_until(it_is_so: Any, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not it_is_so():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


@pytest.fixture
def clone() -> StandIn:
    return StandIn()


@pytest.fixture
def folder(tmp_path) -> Path:
    """Ten voices: number 3 has a level of 0.03."""
    for number in range(1, 11):
        voice_of(number).save(tmp_path / f"voice-{number}.voice")
    return tmp_path


@pytest.fixture
def server(clone, folder) -> Iterator[str]:
    with running(clone, folder) as address:
        yield address
