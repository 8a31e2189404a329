"""SayEN: lengths, levels, chunks, batches, and saving."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rtvc.earspeech import EarSpeechModel
from rtvc.sayen import SayENConfig, SayENModel, compress, ear_aligned_istft, ear_aligned_stft

DATA = Path(__file__).parents[2] / "shared" / "data"
SMALL = {"channels": 8, "hidden_size": 8, "blocks": 1, "filter_frames": 3}


def small(**changes) -> SayENModel:
    """A model of width 8 with weights that are not at their start, so that every path carries something."""
    torch.manual_seed(0)
    model = SayENModel(SayENConfig(**(SMALL | changes))).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def voices(count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.nn.functional.normalize(torch.randn(count, 256, generator=generator), dim=1)


def speechlike(samples: int, seed: int = 0, count: int = 1) -> torch.Tensor:
    """(count, samples) harmonics of a gliding pitch that come and go five times a second, and a little noise."""
    generator = torch.Generator().manual_seed(seed)
    time = torch.arange(samples) / 16_000
    pitch = 100 + 60 * torch.rand(count, 1, generator=generator) + 10 * torch.sin(4 * time)
    phase = 2 * torch.pi * torch.cumsum(pitch / 16_000, 1)
    wave = sum(torch.sin(n * phase) / n for n in range(1, 20)) * (0.55 + 0.45 * torch.sin(2 * torch.pi * 5 * time))
    return 0.05 * wave + 5e-4 * torch.randn(count, samples, generator=generator)


def noisy_pair(samples: int = 16_000, count: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    clean = speechlike(samples, count=count)
    return clean + 0.03 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(1)), clean


# ---------------------------------------------------------------------------------------------- shapes and levels
@pytest.mark.parametrize("samples", [1, 159, 160, 161, 513, 8_001, 16_003])
def test_spectrum_inverts(samples: int) -> None:
    wave = torch.randn(2, samples, generator=torch.Generator().manual_seed(0))
    spectra = ear_aligned_stft(wave, 512, 160)
    assert spectra.shape == (2, -(-samples // 160), 257)
    torch.testing.assert_close(ear_aligned_istft(spectra, 512, 160, samples), wave, atol=1e-5, rtol=0)


def test_spectrum_of_white_noise_has_unit_power() -> None:
    wave = torch.randn(1, 160_000, generator=torch.Generator().manual_seed(0))
    assert ear_aligned_stft(wave, 512, 160).abs().square().mean() == pytest.approx(1.0, rel=0.02)


@pytest.mark.parametrize("samples", [1, 160, 8_001, 16_123])
def test_length_is_kept(samples: int, earspeech: EarSpeechModel) -> None:
    wave, model = torch.randn(2, samples), small()
    features = earspeech(wave).features
    with torch.no_grad():
        enhanced = model(wave, features, voices(2)).enhanced
    assert enhanced.shape == wave.shape
    assert torch.isfinite(enhanced).all()


def test_digital_silence_stays_silent(earspeech: EarSpeechModel) -> None:
    wave, model = torch.zeros(1, 4_000), small()
    with torch.no_grad():
        enhanced = model(wave, earspeech(wave).features, voices(1)).enhanced
    assert enhanced.abs().max() < 1e-6


def test_output_follows_the_input_level(earspeech: EarSpeechModel) -> None:
    wave, model, voice = noisy_pair(count=1)[0], small(), voices(1)
    with torch.no_grad():
        one, quiet = (model(w, earspeech(w).features, voice).enhanced for w in (wave, 0.01 * wave))
    torch.testing.assert_close(quiet * 100, one, atol=1e-5, rtol=1e-3)


def test_mask_is_bounded(earspeech: EarSpeechModel) -> None:
    model, wave = small(mask_limit=0.5, filter_frames=1), noisy_pair(count=1)[0]
    with torch.no_grad():
        model.decoder.outer[0].weight.mul_(1_000)
        enhanced = model(wave, earspeech(wave).features, voices(1)).enhanced
    assert enhanced.norm() <= 0.6 * wave.norm()


def test_a_filter_makes_frames_of_their_neighbours(earspeech: EarSpeechModel) -> None:
    """With nothing but the tap of the frame before, what comes out are those frames; at the start there is none."""
    model, wave = small(), noisy_pair(count=1)[0]
    with torch.no_grad():
        for layer in (*model.decoder.outer, *model.beside.outer):
            layer.weight.zero_()
            layer.bias.zero_()
        for layer in model.decoder.outer:
            layer.bias.unflatten(0, (-1, 2))[:, 0] = -1.0  # beside the 1 it starts with: nothing
        for layer in model.beside.outer:
            layer.bias.unflatten(0, (-1, 2, 2))[:, 0, 0] = 100.0  # taps, then real and imaginary
        enhanced = model(wave, earspeech(wave).features, voices(1)).enhanced
    before = torch.nn.functional.pad(ear_aligned_stft(wave, 512, 160), (0, 0, 1, -1))
    limit = model.config.mask_limit
    torch.testing.assert_close(
        enhanced, limit * ear_aligned_istft(before, 512, 160, wave.shape[1]), atol=1e-5, rtol=1e-4
    )


def test_voice_and_features_matter(earspeech: EarSpeechModel) -> None:
    """Guards against a condition that is passed along and never read."""
    model, wave = small(), noisy_pair(count=1)[0]
    features, (one, other) = earspeech(wave).features, voices(2).split(1)
    with torch.no_grad():
        heard = [model(wave, f, v).enhanced for f, v in ((features, one), (features, other), (1 - features, one))]
    assert (heard[0] - heard[1]).abs().max() > 1e-4
    assert (heard[0] - heard[2]).abs().max() > 1e-4


# ---------------------------------------------------------------------------------------------- batches and chunks
def test_ragged_batch_is_batch_of_one(earspeech: EarSpeechModel) -> None:
    lengths, model, voice = (8_005, 4_700, 161), small(), voices(3)
    waves = speechlike(max(lengths), count=3)
    mask = (torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]).long()
    padded = torch.where(mask == 1, waves, torch.full_like(waves, 0.3))  # what padding holds must not matter
    with torch.no_grad():
        together = model(padded, earspeech(padded, mask).features, voice, attention_mask=mask).enhanced
        for index, length in enumerate(lengths):
            wave = waves[index : index + 1, :length]
            alone = model(wave, earspeech(wave).features, voice[index : index + 1]).enhanced
            torch.testing.assert_close(together[index : index + 1, :length], alone, atol=2e-5, rtol=1e-3)
            assert together[index, length:].abs().max() == 0 if length < max(lengths) else True


def test_chunks_give_the_whole(earspeech: EarSpeechModel) -> None:
    wave, model, voice = noisy_pair(16_000 * 11 + 77, count=1)[0], small(chunk_seconds=4, overlap_seconds=1), voices(1)
    features, seen = earspeech(wave).features, []
    with torch.no_grad():
        whole = model(wave, features, voice).enhanced
    chunked = model.enhance(wave, features, voice, progress=lambda done, total: seen.append((done, total)))
    assert chunked.shape == wave.shape
    assert (chunked - whole).norm() < 1e-3 * whole.norm()
    assert seen[-1] == (wave.shape[1], wave.shape[1])
    assert len(seen) == 4


def test_one_chunk_is_exactly_the_whole(earspeech: EarSpeechModel) -> None:
    wave, model, voice = noisy_pair(5_003, count=1)[0], small(), voices(1)
    features = earspeech(wave).features
    with torch.no_grad():
        assert torch.equal(model(wave, features, voice).enhanced, model.enhance(wave, features, voice))


def test_compression_is_finite_at_zero() -> None:
    spectra = torch.zeros(1, 2, 3, dtype=torch.complex64, requires_grad=True)
    parts, magnitudes = compress(spectra, 0.3)
    (parts.sum() + magnitudes.sum()).backward()
    assert torch.isfinite(torch.view_as_real(spectra.grad)).all()


# ---------------------------------------------------------------------------------------------- config and files
def test_config_is_strict() -> None:
    with pytest.raises(Exception, match="band_widths"):
        SayENConfig(band_widths=[100, 100])
    with pytest.raises(Exception, match="odd number"):
        SayENConfig(filter_frames=2)
    with pytest.raises(ValueError, match="hidden_sise"):
        SayENConfig(hidden_sise=3)
    assert SayENConfig().sayen_dropout == 0.05


def test_saved_and_loaded_is_the_same(tmp_path: Path, earspeech: EarSpeechModel) -> None:
    model, wave = small(), noisy_pair(count=1)[0]
    model.save_pretrained(tmp_path)
    first, second = (SayENModel.from_pretrained(tmp_path, dtype=torch.float32).eval() for _ in range(2))
    features, voice = earspeech(wave).features, voices(1)
    with torch.no_grad():
        heard = [one(wave, features, voice).enhanced for one in (model, first, second)]
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), first.state_dict().values(), strict=True))
    assert torch.equal(heard[1], heard[2])
    torch.testing.assert_close(heard[0], heard[1], atol=1e-6, rtol=0)  # weights in a file lie elsewhere in memory
    assert first.config.sayen_dropout == model.config.sayen_dropout
