"""Noises that are made, lines, codecs and rooms: by what can be measured of them."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from scipy import signal

from rtvc.training import folders
from rtvc.training.data import channels, noise, rooms, synthetic_noises
from rtvc.training.data.corpora import Corpora
from rtvc.training.data.noise import SYNTHETIC_NOISES

RATE = 16_000


def drawn(make, seed: int = 0, samples: int = 2 * RATE) -> np.ndarray:
    return make(samples, np.random.default_rng(seed))


def power_below(wave: np.ndarray, hertz: float) -> float:
    """The share of a wave's power below a frequency."""
    power = np.abs(np.fft.rfft(wave)) ** 2
    return power[: int(hertz * len(wave) / RATE)].sum() / power.sum()


def crest(wave: np.ndarray) -> float:
    return np.abs(wave).max() / wave.std()


@pytest.mark.parametrize("make", SYNTHETIC_NOISES)
def test_a_noise_is_as_long_as_asked_the_same_again_and_another_each_time(make):
    for samples in (8_000, 2 * RATE):
        wave = drawn(make, 3, samples)
        assert wave.shape == (samples,)
        assert np.isfinite(wave).all()
        assert wave.std() > 0
        assert np.array_equal(wave, drawn(make, 3, samples))
        assert not np.array_equal(wave, drawn(make, 4, samples))


def test_wind_lies_low_and_rain_high():
    for seed in range(5):
        assert power_below(drawn(synthetic_noises.wind, seed), 1_000) > 0.9
        assert power_below(drawn(synthetic_noises.rain, seed), 800) < 0.5


def test_blows_stand_out_and_air_does_not():
    for seed in range(5):
        for make in (synthetic_noises.keyboard, synthetic_noises.knocks, synthetic_noises.crackle):
            assert crest(drawn(make, seed)) > 7, make.__name__
        assert crest(drawn(synthetic_noises.coloured, seed)) < 7


def test_hum_is_harmonics_of_one_frequency():
    """Of 50 or 60 Hz where it does not wander: most of the power within 3 Hz of a multiple."""
    steady = 0
    for seed in range(12):
        wave = drawn(synthetic_noises.hum, seed)
        power = np.abs(np.fft.rfft(wave * np.hanning(len(wave)))) ** 2
        frequency = np.fft.rfftfreq(len(wave), 1 / RATE)
        off = [np.abs(frequency - base * np.maximum(1, np.round(frequency / base))) for base in (50, 60)]
        steady += max(power[one < 3].sum() / power.sum() for one in off) > 0.9
    assert steady >= 3


# ---------------------------------------------------------------------------------------------- lines and codecs
@pytest.fixture
def voice() -> np.ndarray:
    """(24000,) 1.5 s of a buzz of 120 Hz that swells, with some noise."""
    random, times = np.random.default_rng(0), np.arange(24_000) / RATE
    wave = sum(np.sin(2 * np.pi * 120 * n * times + n * n) / n**0.7 for n in range(1, 60))
    return 0.05 * (wave + 0.3 * random.standard_normal(len(times))) * (1 + 0.8 * np.sin(2 * np.pi * 3 * times))


@pytest.mark.parametrize("codec", channels.CODECS)
def test_what_a_codec_leaves_lies_where_it_was(codec, voice):
    """To the sample, as SayEN's target is the wave before: MP3 at low rates came 69 ms late."""
    received = channels.through_codec(voice, *codec)
    assert received.shape == voice.shape
    middle = slice(2_000, -2_000)
    likeness = signal.correlate(received[middle], voice[middle], "same")
    assert abs(int(likeness.argmax()) - len(likeness) // 2) <= 1
    assert np.corrcoef(received[middle], voice[middle])[0, 1] > 0.6
    assert np.abs(received - voice).max() > 1e-4, "nothing was lost"
    loud = channels.through_codec(8 * voice, *codec)
    assert np.corrcoef(loud[middle], voice[middle])[0, 1] > 0.6, "not clipped"


def test_bands_that_a_codec_took_away_are_not_asked_back(voice):
    narrow = channels.through_codec(voice, 8_000, {"format": "WAV", "subtype": "ULAW"})
    target = channels.what_passed(voice, voice, narrow)
    assert power_below(target, 4_600) > 0.999
    assert power_below(voice, 4_600) < 0.98
    low = [np.fft.rfft(wave)[: 3_500 * 24_000 // RATE] for wave in (target, voice)]
    assert np.allclose(*low, atol=1e-6 * np.abs(low[1]).max())
    assert np.array_equal(channels.what_passed(voice, voice, 0.5 * voice), voice)


def test_lost_packets_are_lost_in_speech_and_target_alike(voice):
    for seed in range(6):
        noisy, clean = channels.packet_loss(np.stack([2 * voice, voice]), np.random.default_rng(seed))
        assert np.array_equal(noisy, 2 * clean)
        lost = np.mean(clean[: len(clean) // 320 * 320].reshape(-1, 320)[:, 40:-40].std(1) == 0)
        assert lost < 0.4
    assert lost > 0


def test_a_level_moves_within_its_bounds():
    gains = 20 * np.log10(channels.levels(4 * RATE, 8.0, np.random.default_rng(1)))
    assert np.abs(gains).max() <= 8
    assert np.ptp(gains) > 3
    assert np.abs(np.diff(gains)).max() < 0.01, "no clicks"


def test_what_is_left_of_a_recording_can_be_a_single_sample():
    """The last piece of a stream ended the preparation: shorter than a room's early reflections, or than a noise's
    coarsest part."""
    random = np.random.default_rng(0)
    babble = random.integers(-3000, 3000, RATE).astype(np.int16)
    for samples in [1, 31, 1000, 1590] * 60:
        heard = noise.augmented(0.1 * random.standard_normal(samples), [babble / 2**15], babble, random)
        assert heard.shape == (samples,)
        assert np.isfinite(heard).all()


# ---------------------------------------------------------------------------------------------- rooms
def test_a_room_decays_and_its_first_100_ms_are_the_target():
    click = np.zeros(RATE)
    click[0] = 1
    for seed in range(4):
        response = rooms.simulated(np.random.default_rng(seed))
        every, early = rooms.reverberant(click, response)
        assert np.allclose(every[: len(response)], response, atol=1e-6)
        assert np.allclose(early[: rooms.EARLY], response[: rooms.EARLY], atol=1e-6)
        assert np.abs(early[rooms.EARLY :]).max() < 1e-6
        assert np.abs(response).argmax() == 0


def test_measured_rooms_are_found_by_name_and_begin_with_the_direct_sound(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "CACHE", tmp_path / "cache")
    random, response = np.random.default_rng(0), np.zeros(RATE)
    response[3_000:] = random.standard_normal(13_000) * 10 ** (-3 * np.arange(13_000) / RATE) * 0.05
    response[3_000] = 0.9
    (tmp_path / "halls").mkdir()
    soundfile.write(tmp_path / "halls" / "hall.wav", response, RATE)
    corpora = Corpora(["somebody"], rooms=(str(tmp_path / "halls"),))
    assert Corpora(corpora).measured_rooms() == corpora.measured_rooms() == (str(tmp_path / "halls"),)
    (hall,) = rooms.measured(corpora.measured_rooms())
    assert np.abs(hall).argmax() == rooms.BEFORE
    assert np.square(hall[: rooms.DIRECT]).sum() == pytest.approx(1, abs=1e-3)
    shorter = [rooms.varied(hall, np.random.default_rng(seed)) for seed in range(6)]
    assert all(len(one) <= RATE for one in shorter)
    assert all(np.square(one[4_000:]).sum() < np.square(hall[4_000:]).sum() for one in shorter)


def test_augmentation_goes_through_measured_rooms_too():
    """Where there is one that sends everything back 0.1 s later, it comes back in some crops."""
    wave, echo = np.zeros(8_000), np.zeros(3_000)
    wave[100], echo[0], echo[1_600] = 1.0, 1.0, 1.0
    heard = [noise.augmented(wave, [], np.zeros(9_000, np.int16), np.random.default_rng(n), (echo,)) for n in range(60)]
    echoes = [np.abs(one[1_690:1_712]).max() > 0.04 * np.abs(one).max() for one in heard]
    assert 3 <= sum(echoes) < 40
