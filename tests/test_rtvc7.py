"""RTVC-7: measured properties of its parts, and that it learns."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from rtvc import rtvc7
from rtvc.rtvc7 import RTVC7Config, RTVC7Model
from rtvc.rtvc7_networks import ConvNeXtBlock
from rtvc.rtvc7_signal import (
    istft,
    log_mel,
    long_term_average_spectrum,
    mel_filters,
    mel_to_bins,
    pulses,
    reference_frames,
    stft,
    white_noise,
)

TINY = {
    "vocab_size": 20,
    "condition_size": 16,
    "hidden_size": 32,
    "flow_hidden_size": 16,
    "posterior_hidden_size": 16,
    "decoder_hidden_size": 32,
    "speaker_size": 8,
    "reference_size": 16,
}


@pytest.fixture
def model() -> RTVC7Model:
    torch.manual_seed(0)
    model = RTVC7Model(RTVC7Config(**TINY)).eval()
    for parameter in model.parameters():  # wake up what starts at zero
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.02)
    torch.nn.init.constant_(model.duration_predictor.head.bias, 1.5)
    return model


def voice(batch: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    embedding = torch.nn.functional.normalize(torch.randn(batch, 8), dim=-1)
    statistics = {"pitch_mean": 5.0, "pitch_std": 0.2, "tempo": 4.5}
    heard = {"speaker_embedding": embedding, "timbre": 0.3 * torch.randn(batch, 80)}
    return heard | {key: torch.full((batch,), value) for key, value in statistics.items()}


def tokens(*lengths: int) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(2)
    ids = torch.randint(1, 20, (len(lengths), max(lengths)))
    mask = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).long()
    return ids * mask, mask


def test_layers_are_those_of_the_specification():
    model = RTVC7Model(RTVC7Config(**TINY))
    assert len(model.text_encoder.stack.blocks) == len(model.flow.steps) == len(model.decoder.stack.blocks) == 7


def test_unknown_and_odd_settings_are_refused():
    with pytest.raises(ValueError, match="vocabulary"):
        RTVC7Config(vocabulary=3)
    with pytest.raises(Exception, match="even"):
        RTVC7Config(latent_size=81)


def test_spectrum_and_its_inverse_return_the_wave():
    config = RTVC7Config(**WIDE)
    wave = torch.randn(2, 6000)
    restored = istft(stft(wave, config), config)
    assert torch.allclose(restored[:, :-600], wave[:, :-600], atol=1e-4)


WIDE = {"sampling_rate": 24_000, "n_fft": 1200, "hop_length": 300, "latent_size": 90, "mel_top": 11745.62494}


@pytest.mark.parametrize("sizes", [{}, WIDE])
def test_white_noise_has_power_one_at_any_rate(sizes: dict):
    config = RTVC7Config(**sizes)
    noise = torch.randn(4, config.sampling_rate, generator=torch.Generator().manual_seed(0))
    power = stft(white_noise(noise, config), config).abs().square()
    assert power[:, 2:-2].mean().item() == pytest.approx(1.0, abs=0.02)


def test_a_sound_has_the_same_bands_at_16_and_at_24_khz():
    narrow, wide = RTVC7Config(), RTVC7Config(**WIDE)
    seconds = [torch.arange(config.sampling_rate) / config.sampling_rate for config in (narrow, wide)]
    tones = [sum(torch.sin(2 * math.pi * f * t) for f in range(150, 7500, 150))[None] for t in seconds]
    at_16, at_24 = (log_mel(tone, config)[0, 10:-10] for tone, config in zip(tones, (narrow, wide), strict=True))
    assert torch.allclose(at_16[:, 2:76], at_24[:, 2:76], atol=0.05)  # below the first tone there is next to nothing
    pulse_bands = [log_mel(pulses(torch.full((1, 40), 150.0), config), config)[0, 10:-10] for config in (narrow, wide)]
    assert torch.allclose(pulse_bands[0][:, 2:76], pulse_bands[1][:, 2:76], atol=0.05)


@pytest.mark.parametrize("frequency", [80.0, 200.0, 400.0])
def test_pulses_have_every_harmonic_at_unit_amplitude(frequency: float):
    wave = pulses(torch.full((1, 80), frequency), RTVC7Config())[0].numpy()
    amplitudes = 2 * np.abs(np.fft.rfft(wave)) / len(wave)  # 1 s: bin = Hz
    harmonics = np.arange(1, int(7_900 / frequency) + 1) * int(frequency)
    assert np.allclose(amplitudes[harmonics], 1.0, atol=0.02)
    others = np.delete(amplitudes[:7_900], np.concatenate([harmonics + k for k in (-1, 0, 1)]).clip(0, 7_899))
    assert others.max() < 0.05


def test_pulses_are_silent_where_unvoiced():
    f0 = torch.cat([torch.full((1, 20), 120.0), torch.zeros(1, 20)], 1)
    wave = pulses(f0, RTVC7Config())[0]
    assert wave[:3800].abs().max() > 10
    assert wave[4000:].abs().max() == 0


def test_log_mel_of_a_tone_peaks_at_its_band():
    config = RTVC7Config()
    tone = torch.sin(2 * math.pi * 1000 * torch.arange(16_000) / 16_000)[None]
    band = log_mel(tone, config)[0, 40].argmax().item()
    import librosa

    centres = librosa.mel_frequencies(config.latent_size + 2, fmax=8000)[1:-1]
    assert abs(centres[band] - 1000) < 60


def test_flow_is_invertible_and_its_determinant_is_right(model: RTVC7Model):
    latents, condition = torch.randn(1, 3, 80), torch.randn(1, 16)
    context, mask = torch.randn(1, 3, 16), torch.ones(1, 3, 1)
    inside, log_determinant = model.flow(latents, context, condition, mask)
    assert torch.allclose(model.flow.inverse(inside, context, condition, mask), latents, atol=1e-4)

    def flat(values: torch.Tensor) -> torch.Tensor:
        return model.flow(values.view(1, 3, 80), context, condition, mask)[0].flatten()

    jacobian = torch.autograd.functional.jacobian(flat, latents.flatten())
    assert log_determinant.sum().item() == pytest.approx(torch.linalg.slogdet(jacobian)[1].item(), abs=1e-2)


@pytest.fixture
def far_hearing(model: RTVC7Model) -> RTVC7Model:
    """Each layer hears what is furthest away as well as what is near, so that what is missing there shows."""
    for block in (one for one in model.modules() if isinstance(one, ConvNeXtBlock)):
        torch.nn.init.constant_(block.depthwise.weight[..., ::6], 1.0)
        torch.nn.init.constant_(block.scale, 1.0)
    return model


def test_what_is_planned_whole_can_be_rendered_in_pieces(far_hearing: RTVC7Model):
    """Wherever it is cut."""
    model = far_hearing
    ids, mask = tokens(40)
    plan = model.plan(ids, mask, **voice(1), variation=0.3, generator=torch.Generator().manual_seed(0))
    whole, total = model.render(plan), plan.mask.shape[1]
    assert total > 2 * model.receptive_field
    edges = [0, 7, total // 2, total // 2 + 1, total]
    pieces = [model.render(plan, start, stop) for start, stop in zip(edges, edges[1:], strict=False)]
    torch.testing.assert_close(torch.cat(pieces, 1), whole, atol=1e-4, rtol=0)


@torch.no_grad()
def test_the_receptive_field_is_how_far_a_moment_depends_on_what_is_around(far_hearing: RTVC7Model):
    model = far_hearing
    ids, mask = tokens(60)
    plan = model.plan(ids, mask, **voice(1))
    place, hop = plan.mask.shape[1] // 2, model.config.hop_length
    heard = model.render(plan)[:, place * hop : (place + 1) * hop]
    for distance, changes in ((model.receptive_field + 1, False), (model.receptive_field - 2, True)):
        for away in (place - distance, place + distance):
            other = plan.hidden.clone()
            other[:, away] += 100 * torch.randn(other.shape[2])
            changed = model.render(dataclasses.replace(plan, hidden=other))[:, place * hop : (place + 1) * hop]
            assert (changed != heard).any().item() == changes


def test_new_flow_is_the_identity():
    flow = RTVC7Model(RTVC7Config(**TINY)).flow
    latents = torch.randn(1, 5, 80)
    inside, _ = flow(latents, torch.randn(1, 5, 16), torch.randn(1, 16), torch.ones(1, 5, 1))
    assert torch.equal(inside, latents)


def test_expand_repeats_tokens_for_their_frames(model: RTVC7Model):
    torch.nn.init.zeros_(model.position.weight)
    torch.nn.init.zeros_(model.position.bias)
    hidden = torch.arange(3.0)[None, :, None].expand(1, 3, 32)
    assert model.expand(hidden, torch.tensor([[2, 0, 3]]))[0, :, 0].tolist() == [0, 0, 2, 2, 2]


def test_ragged_batch_equals_batch_of_one(model: RTVC7Model):
    ids, mask = tokens(9, 5)
    both = model.synthesize(ids, mask, **voice(2))
    first = {key: value[:1] for key, value in voice(2).items()}
    alone = model.synthesize(ids[:1], mask[:1], **first)
    assert both.lengths[0] == alone.lengths[0]
    length = int(alone.lengths[0]) - 800  # the last windows reach past the end, where a batch has unvoiced padding
    difference = both.waveform[0, :length] - alone.waveform[0, :length]
    assert difference.norm() < 3e-3 * alone.waveform[0, :length].norm()  # -50 dB: rounding in pitch turns into phase
    second = {key: value[1:] for key, value in voice(2).items()}
    assert torch.equal(both.durations[1, :5], model.synthesize(ids[1:, :5], mask[1:, :5], **second).durations[0])


def test_speed_shortens_and_pitch_raises(model: RTVC7Model):
    ids, mask = tokens(12)
    torch.nn.init.constant_(model.pitch_predictor.head.bias, 1.0)  # voiced
    plain = model.synthesize(ids, mask, **voice(1))
    fast = model.synthesize(ids, mask, **voice(1), speed=2.0)
    high = model.synthesize(ids, mask, **voice(1), pitch=12.0)
    assert fast.lengths.item() == pytest.approx(plain.lengths.item() / 2, abs=400)
    voiced = plain.f0 > 0
    assert voiced.any()
    assert torch.allclose(high.f0[voiced], 2 * plain.f0[voiced])


def test_variation_draws_and_a_seed_repeats(model: RTVC7Model):
    ids, mask = tokens(8)

    def speak(variation: float, seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return model.synthesize(ids, mask, **voice(1), variation=variation, generator=generator).waveform

    assert torch.equal(
        model.synthesize(ids, mask, **voice(1)).waveform, model.synthesize(ids, mask, **voice(1)).waveform
    )
    assert torch.equal(speak(1.0, 3), speak(1.0, 3))
    assert not torch.allclose(speak(1.0, 3), speak(1.0, 4), atol=1e-3)


def test_the_voice_enters_every_block(model: RTVC7Model):
    ids, mask = tokens(6)
    heard = {key: value.clone().requires_grad_() for key, value in voice(1).items()}
    condition = model.condition(model.voice(**heard, quality=torch.tensor([50.0])))
    for stack in (model.text_encoder.stack, model.prior.stack):
        hidden = torch.randn(1, 6, 32)
        for block in stack.blocks:
            (gradient,) = torch.autograd.grad(
                block(hidden, condition, mask[..., None].float()).sum(), heard["speaker_embedding"], retain_graph=True
            )
            assert gradient.abs().max() > 0


def test_ramps_are_straight_between_the_ends_of_tokens():
    values = rtvc7.ramps(torch.tensor([[0.0, 1.0, 1.0, 0.0]]), torch.tensor([[2, 4, 0, 2]]))
    assert values[0].tolist() == [0, 0, 0.125, 0.375, 0.625, 0.875, 0.75, 0.25]


def test_pitch_rises_to_the_top_of_the_range_where_asked(model: RTVC7Model):
    ids, mask = tokens(7)
    rise = torch.zeros(1, 7)
    rise[0, 4:] = 1.0
    plain, risen = (model.synthesize(ids, mask, **voice(1), rise=one) for one in (None, rise))
    ends = plain.durations[0].cumsum(0)
    start, full = int(ends[3]), int(ends[4])
    assert torch.equal(plain.f0[:, :start], risen.f0[:, :start])
    top = math.exp(5.0 + rtvc7.TOP * 0.2)
    voiced = risen.f0[0, full:][risen.f0[0, full:] > 0]
    assert len(voiced) > 0
    assert voiced.numpy() == pytest.approx(top, rel=1e-3)


def test_saved_and_loaded_it_says_the_same(model: RTVC7Model, tmp_path):
    ids, mask = tokens(7)
    model.save_pretrained(tmp_path)
    loaded = RTVC7Model.from_pretrained(tmp_path).eval()
    here, there = (each.synthesize(ids, mask, **voice(1)).waveform for each in (model, loaded))
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), loaded.parameters(), strict=True))
    # Not equal: vector code rounds by where the weights lie in memory, and the pitch's last bit moves the 50th
    # harmonic's phase, after 100 periods, by 0.002.
    assert (here - there).pow(2).mean() < 1e-6 * here.pow(2).mean()


def test_trains_in_a_process_that_has_spoken(model: RTVC7Model):
    mel_to_bins.cache_clear()
    mel_filters.cache_clear()
    ids, mask = tokens(4)
    wave = model.synthesize(ids, mask, **voice(1)).waveform
    with torch.inference_mode():
        model.normalized_mel(wave)
    latents = torch.randn(1, 6, 80, requires_grad=True)
    heard = model.voice(**voice(1), quality=torch.tensor([50.0]))
    made = model.decode(latents, torch.full((1, 6), 120.0), heard, torch.ones(1, 6, 1), torch.randn(1, 1200))
    model.normalized_mel(made).sum().backward()
    assert latents.grad.abs().max() > 0


def test_the_average_spectrum_is_a_voice_s_whatever_its_level_and_pauses():
    torch.manual_seed(0)
    noise = 0.1 * torch.randn(16_000)
    dull = torch.nn.functional.conv1d(noise[None, None], torch.ones(1, 1, 5) / 5, padding=2)[0, 0]
    bright, dark = long_term_average_spectrum(noise, 80), long_term_average_spectrum(dull, 80)
    assert bright.shape == (80,)
    assert (bright - dark)[-10:].mean() > 0.5 > 0 > (bright - dark)[:40].mean()
    assert torch.allclose(long_term_average_spectrum(0.2 * noise, 80), bright, atol=1e-3)
    pauses = torch.cat([noise[:8000], torch.zeros(7000), noise[8000:]])
    assert (long_term_average_spectrum(pauses, 80) - bright).abs().mean() < 0.1


def test_the_average_spectrum_moves_what_is_said(model: RTVC7Model):
    ids, mask = tokens(6)
    known = voice(1)
    plain = model.synthesize(ids, mask, **known).waveform
    assert not torch.allclose(plain, model.synthesize(ids, mask, **known | {"timbre": -known["timbre"]}).waveform)


def test_frames_of_the_person_s_speech_count_in_any_order_and_padding_is_none(model: RTVC7Model):
    ids, mask = tokens(6, 9)
    known, frames = voice(2), torch.randn(2, 12, 80)
    plain = model.synthesize(ids, mask, **known).waveform
    said = model.synthesize(ids, mask, **known, reference=frames).waveform
    assert not torch.allclose(said, plain, atol=1e-3)
    shuffled = frames[:, torch.randperm(12)]
    assert torch.allclose(said, model.synthesize(ids, mask, **known, reference=shuffled).waveform, atol=1e-3)
    padded = torch.cat([frames, torch.zeros(2, 5, 80)], 1)
    assert torch.allclose(said, model.synthesize(ids, mask, **known, reference=padded).waveform, atol=1e-3)
    nobody = model.synthesize(ids, mask, **known, reference=torch.zeros(2, 12, 80)).waveform
    assert torch.allclose(plain, nobody, atol=1e-3)


def test_frames_of_a_reference_are_those_that_sound():
    torch.manual_seed(0)
    tone = 0.1 * torch.sin(2 * math.pi * 300 * torch.arange(16_000) / 16_000)
    wave = torch.cat([torch.zeros(16_000), tone + 1e-3 * torch.randn(16_000), 1e-4 * torch.randn(16_000)])
    frames = reference_frames(wave, 80)
    assert 70 <= len(frames) <= 88  # of 240; 80 of them sound, and windows reach beyond
    assert (frames.argmax(1) == frames.argmax(1).mode().values).float().mean() > 0.9


def test_silence_at_the_edges_is_cut_before_anything_is_drawn(model: RTVC7Model):
    ids, mask = tokens(12, 7)
    whole, cut = model.plan(ids, mask, **voice(2)), model.plan(ids, mask, **voice(2), edges=(2, 3))
    assert whole.durations[:, 0].min() > 2  # or there is nothing to cut
    assert (cut.durations[:, 0] == 2).all()
    for line, count in enumerate((12, 7)):
        assert cut.durations[line, count - 2 : count].sum() == min(3, whole.durations[line, count - 2 : count].sum())
        assert torch.equal(cut.durations[line, 1 : count - 2], whole.durations[line, 1 : count - 2])
    frames = int(cut.durations.sum(1).max())
    assert cut.source.shape[1] == frames * model.config.hop_length
