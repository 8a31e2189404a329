"""EarSpeech: measured properties of the filterbank, and the front door for audio."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch
from huggingface_hub.errors import StrictDataclassClassValidationError

from rtvc.earspeech import EarSpeechConfig, EarSpeechFeatureExtractor, EarSpeechModel, erb
from rtvc.errors import VoiceError

RATE = 16_000


@pytest.fixture(scope="module")
def model() -> EarSpeechModel:
    return EarSpeechModel(EarSpeechConfig()).eval()


@pytest.fixture(scope="module")
def speechlike() -> torch.Tensor:
    """(1, samples): a buzz with a moving formant and pauses, 1.5 s."""
    time = torch.arange(int(1.5 * RATE)) / RATE
    buzz = sum(torch.sin(2 * torch.pi * 120 * harmonic * time) / harmonic for harmonic in range(1, 40))
    return (0.05 * buzz * (1 + torch.sin(2 * torch.pi * 3 * time)))[None]


def tones(frequencies: torch.Tensor) -> torch.Tensor:
    return 0.1 * torch.sin(2 * torch.pi * frequencies[:, None] * torch.arange(RATE // 2) / RATE)


def test_centres_are_even_on_the_erb_scale_and_below_nyquist(model):
    centres = model.centres().detach()
    assert len(centres) == 64
    assert 50 < centres[0] < 70
    assert centres[-1] < 8000
    steps = (21.4 * torch.log10(4.37e-3 * centres + 1)).diff()
    assert torch.allclose(steps, steps.mean().expand(63), rtol=1e-3)


@torch.no_grad()
def test_a_tone_at_a_centre_is_loudest_in_its_own_band(model):
    features = model(tones(model.centres())).features[:, 10:40].mean(1)
    assert torch.equal(features.argmax(1), torch.arange(64))


@torch.no_grad()
@pytest.mark.parametrize("band", [0, 7, 20, 35, 50, 63])
def test_a_band_answers_most_at_its_centre(model, band):
    centre = model.centres()[band]
    frequencies = centre + erb(centre) * torch.linspace(-2, 2, 9)
    frequencies = frequencies[(frequencies > 20) & (frequencies < 7990)]
    features = model(tones(frequencies).view(1, -1)).features  # in one recording, whose level is one
    loudness = features.view(len(frequencies), 50, 64)[:, 10:40, band].mean(1)
    assert abs(frequencies[loudness.argmax()] - centre) <= 0.5 * erb(centre)


@torch.no_grad()
def test_widths_match_the_erb_formula(model):
    """Equivalent rectangular bandwidth: the area under the power response over its peak."""
    grid = torch.arange(-8_000.0, 24_000.0)  # wide, since a filter's skirts count too
    responses = model.filter_responses(grid)
    widths = responses.sum(1) / responses.amax(1)
    assert torch.allclose(widths, erb(model.centres()), rtol=0.05)
    assert torch.allclose(grid[responses.argmax(1)], model.centres(), atol=1)


@torch.no_grad()
@pytest.mark.parametrize("decibels", [-20, -10, 20])
def test_a_level_change_leaves_features_unchanged(model, speechlike, decibels):
    changed = model(speechlike * 10 ** (decibels / 20)).features
    assert torch.allclose(changed, model(speechlike).features, atol=1e-4)


@torch.no_grad()
def test_shapes_and_range(model, speechlike):
    out = model(speechlike)
    assert out.features.shape == (1, 150, 64)
    assert out.attention_mask.shape == (1, 150)
    assert 0 <= out.features.min() < 0.05 < 0.9 < out.features.max() <= 1


@torch.no_grad()
def test_range_is_thirty_decibels(model):
    """A cell 30 dB below the utterance's level is 0, one 15 dB below is not."""
    for decibels, audible in ((-35, False), (-15, True)):
        loud, soft = tones(torch.tensor([1000.0, 1000.0])).split(1)
        features = model(torch.cat([loud, loud, loud, soft * 10 ** (decibels / 20)], 1)).features
        assert (features[0, -20:-5].max() > 0.05) == audible


@torch.no_grad()
def test_padding_does_not_change_real_frames(model, speechlike):
    length = 17_123
    alone = model(speechlike[:, :length]).features
    padded = torch.full((2, 24_000), 0.3)  # what stands in the padding must not matter
    padded[0, :length] = speechlike[0, :length]
    mask = torch.zeros(2, 24_000, dtype=torch.long)
    mask[0, :length], mask[1] = 1, 1
    out = model(padded, mask)
    assert out.attention_mask[0].sum() == alone.shape[1]
    assert torch.allclose(out.features[0, : alone.shape[1]], alone, atol=1e-5)
    assert out.features[0, alone.shape[1] :].abs().max() == 0


@torch.no_grad()
def test_long_recordings_are_cut_into_blocks_without_a_seam(model, monkeypatch, speechlike):
    whole = model(speechlike).features
    monkeypatch.setattr("rtvc.earspeech.BLOCK_FRAMES", 37)
    assert torch.allclose(model(speechlike).features, whole, atol=1e-5)


def test_gradients_reach_centres_and_widths(speechlike):
    model = EarSpeechModel(EarSpeechConfig())
    model(speechlike).features.pow(2).sum().backward()
    for parameter in (model.centre_offsets, model.width_offsets):
        assert torch.isfinite(parameter.grad).all()
        assert (parameter.grad != 0).float().mean() > 0.9


def test_learned_centres_and_widths_stay_bounded():
    model = EarSpeechModel(EarSpeechConfig())
    with torch.no_grad():
        model.centre_offsets.copy_(torch.tensor([9.0, -9.0]).repeat(32))
        model.width_offsets.fill_(99.0)
        assert (model.centres().diff() > 0).all()
        assert model.centres()[-1] < 8000
        assert torch.allclose(model.bandwidths(), erb(model.centres()) * 0.5 ** torch.tensor(-1 / np.log(2) / 2))


@torch.no_grad()
def test_silence_and_the_shortest_recording_are_finite(model):
    for samples in (1, 100, 8000):
        features = model(torch.zeros(1, samples)).features
        assert torch.isfinite(features).all()


@torch.no_grad()
def test_save_and_load_give_the_same(tmp_path, speechlike):
    model = EarSpeechModel(EarSpeechConfig())
    model.centre_offsets.normal_()
    model.save_pretrained(tmp_path)
    again = EarSpeechModel.from_pretrained(tmp_path)
    assert torch.equal(again(speechlike).features, model(speechlike).features)


def test_config_refuses_what_cannot_work():
    with pytest.raises(ValueError, match="does not know"):
        EarSpeechConfig(band=64)
    with pytest.raises(StrictDataclassClassValidationError, match="high_frequency"):
        EarSpeechConfig(high_frequency=9000.0)


# ---------------------------------------------------------------------------------------------- feature extractor
def test_extractor_takes_any_rate_channels_and_format(tmp_path):
    time = np.arange(44_100) / 44_100
    stereo = np.stack([np.sin(2 * np.pi * 440 * time)] * 2, 1) * 0.5
    soundfile.write(tmp_path / "stereo.wav", stereo, 44_100, subtype="PCM_24")
    extractor = EarSpeechFeatureExtractor()
    as_path = extractor(str(tmp_path / "stereo.wav"))["input_values"]
    as_pair = extractor((stereo.astype(np.float32), 44_100))["input_values"]
    as_integers = extractor((stereo * 32_767).astype(np.int16), sampling_rate=44_100)["input_values"]
    for wave in (as_path, as_pair, as_integers):
        assert wave.dtype == torch.float32
        assert wave.shape == (1, 16_000)
        assert torch.allclose(wave, as_path, atol=1e-3)


def test_extractor_pads_a_batch_and_masks_it(tmp_path):
    soundfile.write(tmp_path / "one.wav", np.full(8_000, 0.1), RATE)
    batch = EarSpeechFeatureExtractor()([np.full(RATE, 0.1, np.float32), tmp_path / "one.wav"])
    assert batch["input_values"].shape == (2, RATE)
    assert batch["attention_mask"].sum(1).tolist() == [RATE, 8_000]
    paths = EarSpeechFeatureExtractor()([str(tmp_path / "one.wav")] * 2)
    assert paths["input_values"].shape == (2, 8_000)


@pytest.mark.parametrize("wave", [np.array([], np.float32), np.array([0.1, np.nan]), np.array([0.1, np.inf])])
def test_extractor_refuses_broken_recordings(wave):
    with pytest.raises(VoiceError):
        EarSpeechFeatureExtractor()(wave)


def test_extractor_round_trips(tmp_path):
    EarSpeechFeatureExtractor().save_pretrained(tmp_path)
    again = EarSpeechFeatureExtractor.from_pretrained(tmp_path)
    assert again(np.full(100, 0.1, np.float32))["attention_mask"].sum() == 100
