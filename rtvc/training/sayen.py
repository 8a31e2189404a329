"""SayEN's training: noisy crops and their clean originals, three objectives, the speaker encoder frozen.

The embedding that SayEN is given comes from the noisy crop (as at inference) or, in three of ten, from the clean one.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from rtvc.earspeech import EarSpeechModel
from rtvc.sayen import SayENConfig, SayENLoss, SayENModel, si_snr
from rtvc.training.loop import RUNS, Average, Checkpoint, Clock, Means, rate_at
from rtvc.training.mixtures import Mixtures
from rtvc.tuned_ge2e import TunedGE2EModel

CLEAN_VOICE = 0.3  # share of crops whose embedding is the clean one's
LEVEL_SPREAD = 0.35  # natural log: a whole recording has other pauses than a crop, hence another level


class Conditions:
    """What SayEN reads beside the wave: EarSpeech features and the speaker embedding."""

    def __init__(self, earspeech: EarSpeechModel, tuned_ge2e: TunedGE2EModel):
        self.earspeech, self.tuned_ge2e = earspeech.eval(), tuned_ge2e.eval()

    @torch.no_grad()
    def __call__(self, waves: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, samples) → features (batch, frames, 64), embeddings (batch, 256)."""
        features = self.earspeech(waves).features
        with torch.autocast("cpu", torch.bfloat16):
            return features, self.tuned_ge2e(features).speaker_embedding.float()


def losses_of(
    model: SayENModel, loss: SayENLoss, conditions: Conditions, noisy: Tensor, clean: Tensor
) -> dict[str, Tensor]:
    """The objectives on one batch of waves (batch, samples), as in training: mixed voices and jittered levels."""
    features, voice = conditions(noisy)
    clean_voice = conditions(clean)[1]
    is_clean = torch.rand(len(noisy), 1) < CLEAN_VOICE
    level = model.level(noisy) * torch.exp(LEVEL_SPREAD * torch.randn(len(noisy), 1))
    with torch.autocast("cpu", torch.bfloat16):
        enhanced = model(noisy, features, torch.where(is_clean, clean_voice, voice), level=level).enhanced
    with torch.autocast("cpu", torch.bfloat16):  # only the speaker encoder has layers that it concerns
        return loss(enhanced, clean, clean_voice)


@torch.no_grad()
def score(model: SayENModel, loss: SayENLoss, conditions: Conditions, pairs: tuple[Tensor, Tensor]) -> dict[str, float]:
    """Objectives on development pairs, and the gain in SI-SNR (dB)."""
    model.eval()
    found: dict[str, list[float]] = {}
    for noisy, clean in zip(*(one.split(4) for one in pairs), strict=True):
        enhanced = model(noisy, *conditions(noisy)).enhanced
        values = loss(enhanced, clean) | {"gain": 10 * (si_snr(enhanced, clean) - si_snr(noisy, clean)).mean()}
        for name, value in values.items():
            found.setdefault(name, []).append(value.item())
    model.train()
    return {name: float(np.mean(values)) for name, values in found.items()}


def _development(config: dict) -> tuple[Tensor, Tensor]:
    """Fixed pairs of development speakers and noises; none of them clean already."""
    mixtures = Mixtures(config["corpora"], 4.0, config["development_snr"], "development")
    random = np.random.default_rng(1)
    drawn = [mixtures.pair(random) for _ in range(config["development_pairs"] * 2)]
    pairs = [pair for pair in drawn if not np.array_equal(*pair)][: config["development_pairs"]]
    return tuple(torch.from_numpy(np.stack(side)) for side in zip(*pairs, strict=True))


def _encoders(config: dict) -> tuple[EarSpeechModel, TunedGE2EModel]:
    kinds = {"earspeech": EarSpeechModel, "tuned_ge2e": TunedGE2EModel}
    return tuple(kind.from_pretrained(config[name], dtype=torch.float32) for name, kind in kinds.items())


def _model(config: dict) -> SayENModel:
    """A new model, or the weights of ``config["init"]`` under the config's settings."""
    settings = SayENConfig(**(config["model"] or {}))
    if config["init"]:
        return SayENModel.from_pretrained(config["init"], config=settings, dtype=torch.float32)
    return SayENModel(settings)


def _update(optimizer: torch.optim.Optimizer, model: nn.Module, total: Tensor, rate: float) -> Tensor:
    """One step at ``rate``; a gradient that is not finite is left out. Returns its norm."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad()
    total.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), 2.0)
    if torch.isfinite(norm):
        optimizer.step()
    return norm


def train(config: dict) -> None:
    """Train until ``steps`` or ``minutes``, whichever comes first, the rate falling towards it.

    The moving average of the weights that scores best on development pairs is kept in ``runs/<name>/model``.
    """
    torch.manual_seed(config["seed"])
    torch.set_num_threads(config["threads"])
    folder = RUNS / config["name"]
    model = _model(config)
    encoders = _encoders(config)
    conditions, loss = Conditions(*encoders), SayENLoss(model.config, *encoders)
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    average, clock, means = Average(model, config["average"]), Clock(), Means(config["name"], 25)
    parts = {"model": model, "optimizer": optimizer, "average": average, "clock": clock}
    checkpoint, mixtures = Checkpoint(folder, parts), Mixtures(config["corpora"], config["seconds"], config["snr"])
    step = checkpoint.resume()
    random, best, pairs = np.random.default_rng(config["seed"] + step), float("inf"), _development(config)
    model.train()
    while (progress := max(step / config["steps"], clock.seconds() / 60 / config["minutes"])) < 1:
        noisy, clean = (torch.from_numpy(side) for side in mixtures.batch(config["batch_size"], random))
        losses = losses_of(model, loss, conditions, noisy, clean)
        rate = config["learning_rate"] * rate_at(round(1000 * progress), 1000, warm_up=25)
        norm = _update(optimizer, model, losses["total"], rate)
        average.update()
        step += 1
        means.add(step, norm=norm, **losses)
        if step % config["score_every"] == 0:
            best = _keep_best(model, average, (loss, conditions, pairs), best, folder, step)
        checkpoint.save_if_due(step)
    checkpoint.save(step)
    _keep_best(model, average, (loss, conditions, pairs), best, folder, step)


def _keep_best(model: SayENModel, average: Average, judges: tuple, best: float, folder, step: int) -> float:
    """Score the averaged weights and save them where they are the best so far. Returns the best score."""
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    average.apply()
    found = score(model, *judges)
    print(f"development step {step} " + " ".join(f"{name} {value:.3f}" for name, value in found.items()), flush=True)
    if found["total"] < best:
        model.save_pretrained(folder / "model")
    model.load_state_dict(weights)
    return min(best, found["total"])
