"""Voice banking: the phrases hold every sound; readings are checked."""

from __future__ import annotations

import pytest
import soundfile

from rtvc import VoiceError, audio, banking
from rtvc.text import CONSONANTS, VOWELS


def test_the_phrases_hold_every_sound_of_english():
    assert banking.coverage(banking.PHRASES) == set(banking.EXAMPLES)
    assert set(banking.EXAMPLES) == {*CONSONANTS, *VOWELS} - {"T"}, "but the flapped t, which is a t"
    for sound, word in banking.EXAMPLES.items():
        assert sound in banking.sounds(word), word


def test_a_reading_must_be_as_long_as_its_phrase(speech, woman, tmp_path):
    assert banking.check_reading(woman, banking.PHRASES[0]) == pytest.approx(4.9, abs=0.1)
    soundfile.write(tmp_path / "short.wav", speech[:12000], 16000)
    with pytest.raises(VoiceError, match="read the whole phrase"):
        banking.check_reading(tmp_path / "short.wav", banking.PHRASES[0])


def test_a_strange_reading_is_found(bundled, woman, man):
    halves = [(half, audio.SAMPLING_RATE) for half in (audio.read(woman)[:40000], audio.read(woman)[40000:])]
    assert banking.unlike(bundled, [*halves, man]) == [2]
    assert banking.unlike(bundled, [woman, man]) == [], "of two nobody knows which one"
