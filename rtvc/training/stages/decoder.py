"""Stage ``decoder``: RTVC-7's posterior encoder and decoder, wave to wave; first by spectra, then adversarial."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from rtvc.rtvc7 import UNMEASURED, RTVC7Model
from rtvc.rtvc7_signal import log_mel
from rtvc.training import loop
from rtvc.training.data.speech import Batch, SpeechCorpora
from rtvc.training.discriminators import Discriminators, Opponent
from rtvc.training.losses import bands_heard, spectral_loss
from rtvc.training.optim import muon, rate_at
from rtvc.training.synthesis import SynthesisStage, compared, over_bands, targets


def _measure_mel(model: RTVC7Model, speech: SpeechCorpora, rng: np.random.Generator) -> None:
    """Mean and deviation of new mel bands over the speech that has them, for their normalisation."""
    new = torch.nonzero((model.mel_mean == UNMEASURED[0]) & (model.mel_deviation == UNMEASURED[1]))[:, 0].tolist()
    if not new:
        return
    batch = speech.crops(256, 80, rng)
    mels, audible = log_mel(batch.wave, model.config), bands_heard(batch.bandwidth, model.config).bool()
    for band in new:
        values = mels[..., band][audible[:, band]]
        if len(values):
            model.mel_mean[band], model.mel_deviation[band] = values.mean(), values.std()


class WaveAutoencoder(nn.Module):
    """Wave → latents → wave; what the stage ``decoder`` trains."""

    def __init__(self, model: RTVC7Model, kl_weight: float):
        super().__init__()
        self.model, self.kl_weight = model, kl_weight

    def forward(self, batch: Batch, scored: bool = True) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """Losses, and the waves generated and real, each (batch, samples); without ``scored`` no losses."""
        model, mask = self.model, batch.mask[..., None]
        mean, log_deviation, audible = targets(model, batch)
        latents = mean + log_deviation.exp() * torch.randn_like(mean)
        generated = model.decode(latents, batch.f0, batch.voice, mask, torch.randn_like(batch.wave))
        generated, real = compared(generated, batch.wave, batch.bandwidth, model.config)
        if not scored:
            return {}, generated, real
        spectral = spectral_loss(generated, real, model.config)
        kl = over_bands(0.5 * (mean.square() + (2 * log_deviation).exp() - 1) - log_deviation, audible).mean()
        deviation = log_deviation.exp().mean().detach()
        total = spectral + self.kl_weight * kl
        return {"total": total, "spectral": spectral, "kl": kl, "deviation": deviation}, generated, real


class DecoderStage(SynthesisStage):
    """Posterior encoder + decoder. From ``adversarial_from`` on against discriminators, which learn alone at first."""

    def __init__(self, config: dict):
        super().__init__(config, aligned=False)
        _measure_mel(self.model, self.speech, np.random.default_rng(config["seed"]))
        self.objective = WaveAutoencoder(self.model, config["kl_weight"])
        self.optimizer = muon([self.model.decoder, self.model.posterior_encoder], config["learning_rate"])
        self.opponent = Opponent(Discriminators(self.model.config), config["discriminator_rate"])

    def draw_from(self, speech: SpeechCorpora, random: np.random.Generator) -> Batch:
        return speech.crops(self.config["batch_size"], self.config["frames"], random)

    def scored(self, kept: RTVC7Model, batch: Batch) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        return WaveAutoencoder(kept, self.config["kl_weight"])(batch)

    def losses(self, batch: Batch, clock: loop.Clock) -> dict[str, Tensor]:
        config, fight = self.config, self.config["adversarial_from"]
        frozen = fight <= clock.step < fight + config["warm_up"]
        self.model.posterior_encoder.requires_grad_(clock.step < config["posterior_steps"])  # the prior can aim at it
        with torch.set_grad_enabled(not frozen):
            losses, generated, real = self.objective(batch, scored=not frozen)
        if clock.step < fight:
            return losses
        losses["discriminator"] = self.opponent.update(generated, real, batch.voice)
        if not frozen:
            adversarial, features = self.opponent.judge(generated, real, batch.voice)
            against = config["adversarial_weight"] * adversarial + config["feature_weight"] * features
            losses |= {"total": losses["total"] + against, "adversarial": adversarial, "features": features}
        return losses

    def rates(self, clock: loop.Clock) -> list[float]:
        return 2 * [self.config["learning_rate"] * rate_at(clock.step, self.config["steps"])]
