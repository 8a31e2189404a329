"""The losses: against slow references, and that what they shape learns."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from test_sayen import DATA, noisy_pair, small, speechlike, voices
from test_tuned_ge2e import SMALL as SMALL_ENCODER
from torch.nn import functional

from rtvc import audio
from rtvc.earspeech import EarSpeechConfig, EarSpeechModel
from rtvc.rtvc7 import RTVC7Config
from rtvc.sayen import SayENConfig
from rtvc.training.data import noise as noise_of
from rtvc.training.data import store
from rtvc.training.losses import (
    SayENLoss,
    SpeakerFeatures,
    SpeakerTeacherConsistency,
    TunedGE2ELoss,
    band_power_loss,
    perceptual_disturbance,
    spectral_loss,
)
from rtvc.tuned_ge2e import TunedGE2EConfig, TunedGE2EModel


@pytest.fixture
def embeddings() -> torch.Tensor:
    """(5 speakers, 4 utterances, 16), unit length, speakers apart but not by much."""
    generator = torch.Generator().manual_seed(1)
    voices = torch.randn(5, 1, 16, generator=generator)
    return functional.normalize(voices + 1.2 * torch.randn(5, 4, 16, generator=generator), dim=-1)


# ---------------------------------------------------------------------------------------------- SayEN
@pytest.mark.parametrize("objective", ["spectral", "clarity", "speaker"])
def test_gradient_of_each_objective_reaches_every_weight(
    objective: str, earspeech: EarSpeechModel, tuned_ge2e: TunedGE2EModel
) -> None:
    noisy, clean = noisy_pair()
    model = small(sayen_dropout=0.0).train()
    loss = SayENLoss(model.config, earspeech, tuned_ge2e)
    losses = loss(model(noisy, earspeech(noisy).features, voices(2)).enhanced, clean)
    losses[objective].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name
    assert all(p.grad is None for p in [*earspeech.parameters(), *tuned_ge2e.parameters()])


def test_objectives_are_lowest_for_the_clean_wave(earspeech: EarSpeechModel, tuned_ge2e: TunedGE2EModel) -> None:
    noisy, clean = noisy_pair()
    loss = SayENLoss(SayENConfig(), earspeech, tuned_ge2e)
    perfect, bad = loss(clean, clean), loss(noisy, clean)
    assert all(perfect[name] < bad[name] for name in ("spectral", "clarity", "speaker", "total"))
    assert perfect["clarity"] < 1e-2
    assert abs(perfect["speaker"]) < 1e-4


def test_total_is_the_weighted_sum(earspeech: EarSpeechModel, tuned_ge2e: TunedGE2EModel) -> None:
    noisy, clean = noisy_pair()
    config = SayENConfig(spectral_weight=2.0, clarity_weight=3.0, speaker_weight=5.0)
    losses = SayENLoss(config, earspeech, tuned_ge2e)(noisy, clean)
    expected = 2 * losses["spectral"] + 3 * losses["clarity"] + 5 * losses["speaker"]
    torch.testing.assert_close(losses["total"], expected)


def test_pairs_that_are_clean_already_do_not_rule_the_gradient() -> None:
    """Guards against a bug of the first training: unlimited log SNR, whose gradient grows as the error vanishes."""
    noisy, clean = noisy_pair(count=1)
    loss, norms = SayENLoss(SayENConfig()), []
    for wave in (noisy, clean + 1e-3 * (noisy - clean)):
        gain = torch.ones(100, requires_grad=True)  # a mask over stretches of 10 ms
        loss.spectral(wave * gain.repeat_interleave(160), clean).backward()
        norms.append(gain.grad.norm())
    assert norms[1] < 2 * norms[0]


def test_disturbance_ignores_level_and_grows_with_noise() -> None:
    clean = speechlike(32_000)
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(2))
    found = [sum(perceptual_disturbance(clean + gain * noise, clean)).item() for gain in (0.0, 0.003, 0.01, 0.03)]
    assert found == sorted(found)
    assert sum(perceptual_disturbance(0.1 * clean, clean)) < 0.1


@pytest.mark.skipif(not DATA.exists(), reason="needs the recordings of ../shared/data")
def test_disturbance_agrees_with_pesq() -> None:
    """PESQ loses the other signal's time at times, and says 1.5 where it says 3.0 of the same clip begun 10 ms later:
    the best of some beginnings counts."""
    pesq = pytest.importorskip("pesq").pesq

    corpus, pairs = store.load_corpus("vctk-p239"), []
    noises = noise_of.noises("development")
    for index in range(12):
        clean = corpus.wave(corpus.utterances[20 * index])[:51_200]
        noise = np.resize(noises[7 * index % len(noises)] + 1e-4, len(clean))
        gain = np.sqrt(np.mean(clean**2) / np.mean(noise**2) * 10 ** (-(3 * index - 5) / 10))
        noisy = (clean + gain * noise).astype(np.float32)
        symmetric, asymmetric = perceptual_disturbance(torch.from_numpy(noisy)[None], torch.from_numpy(clean)[None])
        mine = 4.5 - 0.1 * symmetric.item() - 0.0309 * asymmetric.item()
        theirs = max(pesq(16_000, clean[start:], noisy[start:], "wb") for start in (0, 160, 1600, 3200))
        pairs.append((0.999 + 4 / (1 + np.exp(-1.3669 * mine + 3.8224)), theirs))
    assert np.corrcoef(np.array(pairs).T)[0, 1] >= 0.9


# ---------------------------------------------------------------------------------------------- Tuned-GE2E
def plain_ge2e(embeddings: np.ndarray, scale: float, bias: float, margin: float) -> np.ndarray:
    """GE2E softmax utterance by utterance, as in the paper: (speakers, utterances) losses."""
    speakers, utterances, _ = embeddings.shape
    losses = np.zeros((speakers, utterances))
    for speaker in range(speakers):
        for number in range(utterances):
            one, logits = embeddings[speaker, number], []
            for other in range(speakers):
                keep = [n for n in range(utterances) if other != speaker or n != number]
                centroid = embeddings[other, keep].mean(0)
                cosine = one @ centroid / np.linalg.norm(centroid) / np.linalg.norm(one)
                logits.append(scale * (cosine - (margin if other == speaker else 0)) + bias)
            losses[speaker, number] = -logits[speaker] + math.log(sum(math.exp(logit) for logit in logits))
    return losses


@pytest.mark.parametrize("margin", [0.0, 0.3])
def test_loss_equals_a_slow_plain_reference(embeddings, margin):
    loss = TunedGE2ELoss(scale=12.0, bias=-3.0, margins=(margin, margin))
    effective = loss.effective_margin(loss.similarities(embeddings)).tolist()
    expected = [
        plain_ge2e(embeddings.double().numpy(), 12.0, -3.0, own)[speaker].mean()
        for speaker, own in enumerate(effective)
    ]
    assert loss(embeddings).item() == pytest.approx(np.mean(expected), rel=1e-4)


def test_the_margin_grows_with_how_far_a_speaker_s_utterances_are_apart():
    """Once it was that of the embeddings' numbers, the same to three digits for every batch."""
    torch.manual_seed(0)
    speakers = torch.nn.functional.normalize(torch.randn(6, 1, 256), dim=-1)
    near = torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5, 2.0])[:, None, None] / 16
    embeddings = torch.nn.functional.normalize(speakers + near * torch.randn(6, 5, 256), dim=-1)
    loss = TunedGE2ELoss(margins=(0.3, 0.5))
    margins = loss.effective_margin(loss.similarities(embeddings))
    assert margins[-1] / margins[0] > 1.03
    assert (margins > 0.3).all()
    assert (margins < 0.33).all()
    alike = embeddings[:, :1].expand(-1, 5, -1)
    assert loss.effective_margin(loss.similarities(alike)).tolist() == pytest.approx([0.3 * 1.05] * 6, abs=1e-3)


def test_speakers_who_may_be_one_person_are_not_told_apart(embeddings):
    """Speakers 0 and 1: what each of them is like changes nothing for the other, nor which utterances are hard."""
    loss, who = TunedGE2ELoss(), torch.tensor([-1, -1, 2, 3, 4])
    embeddings = embeddings.clone()
    embeddings[1] = embeddings[0] + 0.01 * torch.randn_like(embeddings[0])
    embeddings.requires_grad_()
    told, untold = loss(embeddings, False), loss(embeddings, False, who=who)
    reference = plain_ge2e(embeddings.detach()[[0, 2, 3, 4]].double().numpy(), 20.0, -5.0, 0.0)
    assert untold < told
    untold.backward()
    assert torch.isfinite(loss.scale.grad)
    assert torch.isfinite(embeddings.grad).all()
    cosines = loss.similarities(torch.nn.functional.normalize(embeddings.detach(), dim=-1), who)
    losses = torch.nn.functional.cross_entropy(
        20 * cosines[0], torch.zeros(len(cosines[0]), dtype=int), reduction="none"
    )
    assert losses.tolist() == pytest.approx(reference[0].tolist(), rel=1e-3)
    assert torch.equal(cosines[0, :, 0], loss.similarities(torch.nn.functional.normalize(embeddings, dim=-1))[0, :, 0])


def test_margin_is_held_to_its_schedule_and_kept_within_its_bounds():
    loss = TunedGE2ELoss()
    held = []
    for progress in (-1, 0, 0.5, 1, 7):
        loss.hold_margin(progress)
        held.append(loss.margin.item())
    assert held == pytest.approx([0.2, 0.2, 0.35, 0.5, 0.5])
    for wild, kept in ((-3.0, 0.2), (0.3, 0.3), (0.9, 0.5)):
        torch.nn.init.constant_(loss.margin, wild)
        loss.keep_in_bounds()
        assert loss.margin.item() == pytest.approx(kept)


def test_left_free_the_margin_shrinks_to_its_lower_bound(embeddings):
    """Why a schedule holds it: a smaller margin is always the cheaper way to a lower loss."""
    loss = TunedGE2ELoss()
    loss.hold_margin(1.0)
    optimizer = torch.optim.SGD(loss.parameters(), 0.05)
    for _ in range(40):
        optimizer.zero_grad()
        loss(embeddings).backward()
        optimizer.step()
        loss.keep_in_bounds()
    assert loss.margin.item() == pytest.approx(0.2)


def test_the_hardest_fifteen_percent_carry_the_loss(embeddings):
    """3 of 20 utterances: those nearest to a wrong speaker relative to their own."""
    loss = TunedGE2ELoss()
    cosines = loss.similarities(embeddings)
    hardness = torch.stack(
        [
            torch.stack([max(row[other] for other in range(5) if other != speaker) - row[speaker] for row in rows])
            for speaker, rows in enumerate(cosines)
        ]
    )
    expected = hardness >= hardness.flatten().sort(descending=True).values[2]
    assert torch.equal(loss.hardest(cosines, 0.15), expected)
    every = plain_ge2e(embeddings.double().numpy(), loss.scale.item(), loss.bias.item(), 0.0)
    assert loss(embeddings, with_margin=False, share=0.15).item() == pytest.approx(
        every[expected.numpy()].mean(), rel=1e-4
    )


def test_gradients_reach_embeddings_scale_bias_and_margin(embeddings):
    loss = TunedGE2ELoss()
    embeddings.requires_grad_()
    loss(embeddings).backward()
    for learned in (embeddings, loss.scale, loss.margin):
        assert learned.grad.abs().max() > 0
    assert loss.bias.grad is not None  # zero up to rounding: softmax does not see a common offset


def buzz(pitch: float, formant: float, generator: torch.Generator) -> torch.Tensor:
    """(12800,): 0.8 s of a made voice: harmonics of ``pitch`` around ``formant``, both in Hz, and some noise."""
    time = torch.arange(12_800) / 16_000
    harmonics = pitch * (1 + 0.02 * torch.randn(1, generator=generator)) * torch.arange(1, 30)
    levels = torch.exp(-(((harmonics - formant) / 400) ** 2))
    wave = (levels[:, None] * torch.sin(2 * torch.pi * harmonics[:, None] * time)).sum(0)
    return 0.05 * wave + 0.01 * torch.randn(12_800, generator=generator)


def test_a_few_training_steps_lower_the_loss_and_tell_voices_apart():
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    voices = [(90, 500), (120, 1500), (170, 700), (210, 2500), (130, 900), (250, 1200)]
    waves = torch.stack([buzz(*voice, generator) for voice in voices for _ in range(3)])
    earspeech, model = EarSpeechModel(EarSpeechConfig()), TunedGE2EModel(TunedGE2EConfig(**SMALL_ENCODER)).train()
    loss = TunedGE2ELoss()
    parameters = [*earspeech.parameters(), *model.parameters(), *loss.parameters()]
    optimizer = torch.optim.AdamW(parameters, 3e-3)
    values = []
    for _ in range(12):
        value = loss(model(earspeech(waves).features).speaker_embedding.view(6, 3, -1))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert values[-1] < 0.5 * values[0]


# ---------------------------------------------------------------------------------------------- RTVC-7
def test_spectral_loss_of_equal_waves_is_zero():
    wave = torch.randn(2, 8000) * 0.1
    assert spectral_loss(wave, wave, RTVC7Config()).item() == pytest.approx(0.0, abs=1e-6)


def test_spectral_loss_hears_what_is_55_db_below_speech():
    """A wide recording's upper bands: with a floor 20 dB higher they could be missing for all the loss knew."""
    torch.manual_seed(0)
    speech = 0.3 * torch.randn(1, 24000)
    spectrum = torch.fft.rfft(speech)
    spectrum[:, 8000:] *= 10 ** (-55 / 20)
    louder = spectrum.clone()
    louder[:, 8000:] *= 10 ** (6 / 20)
    waves = (torch.fft.irfft(some, 24000) for some in (spectrum, louder))
    assert spectral_loss(*waves, RTVC7Config(sampling_rate=24000, hop_length=300, n_fft=1200, latent_size=90)) > 0.2


def test_the_power_loss_asks_for_the_mean_power_where_a_level_varies():
    """A steady sound at the likeliest level is too weak: of all steady ones the best has the recording's mean power."""
    torch.manual_seed(0)
    config = RTVC7Config(latent_size=20)
    loud = (torch.rand(1, 320) < 0.2).float().repeat_interleave(50, 1)  # a fifth of the time, many times a frame
    real, steady = torch.randn(1, 16_000) * (0.05 + loud), torch.randn(1, 16_000)
    level = real.square().mean().sqrt()
    values = {gain: band_power_loss(steady * level * gain, real, config).item() for gain in (0.5, 0.7, 1.0, 1.4, 2.0)}
    assert min(values, key=values.get) == 1.0
    assert band_power_loss(real, real, config).item() == 0
    assert values[0.5] == pytest.approx(math.log(2), abs=0.15), "nepers"


def test_features_tell_another_person_from_the_same_one_and_pass_gradients_on(speech, man, earspeech):
    torch.manual_seed(0)
    listener = SpeakerFeatures(earspeech, TunedGE2EModel(TunedGE2EConfig()))
    wave, other = (torch.from_numpy(samples[:32_000])[None] for samples in (speech, audio.read(man)))
    noisy = (wave + 0.001 * torch.randn(wave.shape)).requires_grad_()
    assert listener(wave, wave).item() == 0.0
    assert listener(noisy, wave) < listener(other, wave)
    listener(noisy, wave).backward()
    assert noisy.grad.abs().max() > 0


def test_the_teacher_hears_waves_as_it_was_trained_to_and_passes_gradients_on(speech):
    audio = pytest.importorskip("resemblyzer.audio")
    teacher, wave = SpeakerTeacherConsistency(), torch.from_numpy(speech[:32_000])[None]
    for gain in (1.0, 0.05):
        heard = audio.normalize_volume(gain * speech[:32_000], -30, increase_only=True)
        expected = teacher.encoder(torch.from_numpy(audio.wav_to_mel_spectrogram(heard))[None])
        torch.testing.assert_close(teacher.embed(gain * wave), expected, rtol=1e-3, atol=1e-4)
    assert teacher(wave, wave).item() == pytest.approx(0.0, abs=1e-6)
    other = (wave + 0.01 * torch.randn(wave.shape)).requires_grad_()
    teacher(other, wave).backward()
    assert other.grad.abs().max() > 0


def test_the_speaker_teacher_can_be_learned_from_where_cudnn_computes(speech):
    """cuDNN has no gradient of a recurrent layer in evaluation mode; the layer has no dropout, so it says the same."""
    pytest.importorskip("resemblyzer.audio")
    teacher, wave = SpeakerTeacherConsistency().eval(), torch.from_numpy(speech[:32_000])[None]
    modes: list[bool] = []
    before = teacher.embed(wave)
    teacher.eval()
    teacher.encoder.lstm.register_forward_pre_hook(lambda lstm, _: modes.append(lstm.training))
    assert torch.equal(teacher.embed(wave), before)
    assert modes == [True]
    assert teacher.encoder.lstm.dropout == 0
