"""RTVC-7 from 16 to 24 kHz: what the small model says below 8 kHz the grown one says, and narrow recordings teach it
nothing about what lies above them."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from test_rtvc7 import TINY, WIDE, tokens, voice
from test_synthesis_training import batch  # noqa: F401  # a fixture

from rtvc.errors import TrainingError
from rtvc.rtvc7 import RTVC7Config, RTVC7Model
from rtvc.rtvc7_signal import log_mel
from rtvc.training import losses, synthesis
from rtvc.training.data.speech import Batch
from rtvc.training.growth import grown


@pytest.fixture
def small() -> RTVC7Model:
    torch.manual_seed(0)
    model = RTVC7Model(RTVC7Config(**TINY)).eval()
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.02)
    torch.nn.init.constant_(model.duration_predictor.head.bias, 1.5)
    return model


def test_the_grown_model_says_below_8_khz_what_the_small_one_said(small: RTVC7Model):
    large = grown(small, WIDE)
    ids, mask = tokens(12)
    before, after = (model.synthesize(ids, mask, **voice(1)) for model in (small, large))
    assert torch.equal(before.durations, after.durations)
    assert torch.equal(before.f0, after.f0)
    assert after.waveform.shape[1] * 16_000 == before.waveform.shape[1] * 24_000
    ways = [torch.randn(1, 9, bands) for bands in (80, 90)]
    ways[1][..., :80] = ways[0]
    condition, context, frames = torch.randn(1, 16), torch.randn(1, 9, 16), torch.ones(1, 9, 1)
    carried = [
        model.flow.inverse(way, context, condition, frames) for model, way in zip((small, large), ways, strict=True)
    ]
    assert torch.allclose(carried[0], carried[1][..., :80], atol=1e-5)
    spectra = [
        log_mel(output.waveform, model.config)[0, 4:-4, 2:76].mean(0)
        for model, output in ((small, before), (large, after))
    ]
    assert (spectra[0] - spectra[1]).abs().mean() < 0.1


def test_a_model_of_those_sizes_is_left_as_it_is_and_none_shrinks(small: RTVC7Model):
    assert grown(small, {"latent_size": 80}) is small
    with pytest.raises(TrainingError, match="latent_size"):
        grown(small, {"latent_size": 60})


def test_recordings_are_compared_up_to_their_bandwidth(small: RTVC7Model):
    torch.manual_seed(0)
    rate, waves = 24_000, 0.1 * torch.randn(2, 24_000)
    bandwidth = torch.tensor([8000.0, 12_000.0])
    narrow, whole = losses.band_limited(waves, bandwidth, rate)
    assert torch.allclose(whole, waves[1], atol=1e-5)
    spectra = torch.fft.rfft(narrow).abs(), torch.fft.rfft(waves[0]).abs()
    assert spectra[0][7600:].max() < 1e-3  # bins of 1 Hz
    assert torch.allclose(spectra[0][:7200], spectra[1][:7200], atol=1e-2)


def test_16_khz_of_a_wide_wave_is_what_lies_below_8_khz():
    seconds = torch.arange(24_000, dtype=torch.double) / 24_000
    tones = torch.sin(2 * torch.pi * 440 * seconds) + torch.sin(2 * torch.pi * 10_000 * seconds)
    narrow = losses.at_16_khz(tones[None], 24_000)
    assert torch.allclose(narrow[0], torch.sin(2 * torch.pi * 440 * torch.arange(16_000) / 16_000), atol=3e-3)


def test_bands_above_a_recording_teach_nothing(small: RTVC7Model, batch: Batch):  # noqa: F811
    large = grown(small, WIDE)
    wave = torch.randn(2, batch.f0.shape[1] * 300) * 0.05
    narrow = dataclasses.replace(batch, wave=wave, bandwidth=torch.tensor([8000.0, 8000.0]))
    target, _, heard = synthesis.targets(large, narrow)
    assert heard.sum(1).tolist() == [78.0, 78.0]
    read = synthesis.read_text(large, narrow)
    weights = {"latents": 1.0, "likelihood": 0.2}
    found = synthesis.prior_losses(large, narrow, read, target, heard, weights)
    other = torch.where(heard[:, None] > 0, target, torch.full_like(target, 9.0))
    again = synthesis.prior_losses(large, narrow, read, other, heard, weights)
    assert {name: value.item() for name, value in found.items()} == {
        name: value.item() for name, value in again.items()
    }
