"""The example voices."""

from __future__ import annotations

from rtvc import audio
from rtvc.page import voices


def test_the_examples_are_there_and_long_enough():
    for name in voices.EXAMPLES.values():
        assert audio.voiced_seconds(audio.read(voices.FOLDER / name)) >= 4
        assert name in (voices.FOLDER / "ATTRIBUTION.md").read_text()
