"""The mark is written, heard by nobody, found again; and nowhere else."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from rtvc import RTVCError, audio
from rtvc.watermark import STRENGTH, THRESHOLD, Marker, detect, mark

RATE = 16_000


@pytest.fixture(scope="module")
def marked(speech) -> np.ndarray:
    return mark(speech, RATE)


def noisy(wave: np.ndarray, snr: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=wave.size) * np.sqrt(np.mean(np.square(wave))) * 10 ** (-snr / 20)
    return (wave + noise).astype(np.float32)


def as_mp3(wave: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    options = {"subtype": "MPEG_LAYER_III", "compression_level": 0.62, "bitrate_mode": "CONSTANT"}  # 64 kbit/s
    with soundfile.SoundFile(file, "w", RATE, 1, format="MP3", **options) as out:
        out.write(wave)
    assert file.tell() * 8 / (wave.size / RATE) == pytest.approx(64_000, rel=0.05)
    file.seek(0)
    return soundfile.read(file, dtype="float32")[0]


def telephone(wave: np.ndarray) -> np.ndarray:
    return soxr.resample(soxr.resample(wave, RATE, 8000), 8000, RATE)


CHANGES = {
    "nothing": lambda wave: wave,
    "MP3 at 64 kbit/s": as_mp3,
    "8 kHz and back": telephone,
    "+6 dB": lambda wave: np.clip(2 * wave, -1, 1),
    "-6 dB": lambda wave: wave / 2,
    "turned over": lambda wave: -wave,
    "a crop of 1 s": lambda wave: wave[17_003:33_003],
    "noise at 20 dB": lambda wave: noisy(wave, 20),
    "all of them": lambda wave: noisy(as_mp3(telephone(wave))[17_003:33_003] / 2, 20),
}


@pytest.mark.parametrize("name", CHANGES)
def test_it_survives(name, marked, speech):
    assert detect(CHANGES[name](marked)) > THRESHOLD
    assert detect(CHANGES[name](speech)) < THRESHOLD
    assert detect(CHANGES[name](mark(speech, RATE, b"another key"))) < THRESHOLD


def test_it_is_19_db_below_the_speech_in_its_band(marked, speech):
    change, band = (np.square(np.abs(np.fft.rfft(wave)))[int(250 * 4.9) :] for wave in (marked - speech, speech))
    inside, outside = slice(0, int(2200 * 4.9)), slice(int(2600 * 4.9), None)
    assert 10 * math.log10(change[inside].sum() / band[inside].sum()) == pytest.approx(20 * math.log10(STRENGTH), abs=2)
    assert change[outside].sum() < 0.01 * change.sum()
    assert np.abs(marked).max() <= audio.PEAK


def test_each_moment_is_marked_by_what_came_before_it(speech):
    """A click must not sound before it happens, and a change in the future changes nothing."""
    other = speech.copy()
    other[40_000:] = 0
    np.testing.assert_array_equal(mark(other, RATE)[:40_000], mark(speech, RATE)[:40_000])
    assert not mark(other, RATE)[40_000:].any(), "digital silence stays silent"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 3000), min_size=1, max_size=30))
def test_pieces_joined_are_the_whole(sizes):
    wave = np.random.default_rng(1).normal(size=sum(sizes)).astype(np.float32) * 0.1
    marker = Marker(RATE)
    pieces = [marker(piece) for piece in np.split(wave, np.cumsum(sizes)[:-1])]
    assert [piece.size for piece in pieces] == sizes
    np.testing.assert_array_equal(np.concatenate(pieces), mark(wave, RATE))


@pytest.mark.parametrize("rate", [8000, 24_000, 48_000])
def test_other_rates(rate, speech):
    at_rate = mark(soxr.resample(speech, RATE, rate), rate)
    assert detect(soxr.resample(at_rate, rate, RATE)) > THRESHOLD


@pytest.mark.parametrize("rate", [0, -16_000, 4000, 22_050, 44_100])
def test_a_rate_that_carries_no_mark_is_an_error(rate):
    with pytest.raises(RTVCError, match="cannot be watermarked"):
        Marker(rate)


def test_samples_that_carry_no_mark_are_an_error():
    with pytest.raises(RTVCError, match="cannot be watermarked"):
        mark(np.array([0.1, np.nan], np.float32), RATE)


def test_a_clone_within_a_longer_recording(speech, marked):
    assert detect(np.concatenate([*[speech] * 4, marked, *[speech] * 4])) > THRESHOLD


def test_what_is_not_speech_is_no_clone():
    random, time = np.random.default_rng(0), np.arange(4 * RATE) / RATE
    sounds = [
        np.zeros(RATE),
        np.zeros(0),
        np.ones(3),
        np.full(RATE, 0.5),
        np.eye(1, RATE)[0],
        np.sin(2 * np.pi * 440 * time),
        np.sign(np.sin(2 * np.pi * 62.5 * time)),  # repeats itself at the mark's own rate
        random.normal(size=4 * RATE),
        np.tile(random.normal(size=16_384), 4),  # repeats itself with the mark's own period
    ]
    assert max(detect(sound.astype(np.float32)) for sound in sounds) < THRESHOLD


def detected(clone, wave: np.ndarray) -> float:
    """In what a clone says, read at 16 kHz as `rtvc verify` does."""
    return detect(audio.resample(wave, clone.model.config.sampling_rate))


def test_every_clone_is_marked_and_only_clones(bundled, woman):
    text = "The boy was there when the sun rose, and a rod is used to catch pink salmon."
    voice = bundled.enroll(woman)
    assert detected(bundled, bundled(text, voice=voice)["audio"]) > THRESHOLD
    streamed = np.concatenate([chunk["audio"] for chunk in bundled.stream(text, voice=voice)])
    assert detected(bundled, streamed) > THRESHOLD
    assert detected(bundled, bundled(text, voice=voice, watermark=False)["audio"]) < THRESHOLD
    with pytest.raises(RTVCError, match="watermark must be True or False"):
        bundled(text, voice=voice, watermark="no")


LONG = "The boy was there when the sun rose, and a rod is used to catch pink salmon. [pause] Then everybody went home."


def apart(one: np.ndarray, other: np.ndarray) -> float:
    """The difference in dB below `other`."""
    assert one.shape == other.shape
    return 10 * math.log10(max(np.square(one - other).mean() / np.square(other).mean(), 1e-20))


@pytest.mark.parametrize("options", [{}, {"speed": 1.3, "pitch": -2.0}, {"variation": 0.7, "seed": 4}])
def test_a_marked_stream_is_the_marked_whole(bundled, woman, options):
    """The mark goes on from piece to piece, so it does not tell where one ends; each longer part carries it."""
    voice = bundled.enroll(woman)
    whole = bundled(LONG, voice=voice, **options)["audio"]
    pieces = [chunk["audio"] for chunk in bundled.stream(LONG, voice=voice, **options)]
    assert len(pieces) > 2
    assert apart(np.concatenate(pieces), whole) < -60
    unmarked = np.concatenate([one["audio"] for one in bundled.stream(LONG, voice=voice, watermark=False, **options)])
    assert apart(unmarked, whole) > -40, "the mark is in what was compared"
    assert detected(bundled, np.concatenate(pieces)) > THRESHOLD
    assert detected(bundled, np.concatenate(pieces[len(pieces) // 2 :])) > THRESHOLD
    assert detected(bundled, unmarked) < THRESHOLD


def test_every_text_of_a_batch_is_marked(bundled, woman, man):
    """Each by itself, whatever else is said with it."""
    texts = [LONG, "A short line, said together with the others.", LONG, "Another person says this one, at once."]
    voices = [bundled.enroll(one) for one in (woman, woman, man, man)]
    for text, voice, out in zip(texts, voices, bundled(texts, voice=voices), strict=True):
        assert detected(bundled, out["audio"]) > THRESHOLD
        assert apart(out["audio"], bundled(text, voice=voice)["audio"]) < -60
    unmarked = bundled(texts, voice=voices, watermark=False)
    assert max(detected(bundled, out["audio"]) for out in unmarked) < THRESHOLD
