"""Stages of RTVC-7: ``decoder`` (spectral, then adversarial), ``prior`` (text to latents), ``polish`` (the whole).

Each reads the model of the stage before it from ``runs/`` and writes its own there; the stage ``rtvc7`` runs all three.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn import functional

from rtvc import text
from rtvc.errors import TrainingError
from rtvc.rtvc7 import PITCH_SPREAD, TRAITS, RTVC7Config, RTVC7Model, log_mel
from rtvc.training import loop
from rtvc.training.data.speech import Batch, Speech
from rtvc.training.losses import (
    Discriminators,
    SpeakerConsistency,
    TeacherConsistency,
    adversarial_loss,
    discriminator_loss,
    feature_loss,
    spectral_loss,
)
from rtvc.training.models import component


def new_model(config: dict) -> RTVC7Model:
    """The model to train: from the folder ``config["init"]``, or a new one."""
    if config.get("init"):
        return component(RTVC7Model, config["init"])
    return RTVC7Model(RTVC7Config(vocab_size=len(text.SYMBOLS), **(config.get("model") or {})))


def adam(parameters: list, rate: float, betas: tuple[float, float] = (0.9, 0.98)) -> torch.optim.Optimizer:
    """The optimizer of RTVC-7's stages."""
    return torch.optim.AdamW(parameters, lr=rate, betas=betas, weight_decay=0.01, fused=True)


def _measure_mel(model: RTVC7Model, speech: Speech, rng: np.random.Generator) -> None:
    """Mean and deviation of each mel band over speech, for the model's normalisation."""
    mels = log_mel(speech.crops(256, 80, rng).wave, model.config).flatten(0, 1)
    model.mel_mean.copy_(mels.mean(0))
    model.mel_deviation.copy_(mels.std(0))


def targets(model: RTVC7Model, batch: Batch) -> tuple[Tensor, Tensor]:
    """Mean and log deviation of the posterior, each (batch, frames, latent_size)."""
    return model.posterior_encoder(model.normalized_mel(batch.wave), batch.voice, batch.mask[..., None])


def _cut(wave: Tensor, margin: int) -> Tensor:
    return wave[:, margin:-margin]


# ---------------------------------------------------------------------------------------------- decoder
class Opponent:
    """Discriminators with their optimizer: one update of their own, then the losses they put on what was made."""

    def __init__(self, rate: float, run: str | Path | None = None):
        """``run``: the folder of a run (``runs/NAME``) whose discriminators to go on with."""
        self.model, self.accelerator = Discriminators(), None
        if run:
            self.model.load_state_dict(_discriminators(Path(run)))
        self.optimizer = adam(list(self.model.parameters()), rate, (0.8, 0.99))
        self.inner = self.model

    def prepare(self, accelerator: Accelerator) -> nn.Module:
        """Join the loop's accelerator; the module that learns."""
        self.accelerator = accelerator
        self.model, self.optimizer = accelerator.prepare(self.model, self.optimizer)
        self.inner = accelerator.unwrap_model(self.model)
        return self.model

    def update(self, made: Tensor, real: Tensor) -> Tensor:
        """One step of the discriminators' own; their loss."""
        maps = self.model(torch.cat([real, made.detach()]))
        loss = discriminator_loss(*_sides(maps))
        self.accelerator.backward(loss)
        if self.accelerator.sync_gradients:
            norm = self.accelerator.clip_grad_norm_(self.model.parameters(), 10.0)
            if torch.isfinite(norm):
                self.optimizer.step()
            self.optimizer.zero_grad()
        return loss.detach()

    def judge(self, made: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """Adversarial and feature-matching loss of what was made."""
        self.inner.requires_grad_(False)
        with torch.no_grad():
            wanted = self.inner(real)
        heard = self.inner(made)
        self.inner.requires_grad_(True)
        return adversarial_loss(heard), feature_loss(wanted, heard)


def _discriminators(run: Path) -> dict[str, Tensor]:
    """Their weights in the last checkpoint of a run; Accelerate numbers the models, they are the second."""
    checkpoint = loop.last_checkpoint(run)
    path = checkpoint / "pytorch_model_1.bin" if checkpoint else None
    if path is None or not path.is_file():
        raise TrainingError(f"The run “{run}” keeps no discriminators; name another one as opponent, or none.")
    return {name.removeprefix("module."): value for name, value in torch.load(path, weights_only=True).items()}


def _sides(maps: list[list[Tensor]]) -> tuple[list[list[Tensor]], list[list[Tensor]]]:
    """Maps of a batch of real and made waves → the real ones' and the made ones'."""
    halves = [[one.chunk(2) for one in part] for part in maps]
    return tuple([[half[side] for half in part] for part in halves] for side in (0, 1))


class Synthesis(loop.Stage):
    """What RTVC-7's stages share: the model, the speech it learns from, and held-out speech that it is examined on."""

    PARTS = 4  # batches of the evaluation

    def __init__(self, config: dict, aligned: bool = True):
        super().__init__(config)
        self.model = self.kept = new_model(config)
        self.speech = Speech(config["corpora"], aligned=aligned, shifted=config["shifted"])
        self.held_out = held_out(config["corpora"], aligned)
        self.examined = self.PARTS if self.held_out else 0

    def draw(self, random: np.random.Generator, phase: int) -> Batch:
        return self.draw_from(self.speech, random)

    def draw_from(self, speech: Speech, random: np.random.Generator) -> Batch:
        """One micro-batch of ``speech``."""
        raise NotImplementedError

    def scored(self, kept: RTVC7Model, batch: Batch) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """Losses of a batch without the opponent's, and waves made and real (rows, samples)."""
        raise NotImplementedError

    def examine(self, kept: RTVC7Model, number: int) -> dict[str, float]:
        return {name: value.item() for name, value in self._examined(kept, number)[0].items() if name != "total"}

    def sounds(self, kept: RTVC7Model) -> dict[str, np.ndarray]:
        """The first row of the evaluation, real and made."""
        if not self.examined:
            return {}
        _, made, real = self._examined(kept, 0)
        return {"real": real[0].float().cpu(), "made": made[0].float().cpu()}

    @torch.no_grad()
    def _examined(self, kept: RTVC7Model, number: int) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        loop.seed(number)
        batch = self.draw_from(self.held_out, np.random.default_rng(number))
        return self.scored(kept, batch.to(kept.device))


def held_out(corpora: dict[str, float], aligned: bool = True) -> Speech | None:
    """The development speakers' speech, if the corpora have any."""
    try:
        return Speech(corpora, "development", aligned)
    except TrainingError:
        return None


class Copying(nn.Module):
    """Wave → latents → wave; what the stage ``decoder`` trains."""

    def __init__(self, model: RTVC7Model, kl_weight: float):
        super().__init__()
        self.model, self.kl_weight = model, kl_weight

    def forward(self, batch: Batch, scored: bool = True) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """Losses, and the waves made and real, each (batch, samples); without ``scored`` no losses."""
        model, mask = self.model, batch.mask[..., None]
        mean, log_deviation = targets(model, batch)
        latents = mean + log_deviation.exp() * torch.randn_like(mean)
        made = model.decode(latents, batch.f0, batch.voice, mask, torch.randn_like(batch.wave))
        made, real = _cut(made, 400), _cut(batch.wave, 400)
        if not scored:
            return {}, made, real
        spectral = spectral_loss(made, real, model.config)
        kl = (0.5 * (mean.square() + (2 * log_deviation).exp() - 1) - log_deviation).mean()
        deviation = log_deviation.exp().mean().detach()
        total = spectral + self.kl_weight * kl
        return {"total": total, "spectral": spectral, "kl": kl, "deviation": deviation}, made, real


class Decoder(Synthesis):
    """Posterior encoder + decoder. From ``adversarial_from`` on against discriminators, which learn alone at first."""

    def __init__(self, config: dict):
        super().__init__(config, aligned=False)
        if not config.get("init"):
            _measure_mel(self.model, self.speech, np.random.default_rng(config["seed"]))
        self.objective = Copying(self.model, config["kl_weight"])
        parameters = [*self.model.decoder.parameters(), *self.model.posterior_encoder.parameters()]
        self.optimizer = adam(parameters, config["learning_rate"])
        self.opponent = Opponent(config["discriminator_rate"])

    def draw_from(self, speech: Speech, random: np.random.Generator) -> Batch:
        return speech.crops(self.config["batch_size"], self.config["frames"], random)

    def scored(self, kept: RTVC7Model, batch: Batch) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        return Copying(kept, self.config["kl_weight"])(batch)

    def losses(self, batch: Batch, clock: loop.Clock) -> dict[str, Tensor]:
        config, fight = self.config, self.config["adversarial_from"]
        frozen = fight <= clock.step < fight + config["warm_up"]
        self.model.posterior_encoder.requires_grad_(clock.step < config["posterior_steps"])  # the prior can aim at it
        with torch.set_grad_enabled(not frozen):
            losses, made, real = self.objective(batch, scored=not frozen)
        if clock.step < fight:
            return losses
        losses["discriminator"] = self.opponent.update(made, real)
        if not frozen:
            adversarial, features = self.opponent.judge(made, real)
            against = config["adversarial_weight"] * adversarial + config["feature_weight"] * features
            losses |= {"total": losses["total"] + against, "adversarial": adversarial, "features": features}
        return losses

    def rates(self, clock: loop.Clock) -> list[float]:
        return [self.config["learning_rate"] * loop.rate_at(clock.step, self.config["steps"])]


# ---------------------------------------------------------------------------------------------- prior
def text_parameters(model: RTVC7Model) -> list[nn.Parameter]:
    """Everything between the symbols and the latents."""
    parts = (model.condition, model.text_encoder, model.duration_predictor, model.position, model.pitch_predictor)
    return [p for part in (*parts, model.prior, model.flow) for p in part.parameters()]


def read_text(model: RTVC7Model, batch: Batch) -> dict[str, Tensor]:
    """True durations and pitch → predicted latents, and the predictors' own guesses.

    Returns latents (batch, frames, latent_size), mean, log_deviation, context, condition, relative pitch and voicing
    (batch, frames), log durations (batch, tokens).
    """
    condition = model.condition(batch.voice)
    token_mask, mask = (batch.input_ids > 0).float()[..., None], batch.mask[..., None]
    hidden = model.text_encoder(batch.input_ids, condition, token_mask)
    log_durations = model.duration_predictor(hidden.detach(), condition.detach(), token_mask)
    hidden = model.expand(hidden, batch.durations)
    relative, voicing = model.pitch_predictor(hidden, condition, mask)
    mean, log_deviation, context = model.prior(hidden, true_pitch(batch), batch.timbre, condition, mask)
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
    model: RTVC7Model, batch: Batch, read: dict[str, Tensor], target: Tensor, weights: dict[str, float]
) -> dict[str, Tensor]:
    """latents: L1; likelihood: of the target under prior and flow, a band and frame; duration, pitch, voicing."""
    mask, tokens = batch.mask, (batch.input_ids > 0).float()
    pitch, wanted = true_pitch(batch), torch.log1p(batch.durations.float())
    voicing = functional.binary_cross_entropy_with_logits(read["voicing"], pitch[..., 1], reduction="none")
    losses = {
        "latents": _masked((read["latents"] - target).abs().mean(-1), mask),
        "duration": _masked((read["log_durations"] - wanted).square(), tokens),
        "pitch": _masked((read["relative"] - pitch[..., 0]).abs(), pitch[..., 1] * mask),
        "voicing": _masked(voicing, mask),
    }
    if weights.get("likelihood"):
        losses["likelihood"] = _masked(_negative_log_likelihood(model, read, target, mask), mask)
    return losses


def _negative_log_likelihood(model: RTVC7Model, read: dict[str, Tensor], target: Tensor, mask: Tensor) -> Tensor:
    """(batch, frames), nats a band, without the constant: the target carried by the flow into the prior's space."""
    inside, log_determinant = model.flow(target, read["context"], read["condition"], mask[..., None])
    distance = (inside - read["mean"]) * (-read["log_deviation"]).exp()
    return (0.5 * distance.square() + read["log_deviation"]).mean(-1) - log_determinant / target.shape[-1]


def disturb_voice(voice: Tensor, rest: int, drop: float = 0.1, noise: float = 0.02) -> Tensor:
    """Some speakers left out, all a little displaced: the model learns a space of voices, not points.

    voice: (batch, size) as ``RTVC7Model.voice`` gives it, of which the last ``rest`` numbers stay.
    """
    speaker, others = voice.tensor_split([voice.shape[1] - rest], -1)
    speaker = functional.normalize(speaker + noise * torch.randn_like(speaker), dim=-1)
    keep = (torch.rand(len(speaker), 1, device=voice.device) >= drop).to(speaker)
    return torch.cat([speaker * keep, others], -1)


class Reading(nn.Module):
    """Symbols and a voice → the latents of the posterior encoder, which stays as it is."""

    def __init__(self, model: RTVC7Model, weights: dict[str, float]):
        super().__init__()
        self.model, self.weights = model, weights

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The losses named in the weights, and their weighted sum."""
        with torch.no_grad():
            target, _ = targets(self.model, batch)
        if self.training:
            batch.voice = disturb_voice(batch.voice, TRAITS + self.model.config.latent_size)
        losses = prior_losses(self.model, batch, read_text(self.model, batch), target, self.weights)
        return losses | {"total": sum(self.weights[name] * value for name, value in losses.items())}


class Prior(Synthesis):
    """Text encoder, duration and pitch predictors, prior and flow towards the frozen posterior's latents."""

    decay = 0.998

    def __init__(self, config: dict):
        super().__init__(config)
        self.objective = Reading(self.model, config["weights"])
        self.optimizer = adam(text_parameters(self.model), config["learning_rate"])

    def draw_from(self, speech: Speech, random: np.random.Generator) -> Batch:
        return speech.pieces(self.config["seconds"], random)

    def scored(self, kept: RTVC7Model, batch: Batch) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        losses = Reading(kept, self.config["weights"]).eval()(batch)
        made, real = speak_windows(kept, batch, read_text(kept, batch)["latents"], 240, 1)
        return losses, made, real

    def rates(self, clock: loop.Clock) -> list[float]:
        return [self.config["learning_rate"] * loop.rate_at(clock.step, self.config["steps"], warm_up=200)]


# ---------------------------------------------------------------------------------------------- polish
class Speaking(nn.Module):
    """Text → latents → wave as a whole, with true durations and pitch; its losses without the opponent's.

    listeners: losses by name of waves made and real, each (windows, samples), see ``Consistency``.
    """

    def __init__(self, model: RTVC7Model, listeners: dict[str, nn.Module], config: dict):
        super().__init__()
        self.model, self.listeners = model, nn.ModuleDict(listeners)
        self.weights, self.frames, self.windows = config["weights"], config["frames"], config["windows"]

    def forward(
        self, batch: Batch, scored: bool = True, voice: Tensor | None = None
    ) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """Losses, and windows made and real (windows, samples); without ``scored`` no losses.

        voice: takes the place of the batch's own.
        """
        batch.voice = batch.voice if voice is None else voice
        with torch.no_grad():
            target, _ = targets(self.model, batch)
        read = read_text(self.model, batch)
        made, real = speak_windows(self.model, batch, read["latents"], self.frames, self.windows)
        if not scored:
            return {}, made, real
        losses = prior_losses(self.model, batch, read, target, self.weights)
        losses["spectral"] = spectral_loss(made, real, self.model.config)
        losses |= {name: listener(made, real) for name, listener in self.listeners.items()}
        return losses, made, real


def weighed(losses: dict[str, Tensor], weights: dict[str, float]) -> dict[str, Tensor]:
    """The losses and their weighted sum ``total``."""
    return losses | {"total": sum(weight * losses[name] for name, weight in weights.items() if weight)}


def losses_of_both(stage: loop.Stage, batch: Batch | dict, clock: loop.Clock) -> dict[str, Tensor]:
    """The discriminators' update, then the losses of what ``stage.objective`` makes, theirs among them.

    For ``warm_up`` steps the discriminators learn alone: random ones ruin a trained decoder.
    """
    frozen = clock.step < stage.config["warm_up"]
    with torch.set_grad_enabled(not frozen):
        losses, made, real = stage.objective(batch, scored=not frozen)
    losses["discriminator"] = stage.opponent.update(made, real)
    if frozen:
        return losses
    losses["adversarial"], losses["features"] = stage.opponent.judge(made, real)
    return weighed(losses, stage.config["weights"])


class Polish(Synthesis):
    """The whole from symbols to wave against discriminators, which learn alone for ``warm_up`` steps."""

    decay = 0.998

    def __init__(self, config: dict):
        super().__init__(config)
        if config["decoder"]:
            self.model.decoder.load_state_dict(component(RTVC7Model, config["decoder"]).decoder.state_dict())
        self.listeners = {"speaker": SpeakerConsistency.from_folders(config["earspeech"], config["tuned_ge2e"])}
        if config["weights"].get("teacher"):
            self.listeners["teacher"] = TeacherConsistency()
        self.objective = Speaking(self.model, self.listeners, config)
        self.optimizer = adam(list(self.model.decoder.parameters()), config["learning_rate"], (0.8, 0.98))
        self.optimizer.add_param_group({"params": text_parameters(self.model)})
        self.opponent = Opponent(config["discriminator_rate"], config["opponent"])

    def draw_from(self, speech: Speech, random: np.random.Generator) -> Batch:
        return speech.pieces(self.config["seconds"], random, self.config["longest"])

    def scored(self, kept: RTVC7Model, batch: Batch) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        return Speaking(kept, self.listeners, self.config)(batch)

    def losses(self, batch: Batch, clock: loop.Clock) -> dict[str, Tensor]:
        return losses_of_both(self, batch, clock)

    def rates(self, clock: loop.Clock) -> list[float]:
        rate = self.config["learning_rate"] * loop.rate_at(round(1000 * clock.progress()), 1000, warm_up=25)
        return [rate, self.config["text_factor"] * rate]


def speak_windows(model: RTVC7Model, batch: Batch, latents: Tensor, frames: int, windows: int) -> tuple[Tensor, Tensor]:
    """Decode a window of ``frames`` frames of the first ``windows`` rows → (made, real), each (rows, samples)."""
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
    made = model.decode(cut(latents), cut(batch.f0), batch.voice[rows], mask, noise)
    return _cut(made, 400), _cut(cut(batch.wave, hop), 400)
