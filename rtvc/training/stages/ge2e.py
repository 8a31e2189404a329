"""Stage ``ge2e``: Tuned-GE2E in several phases, with a speaker teacher, and at the end EarSpeech's centres and widths.

First GE2E softmax and the speaker teacher; then a growing margin; then the teacher mends what that overfitted; at last
the hardest 15 % of the utterances carry the loss, in the very last phase on features computed on the fly, so that
EarSpeech learns too. The other phases read cached features.
Crops of 1–6 s fill a batch of constant size: the shorter they are, the more speakers are told apart.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from rtvc.earspeech import EarSpeechFeatureExtractor
from rtvc.errors import TrainingError
from rtvc.evaluation.baseline import least_squares
from rtvc.evaluation.statistics import Trials
from rtvc.evaluation.verification import Pairs
from rtvc.training import loop
from rtvc.training.data import noise, people, speakers, store
from rtvc.training.data.corpora import Corpora
from rtvc.training.data.speaker_batches import Drawn, SpeakerBatches, begun_with, heard_through
from rtvc.training.losses import TunedGE2ELoss
from rtvc.training.machine import gathered
from rtvc.training.models import component, part
from rtvc.training.optim import muon
from rtvc.tuned_ge2e import TunedGE2EConfig, TunedGE2EModel


# ---------------------------------------------------------------------------------------------- development figures
class Development:
    """Pieces of 1.5, 3 and 5 s of the development speakers, a few each from all over what there is of them, clean and
    with noise."""

    MOST_PIECES, NOISE_DB = {1.5: 6, 3.0: 6, 5.0: 4}, 5.0  # a speaker, by seconds

    def __init__(self, streams: list[speakers.Stream], waves: np.ndarray, noises: tuple[str, ...] = ()):
        self.waves, self.noises = waves, noise.noises("development", noises)
        self.pieces: list[tuple[float, str]] = []  # seconds and speaker
        self.places: list[slice] = []
        for stream in [stream for stream in streams if stream.development]:
            for seconds, most in self.MOST_PIECES.items():
                size = int(seconds * store.SAMPLING_RATE)
                count = min(most, stream.samples // size)
                begins = np.linspace(0, max(0, stream.samples - size), count).astype(int) + stream.start
                self.places += [slice(begin, begin + size) for begin in begins]
                self.pieces += [(seconds, stream.speaker)] * count

    def pair(self, number: int) -> np.ndarray:
        """A piece clean and with noise, where there are any, (2, samples) float32."""
        noisy = clean = self.waves[self.places[number]].astype(np.float32) / store.FULL_SCALE
        if self.noises:
            noisy = noise.mix(clean, self.noises[number % len(self.noises)], self.NOISE_DB)
        return np.stack([clean, noisy]).astype(np.float32)

    @classmethod
    def rates(cls, found: list[tuple[float, str, np.ndarray]]) -> dict[str, float]:
        """Equal error rates of (seconds, speaker, embeddings clean and noisy (2, size)) of all pieces, each length by
        itself. Two runs of one corpus may be one person's: no pair of them counts."""
        figures = {}
        for seconds in cls.MOST_PIECES:
            some = [(speaker, pair) for length, speaker, pair in found if length == seconds]
            if not some:
                continue
            pairs, vectors = Pairs([speaker for speaker, _ in some]), np.stack([pair for _, pair in some])
            are_runs = np.array([people.is_run(speaker) for speaker, _ in some])
            certain = pairs.same | ~(are_runs[pairs.first] & are_runs[pairs.second])
            for kind, name in enumerate(("", "_noisy")):
                trials = Trials(pairs.cosines(vectors[:, kind])[certain], pairs.same[certain])
                figures[f"equal_error_rate_{seconds:g}_s{name}"] = trials.equal_error_rate()[0]
        return figures


# ---------------------------------------------------------------------------------------------- training
MAP_BATCHES = 32  # that the map to the speaker teacher's space is fitted on
MAP_RIDGE = 3e-3  # of the mean square of the embeddings' numbers


class SpeakerEncoding(nn.Module):
    """EarSpeech and Tuned-GE2E with the heads that they are trained through."""

    def __init__(self, config: dict):
        super().__init__()
        self.earspeech = begun_with(*heard_through(config))
        self.model = TunedGE2EModel(TunedGE2EConfig(**(config["model"] or {})))
        self.heads = nn.ModuleDict(
            {
                "loss": TunedGE2ELoss(margins=tuple(config["margins"])),
                "to_teacher": nn.Linear(self.model.config.speaker_size, 256, bias=False),
            }
        )
        self.teacher_weight = config["teacher_weight"]
        if config["init"]:
            self.model = component(TunedGE2EModel, part(config["init"], "tuned_ge2e"))
        self.model.train()

    @property
    def loss(self) -> TunedGE2ELoss:
        """The loss, with its learned scale and margin."""
        return cast(TunedGE2ELoss, self.heads["loss"])

    @property
    def to_teacher(self) -> nn.Linear:
        """The map to the speaker teacher's space."""
        return cast(nn.Linear, self.heads["to_teacher"])

    @torch.no_grad()
    def hold_map(self, embeddings: Tensor, targets: Tensor) -> None:
        """Fit the map to the teacher's space by least squares, for good: what a trained encoder's numbers mean stays.

        So SayEN and RTVC-7, which learned to read them, go on understanding them, or a new encoder's in their place.

        Args:
            embeddings, targets: (crops, 256) the trained encoder's vectors and the teacher's.
        """
        matrix = least_squares(embeddings.double().numpy(), targets.double().numpy(), MAP_RIDGE)
        self.to_teacher.requires_grad_(False).weight.copy_(torch.from_numpy(matrix.T))

    def forward(self, batch: Drawn, phase: dict, progress: float) -> dict[str, Tensor]:
        """Losses of crops (speakers, utterances, …), with the teacher's vectors (speakers, utterances, 256) and the
        speakers' numbers (speakers,). Of several processes all have the losses of all their crops together: the more
        people there are to be taken for, the more is learned from each."""
        inputs, targets, who = batch
        features, loss = inputs.flatten(0, 1), self.loss
        if phase["train_earspeech"]:
            features = self.earspeech(features).features
        embeddings = self.model(features).speaker_embedding.unflatten(0, targets.shape[:2])
        if phase["hold_margin"]:
            loss.hold_margin(progress)
        with torch.autocast(inputs.device.type, enabled=False):
            embeddings, targets, who = (gathered(rows) for rows in (embeddings.float(), targets, who))
            cosines = loss.similarities(embeddings, who)
            carrying = loss.hardest(cosines, phase["share"])
            ge2e = loss.utterance_losses(cosines, phase["margin"])[carrying].mean()
            # Mostly noisy crops: were the teacher's word on them one of all, mining would cost in noise what it gains.
            distance = 1 - functional.cosine_similarity(self.to_teacher(embeddings), targets, -1)
            distance = distance[carrying].mean()
        total = phase["ge2e_weight"] * ge2e + self.teacher_weight * distance
        bounds = {"scale": loss.scale.detach(), "margin": loss.margin.detach()}
        return {"total": total, "ge2e": ge2e, "teacher": distance} | bounds


class GE2EStage(loop.Stage[SpeakerEncoding]):
    """Several phases (see ``configs/ge2e.yaml``); ``runs/<name>/phase1`` … hold what each of them left."""

    clip = 3.0

    def __init__(self, config: dict):
        super().__init__(config)
        stem, streams, waves, vectors = speakers.load(
            *(config[key] for key in ("corpora", "shifted", "warped", "made"))
        )
        self.crops = SpeakerBatches(stem, streams, waves, vectors, config)
        self.development = Development(streams, waves, Corpora(config["corpora"]).recorded_noises())
        self.evaluation_parts = len(self.development.pieces)
        self.objective = self.kept = kept = SpeakerEncoding(config)
        self.known, meaning = [], config["meaning"] or config["init"]
        if meaning:
            random, seconds = np.random.default_rng(config["seed"]), self.phases[0]["seconds"]
            self.known = [self.crops.cached(seconds, 3, random) for _ in range(MAP_BATCHES)]
            encoder = component(TunedGE2EModel, part(meaning, "tuned_ge2e")).eval()
            size, other = kept.model.config.speaker_size, encoder.config.speaker_size
            if size != other:
                raise TrainingError(f"The vectors in “{meaning}” have {other} numbers, not {size}: model.speaker_size.")
            self.lay = self._heard(encoder)
            kept.hold_map(self.lay, torch.cat([targets.flatten(0, 1) for _, targets, _ in self.known]))
        front = {"params": list(kept.earspeech.parameters()), "weight_decay": 0.0}
        self.optimizer = muon([kept.model, kept.heads], 0.0, config["weight_decay"], [kept.model], [front])

    @property
    def phases(self) -> list[dict]:
        return self.config["phases"]

    def draw(self, random: np.random.Generator, phase: int) -> Drawn:
        settings = self.phases[phase]
        draw = self.crops.fresh if settings["train_earspeech"] else self.crops.cached
        return draw(settings["seconds"], settings["utterances"], random)

    def losses(self, batch: Drawn, clock: loop.Clock) -> dict[str, Tensor]:
        return self.objective(batch, self.phases[clock.phase], clock.progress())

    def rates(self, clock: loop.Clock) -> list[float]:
        """Linear from a phase's first to its last rate; the very first steps warm up."""
        phase = self.phases[clock.phase]
        first, last = phase["learning_rate"]
        rate = first + (last - first) * clock.progress()
        if clock.phase == 0:
            rate *= min(1.0, (clock.step + 1) / max(1, self.config["warm_up"]))
        return [rate, rate, phase.get("earspeech_rate", 0.0)]

    def clipped(self) -> list[nn.Parameter]:
        return list(self.kept.model.parameters())

    def stepped(self) -> None:
        self.kept.loss.keep_in_bounds()

    @torch.inference_mode()
    def evaluate_part(self, kept: SpeakerEncoding, number: int) -> tuple[float, str, np.ndarray]:
        """Seconds of a piece, the development speaker, and its embeddings, clean and noisy (2, size)."""
        waves = torch.from_numpy(self.development.pair(number)).to(kept.model.device)
        kept.model.eval()
        embeddings = kept.model(kept.earspeech(waves).features).speaker_embedding.cpu().numpy()
        kept.model.train()
        return *self.development.pieces[number], embeddings

    def summary(self, found: list[tuple[float, str, np.ndarray]]) -> dict[str, float]:
        return self.development.rates(found) if found else {}

    def save(self, kept: SpeakerEncoding, folder: Path) -> None:
        """``earspeech`` and ``tuned_ge2e``, each a ``from_pretrained`` folder."""
        kept.earspeech.save_pretrained(folder / "earspeech")
        EarSpeechFeatureExtractor().save_pretrained(folder / "earspeech")
        (self._turned(kept.model) if self.known else kept.model).save_pretrained(folder / "tuned_ge2e")

    @torch.no_grad()
    def _heard(self, model: TunedGE2EModel) -> Tensor:
        """(crops, 256) the vectors of the crops by which ``meaning`` is remembered."""
        return torch.cat([model(inputs.flatten(0, 1)).speaker_embedding for inputs, _, _ in self.known])

    @torch.no_grad()
    def _turned(self, model: TunedGE2EModel) -> TunedGE2EModel:
        """The encoder, turned so that its vectors lie where those of ``meaning`` lay: their cosines stay what they are.

        The nearest rotation is orthogonal Procrustes' (P. Schönemann 1966).
        """
        turned = copy.deepcopy(model).cpu().eval()
        left, _, right = torch.linalg.svd(self._heard(turned).T @ self.lay)
        for parameter in (turned.output.weight, turned.output.bias):
            parameter.copy_((left @ right).T @ parameter)
        return turned
