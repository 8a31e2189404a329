"""What the stages of RTVC-7 share: from text to latents and from latents to sound while they learn, with the losses."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from rtvc import phonemes
from rtvc.rtvc7 import PITCH_SPREAD, RTVC7Config, RTVC7Model
from rtvc.training import loop
from rtvc.training.data.speech import Batch, SpeechCorpora, held_out
from rtvc.training.growth import grown
from rtvc.training.losses import at_16_khz, band_limited, band_power_loss, bands_heard, spectral_loss
from rtvc.training.models import component


def new_model(config: dict) -> RTVC7Model:
    """The model to train: from the folder ``config["init"]``, or a new one."""
    sizes = config.get("model") or {}
    if config.get("init"):
        return grown(component(RTVC7Model, config["init"]), sizes)
    return RTVC7Model(RTVC7Config(vocab_size=len(phonemes.SYMBOLS), **sizes))


def targets(model: RTVC7Model, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and log deviation of the posterior, each (batch, frames, latent_size), and in which bands the recordings
    hold sound (batch, latent_size); the others are shown to the posterior encoder as average speech."""
    audible = bands_heard(batch.bandwidth, model.config)
    mel = model.normalized_mel(batch.wave) * audible[:, None]
    return *model.posterior_encoder(mel, batch.voice, batch.mask[..., None]), audible


def over_bands(values: Tensor, audible: Tensor) -> Tensor:
    """(batch, frames, bands) → (batch, frames), the mean over the bands that are audible (batch, bands)."""
    return (values * audible[:, None]).sum(-1) / audible.sum(-1)[:, None]


def compared(generated: Tensor, real: Tensor, bandwidth: Tensor, config: RTVC7Config) -> tuple[Tensor, Tensor]:
    """Windows (rows, samples) as they are compared: up to where the recordings hold sound, and without two frames at
    each end, where a window lacks what stood beside it."""
    edge = 2 * config.hop_length
    waves = (band_limited(wave, bandwidth, config.sampling_rate) for wave in (generated, real))
    generated, real = (wave[:, edge:-edge] for wave in waves)
    return generated, real


class SynthesisStage(loop.Stage[RTVC7Model]):
    """What RTVC-7's stages share: the model, the speech it learns from, and held-out speech for its evaluation."""

    EVALUATION_BATCHES = 4

    def __init__(self, config: dict, aligned: bool = True):
        super().__init__(config)
        self.model = self.kept = new_model(config)
        rate = self.model.config.sampling_rate
        self.speech = SpeechCorpora(config["corpora"], aligned=aligned, shifted=config["shifted"], rate=rate)
        self.held_out = held_out(config["corpora"], aligned, rate)
        self.evaluation_parts = self.EVALUATION_BATCHES if self.held_out else 0

    def draw(self, random: np.random.Generator, phase: int) -> Batch:
        return self.draw_from(self.speech, random)

    def draw_from(self, speech: SpeechCorpora, random: np.random.Generator) -> Batch:
        """One micro-batch of ``speech``."""
        raise NotImplementedError

    def scored(self, kept: RTVC7Model, batch: Batch) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """Losses of a batch without the opponent's, and waves generated and real (rows, samples)."""
        raise NotImplementedError

    def evaluate_part(self, kept: RTVC7Model, number: int) -> dict[str, float]:
        return {name: value.item() for name, value in self._evaluated(kept, number)[0].items() if name != "total"}

    def sounds(self, kept: RTVC7Model) -> dict[str, Tensor]:
        """The first row of the evaluation, real and generated."""
        if not self.evaluation_parts:
            return {}
        _, generated, real = self._evaluated(kept, 0)
        return {"real": real[0], "generated": generated[0]}

    @torch.no_grad()
    def _evaluated(self, kept: RTVC7Model, number: int) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        assert self.held_out is not None  # or the evaluation has no parts
        loop.seed(number)
        batch = self.draw_from(self.held_out, np.random.default_rng(number))
        return self.scored(kept, batch.to(kept.device))


# ---------------------------------------------------------------------------------------------- text to latents
def text_side(model: RTVC7Model) -> list[nn.Module]:
    """Everything between the symbols and the latents."""
    parts = model.condition, model.text_encoder, model.duration_predictor, model.position, model.pitch_predictor
    return [*parts, model.prior, model.flow]


def read_text(model: RTVC7Model, batch: Batch) -> dict[str, Tensor]:
    """True durations and pitch → predicted latents, and the predictors' own guesses.

    Returns latents (batch, frames, latent_size), mean, log_deviation, context, condition, relative pitch and voicing
    (batch, frames), log durations (batch, tokens).
    """
    assert batch.input_ids is not None  # a batch of pieces
    assert batch.durations is not None
    assert batch.reference is not None
    condition = model.condition(batch.voice)
    token_mask, mask = (batch.input_ids > 0).float()[..., None], batch.mask[..., None]
    hidden = model.text_encoder(batch.input_ids, condition, token_mask)
    log_durations = model.duration_predictor(hidden.detach(), condition.detach(), token_mask)
    hidden = model.expand(hidden, batch.durations)
    relative, voicing = model.pitch_predictor(hidden, condition, mask)
    mean, log_deviation, context = model.prior(
        hidden, true_pitch(batch), batch.timbre, batch.reference, condition, mask
    )
    latents = model.flow.inverse(mean, context, condition, mask)
    return {
        "latents": latents,
        "mean": mean,
        "log_deviation": log_deviation,
        "context": context,
        "condition": condition,
        "relative": relative,
        "voicing": voicing,
        "log_durations": log_durations,
    }


def true_pitch(batch: Batch) -> Tensor:
    """(batch, frames, 2): log F0 relative to the voice's mean (0 where unvoiced) and voicing."""
    voiced = (batch.f0 > 0).float()
    relative = (batch.f0.clamp(min=40.0).log() - batch.pitch_mean[:, None]) / PITCH_SPREAD
    return torch.stack([relative.clamp(-4, 4) * voiced, voiced], -1)


def _masked(values: Tensor, mask: Tensor) -> Tensor:
    return (values * mask).sum() / mask.sum().clamp(min=1.0)


def prior_losses(
    model: RTVC7Model,
    batch: Batch,
    read: dict[str, Tensor],
    target: Tensor,
    audible: Tensor,
    weights: dict[str, float],
) -> dict[str, Tensor]:
    """latents: L1; likelihood: of the target under prior and flow, a band and frame; duration, pitch, voicing.

    Bands of the target that are not ``audible`` (batch, bands) are left out; the flow is given the model's own.
    """
    assert batch.input_ids is not None  # a batch of pieces
    assert batch.durations is not None
    mask, tokens = batch.mask, (batch.input_ids > 0).float()
    pitch, wanted = true_pitch(batch), torch.log1p(batch.durations.float())
    voicing = functional.binary_cross_entropy_with_logits(read["voicing"], pitch[..., 1], reduction="none")
    losses = {
        "latents": _masked(over_bands((read["latents"] - target).abs(), audible), mask),
        "duration": _masked((read["log_durations"] - wanted).square(), tokens),
        "pitch": _masked((read["relative"] - pitch[..., 0]).abs(), pitch[..., 1] * mask),
        "voicing": _masked(voicing, mask),
    }
    if weights.get("likelihood"):
        target = torch.where(audible[:, None] > 0, target, read["latents"].detach())
        losses["likelihood"] = _masked(over_bands(_negative_log_likelihood(model, read, target, mask), audible), mask)
    return losses


def _negative_log_likelihood(model: RTVC7Model, read: dict[str, Tensor], target: Tensor, mask: Tensor) -> Tensor:
    """(batch, frames, bands) nats, without the constant: the target carried by the flow into the prior's space."""
    inside, log_derivative = model.flow(target, read["context"], read["condition"], mask[..., None])
    distance = (inside - read["mean"]) * (-read["log_deviation"]).exp()
    return 0.5 * distance.square() + read["log_deviation"] - log_derivative


def disturb_voice(voice: Tensor, rest: int, drop: float = 0.1, noise: float = 0.02) -> Tensor:
    """Some speakers left out, all a little displaced: the model learns a space of voices, not points.

    voice: (batch, size) as ``RTVC7Model.voice`` gives it, of which the last ``rest`` numbers stay.
    """
    speaker, others = voice.tensor_split([voice.shape[1] - rest], -1)
    speaker = functional.normalize(speaker + noise * torch.randn_like(speaker), dim=-1)
    keep = (torch.rand(len(speaker), 1, device=voice.device) >= drop).to(speaker)
    return torch.cat([speaker * keep, others], -1)


# ---------------------------------------------------------------------------------------------- text to sound
class TextToSpeech(nn.Module):
    """Text → latents → wave as a whole, with true durations and pitch; its losses without the opponent's.

    listeners: losses by name of waves generated and real, each (windows, samples), see ``Consistency``.
    """

    def __init__(self, model: RTVC7Model, listeners: Mapping[str, nn.Module], config: dict):
        super().__init__()
        self.model, self.listeners = model, nn.ModuleDict(listeners)
        self.weights, self.frames, self.windows = config["weights"], config["frames"], config["windows"]
        self.temperature = config.get("temperature", 0.0)

    def forward(
        self, batch: Batch, scored: bool = True, voice: Tensor | None = None
    ) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """Losses, and windows generated and real (windows, samples); without ``scored`` no losses.

        voice: takes the place of the batch's own.
        """
        batch.voice = batch.voice if voice is None else voice
        with torch.no_grad():
            target, _, audible = targets(self.model, batch)
        read = read_text(self.model, batch)
        latents = varied(self.model, batch, read, self.temperature) if self.temperature else read["latents"]
        generated, real = speak_windows(self.model, batch, latents, self.frames, self.windows)
        if not scored:
            return {}, generated, real
        losses = prior_losses(self.model, batch, read, target, audible, self.weights)
        losses["spectral"] = spectral_loss(generated, real, self.model.config)
        losses["power"] = band_power_loss(generated, real, self.model.config)
        narrow = [at_16_khz(wave, self.model.config.sampling_rate) for wave in (generated, real)]
        losses |= {name: listener(*narrow) for name, listener in self.listeners.items()}
        return losses, generated, real


def varied(model: RTVC7Model, batch: Batch, read: dict[str, Tensor], temperature: float) -> Tensor:
    """Latents (batch, frames, latent_size) drawn from the prior, each row's at a temperature up to this one."""
    mean = read["mean"]
    temperatures = temperature * torch.rand(len(mean), 1, 1, device=mean.device)
    drawn = mean + temperatures * read["log_deviation"].exp() * torch.randn_like(mean)
    return model.varied(read["latents"], drawn, read["context"], read["condition"], batch.mask[..., None])


def weighted(losses: dict[str, Tensor], weights: dict[str, float]) -> dict[str, Tensor]:
    """The losses and their weighted sum ``total``."""
    parts = (weight * losses[name] for name, weight in weights.items() if weight)
    return losses | {"total": functools.reduce(torch.add, parts)}


def adversarial_losses(stage: loop.Stage, batch: Batch | dict, spoken: Batch, clock: loop.Clock) -> dict[str, Tensor]:
    """The discriminators' update, then the losses of what ``stage.objective`` makes, theirs among them.

    ``spoken``: what of the batch is spoken; its voices are then those it was spoken in. For ``warm_up`` steps the
    discriminators learn alone: random ones ruin a trained decoder.
    """
    frozen = clock.step < stage.config["warm_up"]
    with torch.set_grad_enabled(not frozen):
        losses, generated, real = stage.objective(batch, scored=not frozen)
    against = generated, real, spoken.voice[: len(generated)].detach()
    losses["discriminator"] = stage.opponent.update(*against)
    if frozen:
        return losses
    losses["adversarial"], losses["features"] = stage.opponent.judge(*against)
    return weighted(losses, stage.config["weights"])


def speak_windows(model: RTVC7Model, batch: Batch, latents: Tensor, frames: int, windows: int) -> tuple[Tensor, Tensor]:
    """Decode a window of ``frames`` frames of the first ``windows`` rows → (generated, real), each (rows, samples)."""
    hop, rows = model.config.hop_length, slice(0, windows)
    lengths = batch.mask[rows].sum(1).long()
    frames = min(frames, latents.shape[1])
    room = (lengths - frames + 1).clamp(min=1)
    starts = (torch.rand(len(lengths)) * room.cpu()).long().tolist()

    def cut(values: Tensor, scale: int = 1) -> Tensor:
        pairs = zip(values[rows], starts, strict=True)
        return torch.stack([row[start * scale : (start + frames) * scale] for row, start in pairs])

    mask = cut(batch.mask)[..., None]
    noise = torch.randn(len(starts), frames * hop, device=latents.device)
    generated = model.decode(cut(latents), cut(batch.f0), batch.voice[rows], mask, noise)
    return compared(generated, cut(batch.wave, hop), batch.bandwidth[rows], model.config)
