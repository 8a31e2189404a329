"""Noisy speech: drawn alike from one seed, sound, varied in training only; and SayEN learns from it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from test_sayen import DATA, SMALL

from rtvc import audio
from rtvc.earspeech import EarSpeechModel
from rtvc.sayen import SayENConfig, SayENModel
from rtvc.training import folders
from rtvc.training.data.corpora import Corpora, Division
from rtvc.training.data.noisy_speech import NoisySpeech
from rtvc.training.stages.sayen import Enhancement
from rtvc.tuned_ge2e import TunedGE2EModel


@pytest.mark.skipif(not DATA.exists(), reason="needs the recordings of ../shared/data")
def test_training_on_real_mixtures_lowers_the_loss(earspeech: EarSpeechModel, tuned_ge2e: TunedGE2EModel) -> None:
    torch.manual_seed(0)
    mixtures = NoisySpeech({"vctk-p239": 1.0}, 1.0, [0, 10])
    noisy, clean = (torch.from_numpy(side) for side in mixtures.batch(4, np.random.default_rng(0)))
    assert noisy.shape == clean.shape == (4, 16_000)
    model = SayENModel(SayENConfig(**SMALL)).train()
    enhancing = Enhancement(model, earspeech, tuned_ge2e)
    optimizer = torch.optim.AdamW(model.parameters(), 5e-3)
    totals = []
    for _ in range(16):
        losses = enhancing((noisy, clean))
        optimizer.zero_grad()
        losses["total"].backward()
        optimizer.step()
        totals.append(losses["total"].item())
    assert np.isfinite(totals).all()
    assert np.mean(totals[-3:]) < np.mean(totals[:3]) - 0.02


@pytest.mark.skipif(not DATA.exists(), reason="needs the recordings of ../shared/data")
def test_mixtures_are_reproducible_and_sound() -> None:
    mixtures = NoisySpeech({"vctk-p239": 1.0}, 1.0, [-5, 20])
    drawn = [mixtures.batch(24, np.random.default_rng(4)) for _ in range(2)]
    np.testing.assert_array_equal(drawn[0][0], drawn[1][0])
    noisy, clean = drawn[0]
    assert np.isfinite(noisy).all()
    assert np.isfinite(clean).all()
    disturbed = (mixtures.disturb(clean[0], np.random.default_rng(seed)) for seed in range(60))
    assert 1 <= sum(np.array_equal(one, other) for one, other in disturbed) <= 14


@pytest.fixture
def mixtures(tmp_path, monkeypatch) -> NoisySpeech:
    """Speech of three seconds of people who each say one tone, from 200 to 700 Hz; the first is trained on, the others
    are heard in the background alone."""
    monkeypatch.setattr(folders, "DATA", tmp_path)
    monkeypatch.setattr(folders, "CACHE", tmp_path / "cache")
    times = np.arange(64_000) / 16_000
    for number, name in enumerate(("ann", "bea", "cyd", "dan", "eve", "fay")):
        folder = tmp_path / ("wanted" if number == 0 else "others") / name
        folder.mkdir(parents=True)
        audio.write(folder / "one.wav", 0.3 * np.sin(2 * np.pi * 100 * (number + 2) * times), 16_000)
    people = Corpora({str(tmp_path / "wanted"): 1.0, str(tmp_path / "others"): 0.0}, noises=())
    mixtures = NoisySpeech(people, 3.0, [-10, 10])
    mixtures.varied = False
    return mixtures


def test_corpora_without_a_share_speak_in_the_background_alone(mixtures):
    random = np.random.default_rng(0)
    assert {int(np.abs(np.fft.rfft(mixtures.speech(random))).argmax() / 3) for _ in range(20)} == {200}
    others = {int(np.abs(np.fft.rfft(mixtures.voice(random))).argmax() / 3) for _ in range(60)}
    assert others == {200, 300, 400, 500, 600, 700}


def test_nobody_in_the_background_is_as_loud_as_the_wanted_one_unless_for_a_moment(mixtures):
    """At −10 dB asked for, too: the louder, or the longer, of two is who is wanted."""
    shorter, counts, times, tones = 0, [], np.arange(48_000) / 16_000, itertools.count()
    mixtures.voice = lambda _: 2**0.5 * np.sin(2 * np.pi * (200 + 10 * (next(tones) % 80)) * times)
    for seed in range(80):
        total, least = mixtures.babble(3.0, np.random.default_rng(seed))
        assert total.std() == pytest.approx(1, abs=1e-3)
        spectrum = np.abs(np.fft.rfft(total)) ** 2 / len(total) ** 2 * 2  # of a voice that speaks throughout: its power
        peaks = np.array([spectrum[3 * hertz] for hertz in range(200, 1_000, 10)])
        is_on = np.mean(np.abs(total) > 1e-3)
        wanted = 10 ** (least / 10)  # its power where it is as faint as it may be
        if is_on > 0.6:
            assert peaks.max() < wanted * 10 ** (-1.0 / 10)
            counts.append(np.count_nonzero(peaks > 1e-3))
        else:
            shorter += 1
            assert is_on < 0.4
            loudest = peaks.max() / np.sort(peaks)[-2:].sum() / is_on
            assert loudest < 10 ** (6.0 / 10) * wanted, "louder by some dB at most, for a third of the time"
    assert shorter >= 5
    assert {1, 2, 3} <= set(counts)
    assert max(counts) >= 4


def test_speech_can_be_a_small_part_and_change_its_level(mixtures):
    random, parts, moved = np.random.default_rng(3), [], 0
    for _ in range(80):
        wave = mixtures.moved(mixtures.speech(random), random)
        assert wave.shape == (48_000,)
        frames = wave.reshape(-1, 480).std(1)
        parts.append(np.mean(frames > 0.02))
        moved += np.ptp(20 * np.log10(frames[frames > 0.02])) > 4
    assert 3 <= sum(part < 0.5 for part in parts) <= 25
    assert min(parts) > 0.1
    assert moved >= 5


def test_training_hears_further_voices_and_noises_and_development_always_the_same(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(folders, "DATA", tmp_path)
    monkeypatch.setattr(folders, "CACHE", tmp_path / "cache")
    times = np.arange(48_000) / 16_000
    for speaker in ("ann", "bea"):
        (tmp_path / "people" / speaker).mkdir(parents=True)
        audio.write(tmp_path / "people" / speaker / "one.wav", 0.3 * np.sin(2 * np.pi * 300 * times), 16_000)
        (tmp_path / "people" / speaker / "one.txt").write_text("Aah.")
    dying_away = np.random.default_rng(0).standard_normal(48_000) * np.exp(-40 * (times % 0.2))
    heard = {}
    for kind in ("train", "development"):
        people = Corpora({str(tmp_path / "people"): 1.0}, Division(validation=("bea",)))
        mixtures, random = NoisySpeech(people, 1.0, [0, 10], kind), np.random.default_rng(1)
        mixtures.noises = [dying_away]
        spectra = [np.abs(np.fft.rfft(mixtures.speech(random))) for _ in range(40)]
        loudness = [np.convolve(np.abs(mixtures.recorded_noise(random)), np.ones(80), "valid") for _ in range(40)]
        rises = [(np.diff(one[::80]) > 0).mean() for one in loudness]  # what dies away rises for a moment only
        heard[kind] = np.array([one.argmax() for one in spectra]), np.array(rises)
    tones, rises = heard["development"]
    assert set(tones) == {300}
    assert (rises < 0.5).all()
    tones, rises = heard["train"]
    assert 0.3 < (tones == 300).mean() < 0.7
    assert (tones >= 300 * np.exp(-0.2) - 1).all()
    assert (tones <= 300 * np.exp(0.2) + 1).all()
    assert 0.3 < (rises < 0.5).mean() < 0.7
