"""Tuned-GE2E: the embedding network."""

from __future__ import annotations

import pytest
import torch

from rtvc.earspeech import EarSpeechConfig, EarSpeechModel
from rtvc.tuned_ge2e import TunedGE2EConfig, TunedGE2EModel

SMALL = {"stem_channels": [4, 8], "hidden_size": 32, "attention_size": 8, "dilations": [1, 2]}


@pytest.fixture
def small() -> TunedGE2EModel:
    torch.manual_seed(0)
    return TunedGE2EModel(TunedGE2EConfig(**SMALL)).eval()


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
