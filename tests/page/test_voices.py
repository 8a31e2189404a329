"""The example voices, and mixes of them with those of the shelf."""

from __future__ import annotations

import pytest

from rtvc import audio, mix
from rtvc.page import voices

from .helpers import MAN, WOMAN, own_recording, speak


def test_the_examples_are_there_and_long_enough():
    for name in voices.EXAMPLES.values():
        assert audio.voiced_seconds(audio.read(voices.FOLDER / name)) >= 4
        assert name in (voices.FOLDER / "ATTRIBUTION.md").read_text()


def test_a_mix_is_chosen_by_writing_it(shelving, cloning, tmp_path):
    anna = shelving.voices.clone.enroll(own_recording(tmp_path))
    shelf = {"Anna": shelving.voices.pack(anna)}
    found = shelving.voices.find(WOMAN, "Anna(3)+Man, audiobook(1)", shelf)
    assert found == mix({anna: 3, shelving.voices.clone.enroll(MAN): 1})
    assert speak(cloning, own_recording(tmp_path), "Hello.", chosen="Anna(3)+Anna", shelf=shelf)[0], "of allowed voices"
    kept, *_ = shelving.keep(None, "Anna(3)+Man, audiobook", shelf, "Both")
    assert shelving.voices.unpack(kept["Both"]) == found


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ("Anna(3)+Nobody", "There is no voice “Nobody”"),
        ("Nobody", "There is no voice “Nobody”"),
        ("Woman, audiobook(0)+Anna", "weight of “Woman, audiobook”"),
        ("+" * 5000, "lacks a voice's name"),
    ],
)
def test_a_mix_of_nobody_is_refused(chosen, words, shelving, cloning):
    """Not said in the recording's voice instead."""
    assert words in shelving.choose(chosen, {"Anna": "x"})[0]
    assert words in speak(cloning, WOMAN, "Hello.", chosen=chosen, shelf={"Anna": "x"})[1]
