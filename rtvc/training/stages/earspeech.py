"""Stage ``earspeech``: the band centres and widths, through a small recogniser of phonemes, frame by frame.

Two recognisers of one size learn beside each other on the same clean and noisy crops: one hears bands that learn too,
the other the formula's. What learning gains is the difference of their frame error rates on development speakers.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from rtvc.earspeech import EarSpeechConfig, EarSpeechFeatureExtractor, EarSpeechModel
from rtvc.training import loop
from rtvc.training.data import store
from rtvc.training.data.alignment import CLASS_OF, IGNORED, FrameClassifier
from rtvc.training.data.measurements import FRAME_RATE
from rtvc.training.data.noisy_speech import NoisySpeech
from rtvc.training.data.speech import Item, SpeechCorpora, held_out
from rtvc.training.models import component
from rtvc.training.optim import rate_by

EAR_HOP = EarSpeechConfig().hop_length
FRONT_ENDS = ("learned", "formula")


def frame_labels(item: Item, first: int, frames: int) -> np.ndarray:
    """Phoneme class of each EarSpeech frame (frames,) from frame ``first`` on, by the alignment; ignored past its end.

    The alignment has 80 frames a second, EarSpeech 100.
    """
    assert item.symbols is not None  # of aligned speech
    assert item.durations is not None
    classes = np.repeat([CLASS_OF[symbol] for symbol in item.symbols], item.durations)
    centres = (first + np.arange(frames) + 0.5) * EAR_HOP / store.SAMPLING_RATE
    places = (centres * FRAME_RATE).astype(int)
    return np.where(places < len(classes), classes[places.clip(max=len(classes) - 1)], IGNORED)


class PhonemeRecognition(nn.Module):
    """Both front ends, each with its recogniser; the recognisers start alike."""

    def __init__(self, learned: EarSpeechModel, size: int, layers: int):
        super().__init__()
        formula = EarSpeechModel(EarSpeechConfig()).requires_grad_(False)
        self.fronts = nn.ModuleDict({"learned": learned, "formula": formula})
        recogniser = FrameClassifier(learned.config.bands, size, layers)
        self.recognisers = nn.ModuleDict({kind: copy.deepcopy(recogniser) for kind in FRONT_ENDS})

    @property
    def learned(self) -> EarSpeechModel:
        """The front end that learns."""
        return cast(EarSpeechModel, self.fronts["learned"])

    def forward(self, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        """Cross-entropies of waves (rows, samples) with labels (rows, frames), and the share of frames mistaken."""
        waves, labels = batch
        found: dict[str, Tensor] = {}
        for kind in FRONT_ENDS:
            logits = self.recognisers[kind](4 * self.fronts[kind](waves).features - 1).float()
            found[kind] = functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED)
            known = labels != IGNORED
            found[f"{kind}_errors"] = (logits.detach().argmax(-1) != labels)[known].float().mean()
        return found | {"total": found["learned"] + found["formula"]}


class EarSpeechStage(loop.Stage[PhonemeRecognition]):
    """EarSpeech is exported; the recognisers are scaffolding."""

    clip = 5.0
    EVALUATION_BATCHES = 8  # every second one is noisy

    def __init__(self, config: dict):
        super().__init__(config)
        learned = component(EarSpeechModel, config["init"]) if config["init"] else EarSpeechModel(EarSpeechConfig())
        self.objective = self.kept = PhonemeRecognition(learned, config["recogniser_size"], config["recogniser_layers"])
        self.speech, self.held_out = SpeechCorpora(config["corpora"]), held_out(config["corpora"])
        kinds = ("train", "development")
        self.noisy_speech = [NoisySpeech(config["corpora"], config["seconds"], config["snr"], kind) for kind in kinds]
        self.evaluation_parts = self.EVALUATION_BATCHES if self.held_out else 0
        self.optimizer = torch.optim.AdamW(
            [
                {"params": learned.parameters(), "weight_decay": 0.0},
                {"params": self.kept.recognisers.parameters(), "weight_decay": 0.01},
            ]
        )

    def draw(self, random: np.random.Generator, phase: int) -> tuple[Tensor, Tensor]:
        return self._drawn(self.speech, self.noisy_speech[0], self.config["noisy"], random)

    def _drawn(
        self, speech: SpeechCorpora, noisy_speech: NoisySpeech, noisy: float, random: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Waves (rows, samples), a share of them ``noisy``, and labels (rows, frames)."""
        frames, waves, labels = round(self.config["seconds"] * store.SAMPLING_RATE) // EAR_HOP, [], []
        for index in random.choice(len(speech.items), self.config["batch_size"], p=speech.chances):
            item = speech.items[index]
            whole = speech.wave(item)
            first = int(random.integers(max(1, len(whole) // EAR_HOP - frames + 1)))
            crop = whole[first * EAR_HOP : (first + frames) * EAR_HOP]
            crop = np.pad(crop, (0, frames * EAR_HOP - len(crop)))
            waves.append(noisy_speech.disturb(crop, random)[0] if random.random() < noisy else crop)
            labels.append(frame_labels(item, first, frames))
        return torch.from_numpy(np.stack(waves)).float(), torch.from_numpy(np.stack(labels))

    def rates(self, clock: loop.Clock) -> list[float]:
        factor = rate_by(clock.progress())
        return [factor * self.config["earspeech_lr"], factor * self.config["learning_rate"]]

    @torch.no_grad()
    def evaluate_part(self, kept: PhonemeRecognition, number: int) -> dict[str, float]:
        """Frame error rates on development speakers, clean or noisy."""
        assert self.held_out is not None  # or the evaluation has no parts
        batch = self._drawn(self.held_out, self.noisy_speech[1], float(number % 2), np.random.default_rng(number))
        kept.recognisers.eval()
        found = kept(tuple(part.to(kept.learned.device) for part in batch))
        kept.recognisers.train()
        where = "noisy" if number % 2 else "clean"
        return {f"{kind}_errors_{where}": found[f"{kind}_errors"].item() for kind in FRONT_ENDS}

    def summary(self, found: list[dict[str, float]]) -> dict[str, float]:
        """Means over the batches in which a figure stands, and what learning gained, in percent points."""
        names = sorted({name for figures in found for name in figures})
        means = {name: float(np.mean([figures[name] for figures in found if name in figures])) for name in names}
        gains = {
            f"gain_{where}": 100 * (means[f"formula_errors_{where}"] - means[f"learned_errors_{where}"])
            for where in ("clean", "noisy")
            if f"formula_errors_{where}" in means
        }
        return means | gains

    def save(self, kept: PhonemeRecognition, folder: Path) -> None:
        kept.learned.save_pretrained(folder)
        EarSpeechFeatureExtractor().save_pretrained(folder)
