"""Stage ``prior``: symbols and a voice to the latents of the posterior encoder, which stays as it is."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from rtvc.rtvc7 import RTVC7Model
from rtvc.rtvc7_networks import TRAITS
from rtvc.training import loop
from rtvc.training.data.speech import Batch, Speech
from rtvc.training.optim import adam, rate_at
from rtvc.training.synthesis import (
    SynthesisStage,
    disturb_voice,
    prior_losses,
    read_text,
    speak_windows,
    targets,
    text_parameters,
    weighted,
)


class TextToLatents(nn.Module):
    """Symbols and a voice → the latents of the posterior encoder, which stays as it is."""

    def __init__(self, model: RTVC7Model, weights: dict[str, float]):
        super().__init__()
        self.model, self.weights = model, weights

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The losses named in the weights, and their weighted sum."""
        with torch.no_grad():
            target, _, heard = targets(self.model, batch)
        if self.training:
            batch.voice = disturb_voice(batch.voice, TRAITS + self.model.config.timbre_size)
        losses = prior_losses(self.model, batch, read_text(self.model, batch), target, heard, self.weights)
        return weighted(losses, self.weights)


class PriorStage(SynthesisStage):
    """Text encoder, duration and pitch predictors, prior and flow towards the frozen posterior's latents."""

    decay = 0.998

    def __init__(self, config: dict):
        super().__init__(config)
        self.objective = TextToLatents(self.model, config["weights"])
        self.optimizer = adam(text_parameters(self.model), config["learning_rate"])

    def draw_from(self, speech: Speech, random: np.random.Generator) -> Batch:
        return speech.pieces(self.config["seconds"], random)

    def scored(self, kept: RTVC7Model, batch: Batch) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        losses = TextToLatents(kept, self.config["weights"]).eval()(batch)
        generated, real = speak_windows(kept, batch, read_text(kept, batch)["latents"], 240, 1)
        return losses, generated, real

    def rates(self, clock: loop.Clock) -> list[float]:
        return [self.config["learning_rate"] * rate_at(clock.step, self.config["steps"], warm_up=200)]
