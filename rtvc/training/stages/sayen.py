"""Stage ``sayen``: noisy crops and their clean originals, three objectives; encoder and speaker teacher are frozen.

The embedding that SayEN is given comes from the noisy crop (as at inference) or, in three of ten, from the clean one.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from rtvc.errors import TrainingError
from rtvc.evaluation.statistics import si_sdr
from rtvc.sayen import SayENConfig, SayENModel
from rtvc.training import loop
from rtvc.training.data.noisy_speech import NoisySpeech
from rtvc.training.disk import reason
from rtvc.training.losses import SayENLoss, SpeakerTeacherConsistency
from rtvc.training.models import component, front_end
from rtvc.training.optim import muon, rate_by
from rtvc.tuned_ge2e import TunedGE2EModel

CLEAN_VOICE = 0.3  # share of crops whose embedding is the clean one's
LEVEL_SPREAD = 0.35  # natural log: a whole recording has other pauses than a crop, hence another level
PAIRS_A_BATCH = 4  # in a part of the evaluation


class Enhancement(nn.Module):
    """SayEN with its frozen encoders; the objectives on a batch of waves (batch, samples).

    With ``teacher_weight`` the speaker teacher says too whether the speaker is kept.
    """

    def __init__(self, model: SayENModel, earspeech: nn.Module, tuned_ge2e: nn.Module, teacher_weight: float = 0.0):
        super().__init__()
        self.model, self.earspeech, self.tuned_ge2e = model, earspeech.eval(), tuned_ge2e.eval()
        self.loss = SayENLoss(model.config, earspeech, tuned_ge2e)
        self.teacher_weight, self.teacher = teacher_weight, SpeakerTeacherConsistency() if teacher_weight else None

    @torch.no_grad()
    def conditions(self, waves: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, samples) → features (batch, frames, 64), embeddings (batch, 256): SayEN reads them beside."""
        features = self.earspeech(waves).features
        return features, self.tuned_ge2e(features).speaker_embedding.float()

    def forward(self, pair: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        """Losses of noisy and clean waves: embeddings of either, levels a little off, as they are at use."""
        noisy, clean = pair
        features, voice = self.conditions(noisy)
        clean_voice = self.conditions(clean)[1]
        is_clean = torch.rand(len(noisy), 1, device=noisy.device) < CLEAN_VOICE
        level = self.model.level(noisy) * torch.exp(LEVEL_SPREAD * torch.randn(len(noisy), 1, device=noisy.device))
        enhanced = self.model(noisy, features, torch.where(is_clean, clean_voice, voice), level=level).enhanced
        return self.objectives(enhanced, clean, clean_voice)

    def objectives(self, enhanced: Tensor, clean: Tensor, clean_voice: Tensor | None = None) -> dict[str, Tensor]:
        """SayEN's own, the speaker teacher's if it has a say, and their weighted sum ``total``."""
        losses = self.loss(enhanced, clean, clean_voice)
        if self.teacher:
            losses["teacher"] = self.teacher(enhanced, clean)
            losses["total"] = losses["total"] + self.teacher_weight * losses["teacher"]
        return losses


class SayENStage(loop.Stage[SayENModel]):
    """The moving average of the weights that scores best on development pairs is kept."""

    clip, chosen_by = 2.0, "total"

    def __init__(self, config: dict):
        super().__init__(config)
        self.model = self.kept = _model(config)
        self.objective = Enhancement(
            self.model,
            front_end(config["earspeech"]),
            component(TunedGE2EModel, config["tuned_ge2e"]),
            config["teacher_weight"],
        )
        self.enhancement = self.objective
        self.optimizer = muon([self.model], config["learning_rate"], within=[self.model.blocks])
        self.noisy_speech = NoisySpeech(config["corpora"], config["seconds"], config["snr"])
        self.pairs = development_pairs(config)
        self.evaluation_parts = len(self.pairs)
        self.model.train()

    def draw(self, random: np.random.Generator, phase: int) -> tuple[Tensor, Tensor]:
        noisy, clean = self.noisy_speech.batch(self.config["batch_size"], random)
        return torch.from_numpy(noisy), torch.from_numpy(clean)

    def rates(self, clock: loop.Clock) -> list[float]:
        return [self.config["learning_rate"] * rate_by(clock.progress())] * 2

    @torch.no_grad()
    def evaluate_part(self, kept: SayENModel, number: int) -> dict[str, float]:
        """Objectives on development pairs, and the gain in SI-SDR (dB)."""
        noisy, clean = (side.to(kept.device) for side in self.pairs[number])
        enhanced = _enhanced(kept, noisy, self.enhancement)
        found = {name: value.item() for name, value in self.enhancement.objectives(enhanced, clean).items()}
        rows = zip(*(waves.cpu().numpy() for waves in (clean, noisy, enhanced)), strict=True)
        gains = [si_sdr(reference, after) - si_sdr(reference, before) for reference, before, after in rows]
        return found | {"gain": float(np.mean(gains))}

    @torch.no_grad()
    def sounds(self, kept: SayENModel) -> dict[str, Tensor]:
        """A development recording as it was, noisy and cleaned."""
        if not self.pairs:
            return {}
        noisy, clean = (side[:1].to(kept.device) for side in self.pairs[0])
        enhanced = _enhanced(kept, noisy, self.enhancement)
        return {"clean": clean[0], "noisy": noisy[0], "enhanced": enhanced[0]}


def _enhanced(model: SayENModel, noisy: Tensor, enhancement: Enhancement) -> Tensor:
    """As at inference: without dropout."""
    training = model.training
    model.eval()
    enhanced = model(noisy, *enhancement.conditions(noisy)).enhanced
    model.train(training)
    return enhanced


def development_pairs(config: dict) -> list[tuple[Tensor, Tensor]]:
    """Fixed pairs of development speakers and noises, ``PAIRS_A_BATCH`` at a time; none of them clean already.

    Empty where the corpora have no development speakers.
    """
    noisy_speech = NoisySpeech(config["corpora"], 4.0, config["development_snr"], "development")
    if not noisy_speech.names:
        return []
    random = np.random.default_rng(1)
    drawn = [noisy_speech.pair(random) for _ in range(config["development_pairs"] * 2)]
    pairs = [pair for pair in drawn if not np.array_equal(*pair)][: config["development_pairs"]]
    noisy, clean = (torch.from_numpy(np.stack(side)).split(PAIRS_A_BATCH) for side in zip(*pairs, strict=True))
    return list(zip(noisy, clean, strict=True))


def _model(config: dict) -> SayENModel:
    """A new model, or the weights of ``config["init"]`` under the config's settings, grown where those say so.

    Raises:
        TrainingError: the settings are none, or the weights have other sizes.
    """
    try:
        settings = SayENConfig(**(config["model"] or {}))
    except (TypeError, ValueError) as error:
        raise TrainingError(f"The section “model” is no config of SayEN: {reason(error)}.") from error
    if not config["init"]:
        return SayENModel(settings)
    try:
        return grown(component(SayENModel, config["init"]), settings)
    except RuntimeError as error:
        raise TrainingError(
            f"The model in “{config['init']}” has other sizes than the section “model” says; only “blocks” may grow,"
            " and “filter_frames” from 1."
        ) from error


def grown(small: SayENModel, settings: SayENConfig) -> SayENModel:
    """The weights of ``small`` under other settings.

    Blocks that it lacks stand before its last one and start as nothing, as do a filter's frames beside: what they add
    is zero until they learn, so both models make the same.

    Raises:
        RuntimeError: other sizes differ too, or blocks would be lost.
    """
    model, last = SayENModel(settings), len(small.blocks) - 1
    missing = settings.blocks - len(small.blocks)
    if missing < 0:
        raise RuntimeError(f"{-missing} blocks would be lost")
    behind = f"blocks.{last}.", f"blocks.{last + missing}."
    known = {
        name.replace(*behind) if name.startswith(behind[0]) else name: value
        for name, value in small.state_dict().items()
    }
    new = [f"blocks.{number}." for number in range(last, last + missing)]
    new += ["beside."] if small.beside is None else []
    fresh = {name: value for name, value in model.state_dict().items() if name.startswith(tuple(new))}
    silent = {name: torch.zeros_like(value) for name, value in fresh.items() if ".outs." in name or ".outer." in name}
    model.load_state_dict(fresh | silent | known)
    return model
