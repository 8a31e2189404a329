"""Stages of RTVC-7: ``decoder`` (spectral, then adversarial), ``prior`` (text to latents), ``polish`` (the whole).

Each reads the model of the stage before it from ``runs/`` and writes its own there.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from rtvc import text
from rtvc.rtvc7 import PITCH_SPREAD, RTVC7Config, RTVC7Model, log_mel
from rtvc.training.loop import RUNS, Average, Checkpoint, Clock, Means, rate_at
from rtvc.training.losses import (
    Discriminators,
    SpeakerConsistency,
    adversarial_loss,
    discriminator_loss,
    feature_loss,
    spectral_loss,
)
from rtvc.training.speech import SPEAKER_SIZE, Batch, Speech


def _start(config: dict) -> tuple[RTVC7Model, Path]:
    """The model to train (``config["init"]``: a folder, or none for a new one) and the stage's folder."""
    torch.manual_seed(config.get("seed", 0))
    if config.get("threads"):
        torch.set_num_threads(config["threads"])
    folder = RUNS / config["name"]
    if config.get("init"):
        return RTVC7Model.from_pretrained(config["init"], dtype=torch.float32), folder
    return RTVC7Model(RTVC7Config(vocab_size=len(text.SYMBOLS), **config.get("model", {}))), folder


def _optimizer(parameters: list[nn.Parameter], rate: float, betas: tuple[float, float] = (0.9, 0.98)):
    return torch.optim.AdamW(parameters, lr=rate, betas=betas, weight_decay=0.01, fused=True)


def _step(optimizer: torch.optim.Optimizer, loss: Tensor, rate: float, clip: float = 1.0) -> bool:
    """One update at ``rate``; a step whose gradient is not finite is left out."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("factor", 1.0)
    optimizer.zero_grad()
    loss.backward()
    norm = nn.utils.clip_grad_norm_(parameters, clip)
    if torch.isfinite(norm):
        optimizer.step()
    return bool(torch.isfinite(norm))


def _measure_mel(model: RTVC7Model, speech: Speech, rng: np.random.Generator) -> None:
    """Mean and deviation of each mel band over speech, for the model's normalisation."""
    mels = log_mel(speech.crops(256, 80, rng).wave, model.config).flatten(0, 1)
    model.mel_mean.copy_(mels.mean(0))
    model.mel_deviation.copy_(mels.std(0))


def _targets(model: RTVC7Model, batch: Batch) -> tuple[Tensor, Tensor]:
    """Mean and log deviation of the posterior, each (batch, frames, latent_size)."""
    return model.posterior_encoder(model.normalized_mel(batch.wave), batch.voice, batch.mask[..., None])


def _cut(wave: Tensor, margin: int) -> Tensor:
    return wave[:, margin:-margin]


# ---------------------------------------------------------------------------------------------- decoder
class Opponent:
    """Discriminators with their optimizer: one update of their own, then the losses they put on what was made."""

    def __init__(self, config: dict):
        self.model = Discriminators()
        self.rate = config["discriminator_rate"]
        self.optimizer = _optimizer(list(self.model.parameters()), self.rate, (0.8, 0.99))

    def parts(self) -> dict:
        """What a checkpoint keeps of it."""
        return {"opponent": self.model, "opponent_optimizer": self.optimizer}

    def update(self, made: Tensor, real: Tensor) -> float:
        """One step of the discriminators' own; their loss."""
        with torch.autocast("cpu", torch.bfloat16):
            loss = discriminator_loss(self.model(real), self.model(made.detach()))
        _step(self.optimizer, loss, self.rate, clip=10.0)
        return loss.item()

    def judge(self, made: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """Adversarial and feature-matching loss of what was made."""
        self.model.requires_grad_(False)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                wanted = self.model(real)
            heard = self.model(made)
        self.model.requires_grad_(True)
        return adversarial_loss(heard), feature_loss(wanted, heard)


def train_decoder(config: dict) -> None:
    """Posterior encoder + decoder: wave → latents → wave. From ``adversarial_from`` on against discriminators."""
    model, folder = _start(config)
    speech = Speech(config["corpora"], aligned=False, shifted=config["shifted"])
    rng = np.random.default_rng(config.get("seed", 0))
    if not config.get("init"):
        _measure_mel(model, speech, rng)
    parameters = [*model.decoder.parameters(), *model.posterior_encoder.parameters()]
    optimizer = _optimizer(parameters, config["learning_rate"])
    opponent = Opponent(config)
    parts = {"model": model, "optimizer": optimizer} | opponent.parts()
    checkpoint, means = Checkpoint(folder, parts), Means(config["name"])
    steps, fight = config["steps"], config["adversarial_from"]
    for step in range(checkpoint.resume(), steps):
        frozen = fight <= step < fight + config["warm_up"]
        model.posterior_encoder.requires_grad_(step < config["posterior_steps"])  # then the prior can aim at it
        batch = speech.crops(config["batch_size"], config["frames"], rng)
        with torch.set_grad_enabled(not frozen), torch.autocast("cpu", torch.bfloat16):
            mean, log_deviation = _targets(model, batch)
            latents = mean + log_deviation.exp() * torch.randn_like(mean)
            made = model.decode(latents, batch.f0, batch.voice, batch.mask[..., None], torch.randn_like(batch.wave))
        made, real = _cut(made, 400), _cut(batch.wave, 400)
        losses = {}
        if step >= fight:
            losses["discriminator"] = opponent.update(made, real)
        if not frozen:
            spectral = spectral_loss(made, real, model.config)
            kl = (0.5 * (mean.square() + (2 * log_deviation).exp() - 1) - log_deviation).mean()
            loss = spectral + config["kl_weight"] * kl
            if step >= fight:
                adversarial, features = opponent.judge(made, real)
                loss = loss + config["adversarial_weight"] * adversarial + config["feature_weight"] * features
                losses |= {"adversarial": adversarial, "features": features}
            _step(optimizer, loss, config["learning_rate"] * rate_at(step, steps))
            losses |= {"spectral": spectral, "kl": kl, "deviation": log_deviation.exp().mean()}
        means.add(step, **losses)
        if checkpoint.save_if_due(step + 1):
            model.save_pretrained(folder / "model")
    checkpoint.save(steps)
    model.save_pretrained(folder / "model")


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


def disturb_voice(batch: Batch, drop: float = 0.1, noise: float = 0.02) -> None:
    """Some speakers left out, all a little displaced: the model learns a space of voices, not points."""
    speaker, rest = batch.voice.tensor_split([SPEAKER_SIZE], -1)
    speaker = functional.normalize(speaker + noise * torch.randn_like(speaker), dim=-1)
    keep = (torch.rand(len(speaker), 1) >= drop).float()
    batch.voice = torch.cat([speaker * keep, rest], -1)


def train_prior(config: dict) -> None:
    """Text encoder, duration and pitch predictors, prior and flow towards the frozen posterior's latents."""
    model, folder = _start(config)
    speech = Speech(config["corpora"], shifted=config["shifted"])
    rng = np.random.default_rng(config.get("seed", 0))
    parameters = text_parameters(model)
    optimizer, average = _optimizer(parameters, config["learning_rate"]), Average(model)
    checkpoint = Checkpoint(folder, {"model": model, "optimizer": optimizer, "average": average})
    means, steps = Means(config["name"]), config["steps"]
    for step in range(checkpoint.resume(), steps):
        batch = speech.pieces(config["seconds"], rng)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            target, _ = _targets(model, batch)
        disturb_voice(batch)
        with torch.autocast("cpu", torch.bfloat16):
            losses = prior_losses(model, batch, read_text(model, batch), target, config["weights"])
        total = sum(config["weights"][name] * value for name, value in losses.items())
        _step(optimizer, total, config["learning_rate"] * rate_at(step, steps, warm_up=200))
        average.update()
        means.add(step, **losses)
        if checkpoint.save_if_due(step + 1):
            _export(model, average, folder / "model")
    checkpoint.save(steps)
    _export(model, average, folder / "model")


def _export(model: RTVC7Model, average: Average, folder: Path) -> None:
    """Save the averaged weights, leaving the trained ones in place."""
    current = {key: value.clone() for key, value in model.state_dict().items()}
    average.apply()
    model.save_pretrained(folder)
    model.load_state_dict(current)


# ---------------------------------------------------------------------------------------------- polish
def train_polish(config: dict) -> None:
    """Text → latents → wave as a whole against discriminators, with true durations and pitch.

    Until ``steps`` or ``minutes``, whichever comes first, the rate falling towards it.
    """
    model, folder = _start(config)
    decoder = RTVC7Model.from_pretrained(config["decoder"], dtype=torch.float32).decoder
    model.decoder.load_state_dict(decoder.state_dict())
    speech = Speech(config["corpora"], shifted=config["shifted"])
    rng = np.random.default_rng(config.get("seed", 0))
    reading, speaking = text_parameters(model), list(model.decoder.parameters())
    optimizer = _optimizer(speaking, config["learning_rate"], (0.8, 0.98))
    optimizer.add_param_group({"params": reading, "factor": config["text_factor"]})
    opponent, average = Opponent(config), Average(model)
    consistency = SpeakerConsistency(config["earspeech"], config["tuned_ge2e"])
    clock = Clock()
    parts = {"model": model, "optimizer": optimizer, "average": average, "clock": clock} | opponent.parts()
    checkpoint, means = Checkpoint(folder, parts), Means(config["name"])
    if not checkpoint.path.exists():
        opponent.model.load_state_dict(torch.load(config["opponent"], weights_only=True)["opponent"])
    step = checkpoint.resume()
    while (progress := max(step / config["steps"], clock.seconds() / 60 / config["minutes"])) < 1:
        frozen = step < config["warm_up"]
        batch = speech.pieces(config["seconds"], rng, config["longest"])
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            target, _ = _targets(model, batch)
        with torch.set_grad_enabled(not frozen), torch.autocast("cpu", torch.bfloat16):
            read = read_text(model, batch)
            made, real = _speak_windows(model, batch, read["latents"], config, rng)
        losses = {"discriminator": opponent.update(made, real)}
        if not frozen:
            with torch.autocast("cpu", torch.bfloat16):
                losses |= prior_losses(model, batch, read, target, config["weights"])
            losses["spectral"] = spectral_loss(made, real, model.config)
            losses["speaker"] = consistency(made, real)
            losses["adversarial"], losses["features"] = opponent.judge(made, real)
            total = sum(config["weights"][name] * losses[name] for name in config["weights"])
            _step(optimizer, total, config["learning_rate"] * rate_at(round(1000 * progress), 1000, warm_up=25))
            average.update()
        means.add(step, **losses)
        step += 1
        if checkpoint.save_if_due(step):
            _export(model, average, folder / "model")
    checkpoint.save(step)
    _export(model, average, folder / "model")


def _speak_windows(
    model: RTVC7Model, batch: Batch, latents: Tensor, config: dict, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Decode a window of ``frames`` frames of the first ``windows`` rows → (made, real), each (rows, samples)."""
    hop, rows = model.config.hop_length, slice(0, config["windows"])
    lengths = batch.mask[rows].sum(1).long().tolist()
    frames = min(config["frames"], latents.shape[1])
    starts = [int(rng.integers(max(1, length - frames + 1))) for length in lengths]

    def cut(values: Tensor, scale: int = 1) -> Tensor:
        pairs = zip(values[rows], starts, strict=True)
        return torch.stack([row[start * scale : (start + frames) * scale] for row, start in pairs])

    mask, noise = cut(batch.mask)[..., None], torch.randn(len(starts), frames * hop)
    made = model.decode(cut(latents), cut(batch.f0), batch.voice[rows], mask, noise)
    return _cut(made, 400), _cut(cut(batch.wave, hop), 400)
