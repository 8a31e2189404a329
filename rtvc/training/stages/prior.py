"""Stage ``prior``: symbols and a voice to the latents of the posterior encoder, which stays as it is."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from rtvc.rtvc7 import RTVC7Model
from rtvc.rtvc7_networks import TRAITS
from rtvc.training import loop
from rtvc.training.data.speech import Batch, SpeechCorpora
from rtvc.training.discriminators import LatentDiscriminator, Opponent
from rtvc.training.optim import muon, rate_by
from rtvc.training.synthesis import (
    SynthesisStage,
    disturb_voice,
    prior_losses,
    read_text,
    speak_windows,
    targets,
    text_side,
    weighted,
)


class TextToLatents(nn.Module):
    """Symbols and a voice → the latents of the posterior encoder, which stays as it is."""

    def __init__(self, model: RTVC7Model, weights: dict[str, float]):
        super().__init__()
        self.model, self.weights = model, weights

    def forward(self, batch: Batch) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """The losses without the opponent's, and latents predicted and real, each (batch, frames, latent_size)."""
        with torch.no_grad():
            target, _, audible = targets(self.model, batch)
        if self.training:
            batch.voice = disturb_voice(batch.voice, TRAITS + self.model.config.timbre_size)
        read = read_text(self.model, batch)
        losses = prior_losses(self.model, batch, read, target, audible, self.weights)
        predicted, mask = read["latents"], batch.mask[..., None]
        real = torch.where(audible[:, None] > 0, target, predicted.detach())
        return losses, predicted * mask, real * mask


class PriorStage(SynthesisStage):
    """Text encoder, duration and pitch predictors, prior and flow towards the frozen posterior's latents; against
    a discriminator of latents, which they are not judged by in the first ``warm_up`` steps.

    The latents nearest to all that may be right are blurred, and alike in all voices. The discriminator wants them
    sharp, and this person's.
    """

    def __init__(self, config: dict):
        super().__init__(config)
        self.objective = TextToLatents(self.model, config["weights"])
        self.optimizer = muon(text_side(self.model), config["learning_rate"])
        discriminator = LatentDiscriminator(self.model.config)
        self.opponent = Opponent(discriminator, config["discriminator_rate"], config["opponent"])

    def losses(self, batch: Batch, clock: loop.Clock) -> dict[str, Tensor]:
        voice = batch.voice
        losses, *latents = self.objective(batch)
        rows = slice(0, -(-len(voice) // 2))  # half of them are enough to tell by
        against = *(part[rows] for part in latents), voice[rows]
        losses["discriminator"] = self.opponent.update(*against)
        weights = self.config["weights"]
        if clock.step < self.config["warm_up"]:
            return weighted(losses, {name: weight for name, weight in weights.items() if name in losses})
        losses["adversarial"], losses["features"] = self.opponent.judge(*against)
        return weighted(losses, weights)

    def draw_from(self, speech: SpeechCorpora, random: np.random.Generator) -> Batch:
        return speech.pieces(self.config["seconds"], random)

    def scored(self, kept: RTVC7Model, batch: Batch) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        losses, *_ = TextToLatents(kept, self.config["weights"]).eval()(batch)
        generated, real = speak_windows(kept, batch, read_text(kept, batch)["latents"], 240, 1)
        return losses, generated, real

    def rates(self, clock: loop.Clock) -> list[float]:
        return 2 * [self.config["learning_rate"] * rate_by(clock.progress())]
