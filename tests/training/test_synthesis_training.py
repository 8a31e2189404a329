"""RTVC-7's training: alignment, batches, losses, and that each of its parts learns on a handful of clips."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from test_rtvc7 import TINY

from rtvc import phonemes
from rtvc.rtvc7 import RTVC7Config, RTVC7Model
from rtvc.rtvc7_networks import TRAITS
from rtvc.training import losses, optim, synthesis
from rtvc.training.data import alignment
from rtvc.training.data.speech import Batch, Item
from rtvc.training.discriminators import Discriminators, LatentDiscriminator, Opponent

FRAMES, HOP = 48, 200


@pytest.fixture
def batch() -> Batch:
    """Two clips of a buzzing voice with a gap, six symbols each."""
    torch.manual_seed(0)
    seconds = torch.arange(FRAMES * HOP) / 16_000
    f0 = torch.tensor([[120.0], [190.0]]).expand(2, FRAMES).clone()
    f0[:, 20:28] = 0
    buzz = sum(torch.sin(2 * np.pi * k * f0[:, :1] * seconds) / k for k in range(1, 12))
    wave = 0.05 * buzz * (f0 > 0).float().repeat_interleave(HOP, 1) + 0.002 * torch.randn(2, FRAMES * HOP)
    embedding = torch.nn.functional.normalize(torch.randn(2, 8), dim=-1)
    mean, rest = f0[:, 0].log(), [torch.full((2,), value) for value in (0.2, 4.5, 40.0)]
    durations = torch.full((2, 6), FRAMES // 6)
    timbre = 0.3 * torch.randn(2, 80)
    known = mean, rest[-1], torch.full((2,), 8000.0), timbre, RTVC7Model.voice(embedding, timbre, mean, *rest)
    reference = torch.randn(2, 6, 80)
    return Batch(wave, f0, torch.ones(2, FRAMES), *known, reference, torch.randint(1, 20, (2, 6)), durations)


@pytest.fixture
def accelerator() -> Iterator[Accelerator]:
    yield Accelerator(cpu=True)
    AcceleratorState._reset_state()  # a process has one; the next test's may have another precision


@pytest.fixture
def model() -> RTVC7Model:
    torch.manual_seed(0)
    return RTVC7Model(RTVC7Config(**TINY))


def decrease(modules: list, loss_of, steps: int = 25, rate: float = 3e-3) -> float:
    """Loss after training over loss before."""
    optimizer, parameters = optim.muon(modules, rate), [p for module in modules for p in module.parameters()]
    first = loss_of().item()
    for _ in range(steps):
        optimizer.zero_grad()
        loss_of().backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
    return loss_of().item() / first


def test_decoder_and_posterior_learn(model: RTVC7Model, batch: Batch):
    def loss() -> torch.Tensor:
        mean, _, _ = synthesis.targets(model, batch)
        noise = torch.randn(batch.wave.shape, generator=torch.Generator().manual_seed(0))
        made = model.decode(mean, batch.f0, batch.voice, batch.mask[..., None], noise)
        return losses.spectral_loss(made, batch.wave, model.config)

    assert decrease([model.decoder, model.posterior_encoder], loss) < 0.8


def test_text_side_learns_latents_durations_and_pitch(model: RTVC7Model, batch: Batch):
    with torch.no_grad():
        target, _, heard = synthesis.targets(model, batch)
    weights = {"latents": 1.0, "likelihood": 0.2, "duration": 0.5, "pitch": 0.5, "voicing": 0.3}

    def loss() -> torch.Tensor:
        found = synthesis.prior_losses(model, batch, synthesis.read_text(model, batch), target, heard, weights)
        assert set(found) == set(weights)
        return sum(weights[name] * value for name, value in found.items())

    assert decrease(synthesis.text_side(model), loss) < 0.8


def test_every_part_gets_a_gradient(model: RTVC7Model, batch: Batch):
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.02)
    target, _, heard = synthesis.targets(model, batch)
    found = synthesis.read_text(model, batch)
    total = sum(synthesis.prior_losses(model, batch, found, target, heard, {"likelihood": 1.0}).values())
    made, real = synthesis.speak_windows(model, batch, found["latents"], frames=32, windows=2)
    (total + losses.spectral_loss(made, real, model.config)).backward()
    silent = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    assert silent == []
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())


def test_windows_are_cut_at_the_same_place_of_both(model: RTVC7Model, batch: Batch, monkeypatch):
    monkeypatch.setattr(RTVC7Model, "decode", lambda self, latents, *rest: latents.repeat_interleave(HOP, 1)[..., 0])
    batch.wave = torch.arange(FRAMES).float().repeat_interleave(HOP).expand(2, -1).contiguous()
    latents = torch.arange(FRAMES).float()[None, :, None].expand(2, -1, 80)
    made, real = synthesis.speak_windows(model, batch, latents, frames=20, windows=2)
    assert torch.equal(made, real)
    assert made.shape == (2, 20 * HOP - 800)


def test_what_is_spoken_in_polish_is_drawn_and_the_prior_learns_how_far(model: RTVC7Model, batch: Batch):
    read = synthesis.read_text(model, batch)
    torch.testing.assert_close(synthesis.varied(model, batch, read, 0.0), read["latents"], rtol=0, atol=1e-4)
    drawn = synthesis.varied(model, batch, read, 0.6)
    assert (drawn - read["latents"]).abs().mean() > 0.01
    model.zero_grad()
    drawn.square().mean().backward()
    assert model.prior.head.weight.grad.chunk(2)[1].abs().max() > 0  # of the deviations


def test_discriminators_learn_to_tell_and_are_left_alone_by_the_generator(accelerator: Accelerator):
    torch.manual_seed(0)
    config = RTVC7Config(**TINY)
    opponent = Opponent(Discriminators(config), 2e-3)
    opponent.prepare(accelerator)
    voices = torch.randn(4, 8 + TRAITS + config.timbre_size)
    real = torch.sin(torch.arange(6000) * 0.1).expand(4, -1) * 0.1
    made = (0.05 * torch.randn(4, 6000)).requires_grad_()
    first = opponent.update(made, real, voices)
    for _ in range(8):
        last = opponent.update(made, real, voices)
    assert last < first
    adversarial, features = opponent.judge(made, real, voices)
    opponent.optimizer.zero_grad()
    (adversarial + features).backward()
    assert made.grad.abs().max() > 0
    assert all(parameter.grad is None for parameter in opponent.inner.parameters())


def test_a_discriminator_of_latents_refuses_real_ones_of_somebody_else(accelerator: Accelerator):
    torch.manual_seed(0)
    config = RTVC7Config(latent_size=8, timbre_size=8, speaker_size=4, condition_size=16)
    opponent = Opponent(LatentDiscriminator(config), 5e-3)
    opponent.prepare(accelerator)
    voices = torch.eye(16)[:4]  # four people, each of whom has a band of their own
    real = torch.zeros(4, 24, 8)
    for person in range(4):
        real[person, :, 2 * person] = 3.0
    generated = torch.randn(4, 24, 8)
    for _ in range(100):
        opponent.update(generated, real, voices)
    own, other = (opponent.inner(real, voice)[0][-1].mean() for voice in (voices, voices.roll(2, 0)))
    assert own > other + 0.3


def test_discriminators_of_waves_refuse_real_speech_of_somebody_else(accelerator: Accelerator):
    torch.manual_seed(0)
    config = RTVC7Config(latent_size=8, timbre_size=8, speaker_size=4, condition_size=16)
    opponent = Opponent(Discriminators(config), 5e-3)
    opponent.prepare(accelerator)
    voices = torch.eye(16)[:4]
    real = torch.randn(4, 3000) * torch.tensor([0.01, 0.03, 0.1, 0.3])[:, None]  # people as loud as nobody else
    for _ in range(60):
        opponent.update(torch.rand(4, 3000), real, voices)
    own, other = (
        torch.stack([maps[-1].mean() for maps in opponent.inner(real, voice)]).mean()
        for voice in (voices, voices.roll(2, 0))
    )
    assert own > other + 0.2


def test_viterbi_finds_the_planted_path_and_skips_optional_silence():
    classes, optional = np.array([0, 1, 0, 2, 0]), np.array([True, False, True, False, True])
    spoken = [1, 1, 1, 2, 2, 0, 0]  # no silence at the start nor between the two
    scores = np.full((len(spoken), 3), -5.0)
    scores[np.arange(len(spoken)), spoken] = -0.1
    counts, score = alignment.viterbi(scores, classes, optional)
    assert counts.tolist() == [0, 3, 0, 2, 2]
    assert score == pytest.approx(-0.1)


def test_viterbi_is_as_good_as_trying_every_path():
    rng = np.random.default_rng(0)
    classes, optional = np.array([0, 1, 0, 2, 1, 0]), np.array([True, False, True, False, False, True])
    scores = rng.normal(size=(7, 3))

    def every(state: int, frame: int):
        if frame == 7:
            yield [], state
            return
        for following in range(state, min(len(classes), state + 3)):
            jumps = following - state
            if jumps < 2 or optional[state + 1]:
                for rest, last in every(following, frame + 1):
                    yield [scores[frame, classes[following]], *rest], last

    best = max(
        scores[0, classes[first]] + sum(path)
        for first in (0, 1)
        for path, last in every(first, 1)
        if last >= len(classes) - 2
    )
    counts, score = alignment.viterbi(scores, classes, optional)
    assert counts.sum() == 7
    assert score * 7 == pytest.approx(best)


def test_pauses_are_written_as_they_were_made():
    symbols = ["^", "ɐ", " ", "b", ",", "d", ".", "$"]
    tidied, frames = alignment.tidy(symbols, [3, 5, 14, 4, 0, 4, 6, 9], punctuated=True)
    assert tidied == ["^", "ɐ", ",", "b", " ", "d", ".", "$"]
    assert frames == [3, 5, 14, 4, 0, 4, 15, 0]


def test_every_symbol_has_a_class():
    assert set(alignment.CLASS_OF) == set(phonemes.SYMBOLS)
    assert all(alignment.CLASS_OF[symbol] > 0 for symbol in (*phonemes.CONSONANTS, "ˈæ", "ə"))


def test_a_faster_copy_is_shorter_higher_and_quicker():
    f0 = np.linspace(100, 200, 80).astype(np.float32)
    item = Item(
        "c/one", "c", "ann", 500, 80, f0, (5.0, 0.2, 4.0, 50.0), list("abcd"), np.array([10, 30, 20, 20]), 8000.0
    )
    fast = item.played("-fast", 1.25)
    assert (fast.speaker, fast.key, fast.start, fast.frames) == ("ann-fast", "c/one-fast", 500, 64)
    assert fast.durations.tolist() == [8, 24, 16, 16]
    assert np.allclose(fast.f0, 1.25 * f0[(np.arange(64) * 1.25).round().astype(int)])
    assert fast.traits == pytest.approx((5.0 + np.log(1.25), 0.2, 5.0, 50.0))
    assert item.played("-slow", 0.8).durations.sum() == item.played("-slow", 0.8).frames == 100
