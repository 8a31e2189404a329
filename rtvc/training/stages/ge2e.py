"""Tuned-GE2E's training: three stages, a teacher, and at the end EarSpeech's own centres and widths.

Stage one: GE2E softmax and the teacher. Stage two: a growing margin; then the teacher mends what it overfitted. Stage
three: the hardest 15 % of the utterances carry the loss, at last on features made on the fly, so that EarSpeech learns
too. The others read cached features.
Crops of 1–6 s fill a batch of constant size: the shorter they are, the more speakers are told apart.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from rtvc.earspeech import EarSpeechConfig, EarSpeechFeatureExtractor, EarSpeechModel
from rtvc.errors import TrainingError
from rtvc.evaluation.baseline import MelBandsConfig, MelBandsModel, least_squares
from rtvc.training import folders, loop, speaker_teacher
from rtvc.training.data import noise, speakers, store
from rtvc.training.losses import TunedGE2ELoss
from rtvc.training.models import component, part
from rtvc.training.optim import MuonAndAdamW
from rtvc.tuned_ge2e import TunedGE2EConfig, TunedGE2EModel

HOP = 160
BANDS = 64
Generator = np.random.Generator
FRONT_ENDS = {"earspeech": (EarSpeechModel, EarSpeechConfig), "mel_bands": (MelBandsModel, MelBandsConfig)}
CHUNK = 8 * speaker_teacher.WINDOW_SAMPLES  # samples that share one recording condition and one reference level


# ---------------------------------------------------------------------------------------------- cached features
def frame_starts(streams: list[speakers.Stream]) -> np.ndarray:
    """(streams + 1,) where each stream's frames begin in the feature cache."""
    return np.concatenate([[0], np.cumsum([-(-one.samples // HOP) for one in streams])])


def training_waves(streams: list[speakers.Stream], waves: np.ndarray) -> np.ndarray:
    """The part of the cache before the first development speaker."""
    return waves[: max(one.start + one.samples for one in streams if not one.development)]


def _chunks(stream: speakers.Stream, waves: np.ndarray) -> list[np.ndarray]:
    """A stream in pieces of ``CHUNK`` samples, float32."""
    wave = waves[stream.start : stream.start + stream.samples].astype(np.float32) / store.FULL_SCALE
    return [wave[first : first + CHUNK] for first in range(0, len(wave), CHUNK)]


def front_end(kind: str) -> nn.Module:
    """A new front end: "earspeech", or "mel_bands" for the baseline.

    Raises:
        TrainingError: there is no such front end.
    """
    if kind not in FRONT_ENDS:
        raise TrainingError(f"The key “front” must be one of {', '.join(FRONT_ENDS)}, not {kind}.")
    model, config = FRONT_ENDS[kind]
    return model(config())


_front_end, _noises = functools.cache(front_end), functools.cache(noise.noises)


@dataclass(frozen=True)
class Recorded:
    """A stream as copy number ``copy`` of its features has it: what one process works on."""

    stream: speakers.Stream
    waves: Path
    babble: int  # samples of the waves that other people's speech is drawn from
    kind: str
    copy: int


@torch.inference_mode()
def _features(job: Recorded) -> np.ndarray:
    """(frames, 64) float16 of a stream; but for copy 0 each chunk in a recording condition of its own."""
    front, waves = _front_end(job.kind), np.memmap(job.waves, np.int16, "r")
    chunks = _chunks(job.stream, waves)
    if job.copy:
        random = np.random.default_rng([job.copy, job.stream.start])
        chunks = [noise.augment(one, _noises(), waves[: job.babble], random) for one in chunks]
    made = [front(torch.from_numpy(one)[None]).features[0].numpy() for one in chunks]
    return np.concatenate(made).astype(np.float16)


def cache_features(stem: str, streams: list[speakers.Stream], waves: np.ndarray, kind: str, copy: int) -> Path:
    """Features of every stream, float16, into ``<stem>.<kind><copy>``: copy 0 is clean, each other augmented anew."""
    path = folders.CACHE / f"{stem}.{kind}{copy}"
    if path.exists():
        return path
    front_end(kind)  # an unknown one is refused here
    babble, written = len(training_waves(streams, waves)), path.with_suffix(".new")
    jobs = (Recorded(one, folders.CACHE / f"{stem}{store.WAVES}", babble, kind, copy) for one in streams)
    with open(written, "wb") as file:
        found = store.in_parallel(_features, jobs)
        for features in tqdm(found, desc=f"features, copy {copy}", total=len(streams), unit="stream", mininterval=5):
            file.write(features.tobytes())
    return written.replace(path)


def load_features(
    stem: str, streams: list[speakers.Stream], waves: np.ndarray, kind: str, augmented: int
) -> list[np.ndarray]:
    """Clean and ``augmented`` further copies of all features, each (frames, 64) float16; made where missing."""
    copies = [cache_features(stem, streams, waves, kind, copy) for copy in range(augmented + 1)]
    return [np.memmap(path, np.float16, "r").reshape(-1, BANDS) for path in copies]


# ---------------------------------------------------------------------------------------------- batches
def shares(streams: list[speakers.Stream], config: dict) -> np.ndarray:
    """(streams,) how often each one is drawn: by its seconds, up to ``seconds_that_count``.

    Warped pieces and people of the corpora ``made`` together get ``made_share`` of the draws: drawn by their number,
    they would leave one in eight to people who really spoke, whose recordings alone differ as recordings do.
    """
    seconds = np.array([one.samples for one in streams]) / store.SAMPLING_RATE
    weights = np.minimum(seconds, config["seconds_that_count"])
    made = np.array([one.is_warped or one.corpus in config["made"] for one in streams])
    if made.any() and not made.all():
        for some, share in ((made, config["made_share"]), (~made, 1 - config["made_share"])):
            weights[some] *= share / weights[some].sum()
    return weights / weights.sum()


class Crops:
    """Draws batches: (speakers, utterances) crops of one length, most of them from an augmented copy."""

    def __init__(self, stem: str, streams: list[speakers.Stream], waves: np.ndarray, vectors: np.ndarray, config: dict):
        keep = [number for number, one in enumerate(streams) if not one.development]
        self.streams, self.waves, self.config = [streams[number] for number in keep], waves, config
        self.starts = frame_starts(streams)[keep]
        self.features = load_features(stem, streams, waves, config["front"], config["augmented_copies"])
        self.babble = training_waves(streams, waves)
        self.vectors = vectors.astype(np.float32)
        self.own = np.stack([self._mean(one, 0, one.windows) for one in self.streams])
        self.mean = self.own.mean(0)
        self.shares = shares(self.streams, config)
        self.noises = noise.noises()

    def _mean(self, stream: speakers.Stream, first: int, last: int) -> np.ndarray:
        """(256,) the teacher's mean over a stream's windows ``first`` … ``last``."""
        return self.vectors[stream.first_window + first : stream.first_window + last].mean(0)

    def _places(self, seconds: float, utterances: int, random: Generator) -> tuple[np.ndarray, np.ndarray, int]:
        """Stream numbers (speakers,), first frames (speakers, utterances) within the stream, frames of a crop."""
        frames = int(np.exp(random.uniform(*np.log(self.config["frames"]))))
        speakers = min(np.count_nonzero(self.shares), max(2, round(100 * seconds / frames / utterances)))
        chosen = random.choice(len(self.streams), speakers, replace=False, p=self.shares)
        lengths = np.array([self.streams[one].samples // HOP for one in chosen])
        room = np.maximum(1, lengths - frames)
        return chosen, (random.random((speakers, utterances)) * room[:, None]).astype(int), frames

    def _target(self, number: int, first: int, frames: int) -> np.ndarray:
        """The teacher's vector: half the crop's windows, half the speaker's every window, less the mean of all voices.

        One window of 1.6 s says little; with the speaker's mean the student learns what the teacher only knows of
        minutes.
        """
        stream = self.streams[number]
        one = min(first // speaker_teacher.WINDOW, stream.windows - 1)
        last = min(max(one + 1, round((first + frames) / speaker_teacher.WINDOW)), stream.windows)
        return (self._mean(stream, one, last) + self.own[number]) / 2 - self.mean

    def _batch(self, seconds: float, utterances: int, random: Generator, crop: Callable) -> tuple[Tensor, Tensor]:
        """Crops (speakers, utterances, …) by ``crop(chosen, first, frames, random)``, and their teacher vectors."""
        chosen, firsts, frames = self._places(seconds, utterances, random)
        places = [(one, first) for one, row in zip(chosen, firsts, strict=True) for first in row]
        crops = torch.from_numpy(np.stack([crop(one, first, frames, random) for one, first in places])).float()
        targets = torch.from_numpy(np.stack([self._target(one, first, frames) for one, first in places]))
        return crops.unflatten(0, firsts.shape), targets.unflatten(0, firsts.shape)

    def _is_augmented(self, random: Generator) -> bool:
        return bool(random.random() < self.config["augmented_share"])

    def _cached_crop(self, chosen: int, first: int, frames: int, random: Generator) -> np.ndarray:
        """(frames, 64) float16; a stream shorter than the crop is repeated."""
        length = -(-self.streams[chosen].samples // HOP)
        copy = random.integers(1, len(self.features)) if self._is_augmented(random) else 0
        return self.features[copy][self.starts[chosen] + (first + np.arange(frames)) % length]

    def _fresh_crop(self, chosen: int, first: int, frames: int, random: Generator) -> np.ndarray:
        """(frames · hop,) float32, augmented on the fly; a stream shorter than the crop is repeated."""
        stream = self.streams[chosen]
        places = stream.start + (first * HOP + np.arange(frames * HOP)) % stream.samples
        wave = self.waves[places].astype(np.float32) / store.FULL_SCALE
        return noise.augment(wave, self.noises, self.babble, random) if self._is_augmented(random) else wave

    def cached(self, seconds: float, utterances: int, random: Generator) -> tuple[Tensor, Tensor]:
        """Features (speakers, utterances, frames, 64), ``seconds`` in all, and teacher vectors (…, 256)."""
        return self._batch(seconds, utterances, random, self._cached_crop)

    def fresh(self, seconds: float, utterances: int, random: Generator) -> tuple[Tensor, Tensor]:
        """Waves (speakers, utterances, samples), ``seconds`` in all, and teacher vectors (…, 256)."""
        return self._batch(seconds, utterances, random, self._fresh_crop)


# ---------------------------------------------------------------------------------------------- development figures
def equal_error_rate(embeddings: np.ndarray, speakers: np.ndarray) -> float:
    """Equal error rate of the cosines of all pairs; ``embeddings`` (count, size) of unit length."""
    first, second = np.triu_indices(len(embeddings), 1)
    scores = (embeddings @ embeddings.T)[first, second]
    same = (speakers[first] == speakers[second])[np.argsort(-scores)]
    misses, alarms = 1 - np.cumsum(same) / same.sum(), np.cumsum(~same) / (~same).sum()
    best = np.argmin(np.abs(misses - alarms))
    return float((misses[best] + alarms[best]) / 2)


class Development:
    """Pieces of 3.2 s of the development speakers, at most 15 each, clean and with noise, and the teacher's figures."""

    WINDOWS, MOST, SNR = 2, 15, 5.0

    def __init__(self, streams: list[speakers.Stream], waves: np.ndarray):
        pieces, self.speakers, size = [], [], self.WINDOWS * speaker_teacher.WINDOW_SAMPLES
        for stream in [one for one in streams if one.development]:
            for piece in range(min(self.MOST, stream.windows // self.WINDOWS)):
                begin = stream.start + piece * size
                pieces.append(waves[begin : begin + size].astype(np.float32) / store.FULL_SCALE)
                self.speakers.append(stream.speaker)
        noises = noise.noises("development")
        noisy = [noise.mix(one, noises[n % len(noises)], self.SNR) if noises else one for n, one in enumerate(pieces)]
        self.pairs = [np.stack(pair).astype(np.float32) for pair in zip(pieces, noisy, strict=True)]

    def teacher(self) -> dict[str, float]:
        """Equal error rates of the teacher, clean and noisy."""
        heard = [np.stack([speaker_teacher.teacher_vectors(one).mean(0) for one in pair]) for pair in self.pairs]
        return self.rates(list(zip(self.speakers, heard, strict=True)))

    @staticmethod
    def rates(heard: list[tuple[str, np.ndarray]]) -> dict[str, float]:
        """Equal error rates of (speaker, embeddings clean and noisy (2, size)) of all pieces."""
        speakers = np.array([speaker for speaker, _ in heard])
        unit = np.stack([pair / np.linalg.norm(pair, axis=1, keepdims=True) for _, pair in heard])
        names = ("equal_error_rate", "equal_error_rate_noisy")
        return {name: equal_error_rate(unit[:, kind], speakers) for kind, name in enumerate(names)}


# ---------------------------------------------------------------------------------------------- training
FITTED = 32  # batches that the map to the teacher's space is fitted on
RIDGE = 3e-3  # of the mean square of the embeddings' numbers


class Embedding(nn.Module):
    """EarSpeech and Tuned-GE2E with the heads that they are trained through."""

    def __init__(self, config: dict):
        super().__init__()
        self.earspeech, self.model = (
            front_end(config["front"]),
            TunedGE2EModel(TunedGE2EConfig(**(config["model"] or {}))),
        )
        self.heads = nn.ModuleDict(
            {
                "loss": TunedGE2ELoss(margins=tuple(config["margins"])),
                "to_teacher": nn.Linear(self.model.config.speaker_size, 256, bias=False),
            }
        )
        self.teacher_weight = config["teacher_weight"]
        if config["init"]:
            self.earspeech = component(type(self.earspeech), part(config["init"], "earspeech"))
            self.model = component(TunedGE2EModel, part(config["init"], "tuned_ge2e"))
        self.model.train()

    @torch.no_grad()
    def hold_map(self, heard: Tensor, wanted: Tensor) -> None:
        """Fit the map to the teacher's space by least squares, for good: what a trained encoder's numbers mean stays.

        So SayEN and RTVC-7, which learned to read them, go on understanding them, or a new encoder's in their place.

        Args:
            heard, wanted: (crops, 256) the trained encoder's vectors and the teacher's.
        """
        matrix = least_squares(heard.double().numpy(), wanted.double().numpy(), RIDGE)
        self.heads["to_teacher"].requires_grad_(False).weight.copy_(torch.from_numpy(matrix.T))

    def forward(self, batch: tuple[Tensor, Tensor], phase: dict, progress: float) -> dict[str, Tensor]:
        """Losses of crops (speakers, utterances, …) and the teacher's vectors (speakers, utterances, 256)."""
        inputs, targets = batch
        features, loss = inputs.flatten(0, 1), self.heads["loss"]
        if phase["train_earspeech"]:
            features = self.earspeech(features).features
        embeddings = self.model(features).speaker_embedding.unflatten(0, targets.shape[:2])
        if phase["hold_margin"]:
            loss.hold_margin(progress)
        with torch.autocast(inputs.device.type, enabled=False):
            ge2e = loss(embeddings, phase["margin"], phase["share"])
            # Mostly noisy crops: were the teacher's word on them one of all, mining would cost in noise what it gains.
            carrying = loss.hardest(loss.similarities(embeddings), phase["share"])
            distance = 1 - functional.cosine_similarity(self.heads["to_teacher"](embeddings), targets, -1)
            distance = distance[carrying].mean()
        total = phase["ge2e_weight"] * ge2e + self.teacher_weight * distance
        bounds = {"scale": loss.scale.detach(), "margin": loss.margin.detach()}
        return {"total": total, "ge2e": ge2e, "teacher": distance} | bounds


class GE2E(loop.Stage):
    """Several phases (see ``configs/ge2e.yaml``); ``runs/<name>/stage1`` … hold what each of them left."""

    clip = 3.0

    def __init__(self, config: dict):
        super().__init__(config)
        stem, streams, waves, vectors = speakers.load(
            *(config[key] for key in ("corpora", "shifted", "warped", "made"))
        )
        self.crops = Crops(stem, streams, waves, vectors, config)
        self.development = Development(streams, waves)
        self.examined = len(self.development.pairs)
        self.objective = self.kept = kept = Embedding(config)
        self.decay = config["average"]
        self.known, meaning = [], config["meaning"] or config["init"]
        if meaning:
            random, seconds = np.random.default_rng(config["seed"]), self.phases[0]["seconds"]
            self.known = [self.crops.cached(seconds, 3, random) for _ in range(FITTED)]
            encoder = component(TunedGE2EModel, part(meaning, "tuned_ge2e")).eval()
            size, other = kept.model.config.speaker_size, encoder.config.speaker_size
            if size != other:
                raise TrainingError(f"The vectors in “{meaning}” have {other} numbers, not {size}: model.speaker_size.")
            self.lay = self._heard(encoder)
            kept.hold_map(self.lay, torch.cat([targets.flatten(0, 1) for _, targets in self.known]))
        matrices = [one for one in kept.model.parameters() if one.ndim > 1]
        others = [one for one in kept.model.parameters() if one.ndim < 2]
        others += [one for one in kept.heads.parameters() if one.requires_grad]
        groups = [{"params": others}, {"params": list(kept.earspeech.parameters()), "weight_decay": 0.0}]
        self.optimizer = MuonAndAdamW(matrices, groups, 0.0, config["weight_decay"])

    @property
    def phases(self) -> list[dict]:
        return self.config["stages"]

    def draw(self, random: np.random.Generator, phase: int) -> tuple[Tensor, Tensor]:
        stage = self.phases[phase]
        draw = self.crops.fresh if stage["train_earspeech"] else self.crops.cached
        return draw(stage["seconds"], stage["utterances"], random)

    def losses(self, batch: tuple[Tensor, Tensor], clock: loop.Clock) -> dict[str, Tensor]:
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
        self.kept.heads["loss"].keep_in_bounds()

    @torch.inference_mode()
    def examine(self, kept: Embedding, number: int) -> tuple[str, np.ndarray]:
        """A development speaker and the embeddings of a piece of theirs, clean and noisy (2, size)."""
        waves = torch.from_numpy(self.development.pairs[number]).to(kept.model.device)
        kept.model.eval()
        embeddings = kept.model(kept.earspeech(waves).features).speaker_embedding.cpu().numpy()
        kept.model.train()
        return self.development.speakers[number], embeddings

    def summary(self, found: list[tuple[str, np.ndarray]]) -> dict[str, float]:
        return self.development.rates(found) if found else {}

    def save(self, kept: Embedding, folder: Path) -> None:
        """``earspeech`` and ``tuned_ge2e``, each a ``from_pretrained`` folder."""
        kept.earspeech.save_pretrained(folder / "earspeech")
        EarSpeechFeatureExtractor().save_pretrained(folder / "earspeech")
        (self._turned(kept.model) if self.known else kept.model).save_pretrained(folder / "tuned_ge2e")

    @torch.no_grad()
    def _heard(self, model: TunedGE2EModel) -> Tensor:
        """(crops, 256) the vectors of the crops by which ``meaning`` is remembered."""
        return torch.cat([model(inputs.flatten(0, 1)).speaker_embedding for inputs, _ in self.known])

    @torch.no_grad()
    def _turned(self, model: TunedGE2EModel) -> TunedGE2EModel:
        """The encoder, turned so that its vectors lie where those of ``meaning`` lay: their cosines stay what they are.

        The nearest rotation is orthogonal Procrustes' (P. Schönemann 1966).
        """
        turned = copy.deepcopy(model).cpu().eval()
        left, _, right = torch.linalg.svd(self._heard(turned).T @ self.lay)
        for one in (turned.output.weight, turned.output.bias):
            one.copy_((left @ right).T @ one)
        return turned
