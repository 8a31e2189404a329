"""The spoken consent: the right sentence by the right person, nothing else."""

from __future__ import annotations

import pytest

from rtvc import VoiceError, audio, recogniser, watermark
from rtvc.page import consent


def test_sentences_differ_and_have_no_digits():
    sentences = {consent.sentence() for _ in range(200)}
    assert len(sentences) >= 199
    assert all(words.replace(",", "").replace(".", "").replace(" ", "").isalpha() for words in sentences)


@pytest.mark.parametrize(
    ("said", "share"),
    [
        ("The quick brown fox", 1.0),
        ("the QUICK, brown... fox!", 1.0),
        ("the quick brown box", 0.75),
        ("fox brown quick the", 0.25),
        ("", 0.0),
        ("well then the quick uh brown fox okay", 1.0),
    ],
)
def test_how_much_of_the_sentence_was_said(said, share):
    assert consent.share_said("The quick brown fox.", said) == pytest.approx(share)


@pytest.fixture
def listener(monkeypatch):
    """A recogniser that hears what it is told to."""
    said = ["This is my voice."]
    monkeypatch.setattr(recogniser, "transcribe", lambda wave: said[0])
    return said


def test_the_right_sentence_in_the_right_voice(bundled, woman, man, speech, listener):
    rate = audio.SAMPLING_RATE
    consent.check(bundled, woman, "This is my voice.")
    consent.check(bundled, (speech, rate), "This is my voice.", woman)
    with pytest.raises(VoiceError, match="not in the recording's voice"):
        consent.check(bundled, woman, "This is my voice.", man)
    with pytest.raises(VoiceError, match="made by rtvc itself"):
        consent.check(bundled, (watermark.mark(speech, rate), rate), "This is my voice.")
    with pytest.raises(VoiceError, match="3 s are needed"):
        consent.check(bundled, (speech[:rate], rate), "This is my voice.")
    listener[0] = "Something else\nentirely."
    with pytest.raises(VoiceError, match="Another sentence was heard: “Something else") as caught:
        consent.check(bundled, woman, "This is my voice.")
    assert str(caught.value).isprintable()


def test_without_the_extra_it_says_so(monkeypatch, speech):
    monkeypatch.setattr(recogniser, "find_spec", lambda name: None)
    assert not recogniser.is_available()
    with pytest.raises(VoiceError, match="pip install faster-whisper"):
        recogniser.transcribe(speech)


@pytest.mark.skipif(not recogniser.is_available(), reason="rtvc-voice[consent] is not installed")
def test_the_recogniser_hears_a_sentence(bundled, woman):
    wanted = consent.sentence()
    out = bundled(wanted, voice=woman)
    wave = audio.resample(out["audio"], out["sampling_rate"])
    assert consent.share_said(wanted, recogniser.transcribe(wave)) >= consent.ENOUGH
