"""Noisy speech: drawn alike from one seed, sound, varied in training only; and SayEN learns from it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from test_sayen import DATA, SMALL

from rtvc import audio
from rtvc.earspeech import EarSpeechModel
from rtvc.sayen import SayENConfig, SayENModel
from rtvc.training import folders
from rtvc.training.data.corpora import Corpora, Division
from rtvc.training.data.noise import SYNTHETIC_NOISES
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
    assert 1 <= sum(np.array_equal(a, b) for a, b in zip(noisy, clean, strict=True)) <= 8
    for make in SYNTHETIC_NOISES:
        made = make(8_000, np.random.default_rng(0))
        assert made.shape == (8_000,)
        assert made.std() > 0


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
