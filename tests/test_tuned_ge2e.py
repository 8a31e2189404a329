"""Tuned-GE2E: the embedding network, its loss against a slow plain reference, and that training learns."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from rtvc.earspeech import EarSpeechConfig, EarSpeechModel
from rtvc.training.losses import TunedGE2ELoss
from rtvc.tuned_ge2e import TunedGE2EConfig, TunedGE2EModel

SMALL = {"stem_channels": [4, 8], "hidden_size": 32, "attention_size": 8, "dilations": [1, 2]}


@pytest.fixture
def small() -> TunedGE2EModel:
    torch.manual_seed(0)
    return TunedGE2EModel(TunedGE2EConfig(**SMALL)).eval()


@pytest.fixture
def embeddings() -> torch.Tensor:
    """(5 speakers, 4 utterances, 16), unit length, speakers apart but not by much."""
    generator = torch.Generator().manual_seed(1)
    voices = torch.randn(5, 1, 16, generator=generator)
    return functional.normalize(voices + 1.2 * torch.randn(5, 4, 16, generator=generator), dim=-1)


# ---------------------------------------------------------------------------------------------- model
@torch.no_grad()
def test_embeddings_have_unit_length_and_the_promised_size():
    model = TunedGE2EModel(TunedGE2EConfig()).eval()
    assert sum(parameter.numel() for parameter in model.parameters()) < 2e6
    out = model(torch.rand(3, 150, 64)).speaker_embedding
    assert out.shape == (3, 256)
    assert torch.allclose(out.norm(dim=1), torch.ones(3), atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("frames", [1, 2, 77, 100, 131])
def test_padding_does_not_change_an_embedding(small, frames):
    """A ragged batch is a batch of one, whatever stands in the padding and however the strides fall."""
    features = torch.rand(1, frames, 64)
    padded = torch.rand(2, 160, 64)
    padded[0, :frames] = features[0]
    mask = torch.ones(2, 160, dtype=torch.long)
    mask[0, frames:] = 0
    together = small(padded, mask).speaker_embedding[0]
    assert torch.allclose(together, small(features).speaker_embedding[0], atol=1e-5)


@torch.no_grad()
def test_save_and_load_give_the_same(small, tmp_path):
    features = torch.rand(2, 90, 64)
    small.save_pretrained(tmp_path)
    again = TunedGE2EModel.from_pretrained(tmp_path)
    assert torch.equal(again(features).speaker_embedding, small(features).speaker_embedding)


def test_an_unknown_setting_is_refused():
    with pytest.raises(ValueError, match="does not know"):
        TunedGE2EConfig(hidden=3)


def test_gradients_reach_the_wave_and_the_filterbank(small):
    """What speaker consistency and joint fine-tuning need: a path from the embedding back through EarSpeech."""
    waves = (0.1 * torch.randn(2, 16_000)).requires_grad_()
    earspeech = EarSpeechModel(EarSpeechConfig())
    small(earspeech(waves).features).speaker_embedding[:, 0].sum().backward()
    for gradient in (waves.grad, earspeech.centre_offsets.grad, earspeech.width_offsets.grad):
        assert torch.isfinite(gradient).all()
        assert gradient.abs().max() > 0


# ---------------------------------------------------------------------------------------------- loss
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
    effective = margin * (1 + 0.1 / (1 + math.exp(-embeddings.std().item())))
    expected = plain_ge2e(embeddings.double().numpy(), 12.0, -3.0, effective).mean()
    assert loss(embeddings).item() == pytest.approx(expected, rel=1e-4)


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
    earspeech, model = EarSpeechModel(EarSpeechConfig()), TunedGE2EModel(TunedGE2EConfig(**SMALL)).train()
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
