"""Tuned-GE2E's training: three stages, a teacher, and at the end EarSpeech's own centres and widths.

Stage one: GE2E softmax and the teacher. Stage two: a growing margin. Stage three: the hardest 15 % of the utterances
carry the loss, on features made on the fly, so that EarSpeech learns too; before it the teacher mends what the margin
overfitted. The others read cached features.
Crops of 1–6 s fill a batch of constant size: the shorter they are, the more speakers are told apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from rtvc.earspeech import EarSpeechConfig, EarSpeechFeatureExtractor, EarSpeechModel
from rtvc.training import augment, data, loop, voices
from rtvc.training.baseline import MelBandsConfig, MelBandsModel
from rtvc.tuned_ge2e import TunedGE2EConfig, TunedGE2ELoss, TunedGE2EModel

HOP = 160
BANDS = 64
FRONT_ENDS = {"earspeech": (EarSpeechModel, EarSpeechConfig), "mel_bands": (MelBandsModel, MelBandsConfig)}
CHUNK = 8 * voices.WINDOW_SAMPLES  # samples that share one recording condition and one reference level


# ---------------------------------------------------------------------------------------------- cached features
def frame_starts(streams: list[voices.Stream]) -> np.ndarray:
    """(streams + 1,) where each stream's frames begin in the feature cache."""
    return np.concatenate([[0], np.cumsum([-(-one.samples // HOP) for one in streams])])


def training_waves(streams: list[voices.Stream], waves: np.ndarray) -> np.ndarray:
    """The part of the cache before the first development speaker."""
    return waves[: max(one.start + one.samples for one in streams if not one.development)]


def _chunks(stream: voices.Stream, waves: np.ndarray) -> list[np.ndarray]:
    """A stream in pieces of ``CHUNK`` samples, float32."""
    wave = waves[stream.start : stream.start + stream.samples].astype(np.float32) / data.FULL_SCALE
    return [wave[first : first + CHUNK] for first in range(0, len(wave), CHUNK)]


@torch.inference_mode()
def _features(front: nn.Module, chunks: list[np.ndarray]) -> np.ndarray:
    made = [front(torch.from_numpy(one)[None]).features[0].numpy() for one in chunks]
    return np.concatenate(made).astype(np.float16)


def front_end(kind: str) -> nn.Module:
    """A new front end: "earspeech", or "mel_bands" for the baseline."""
    model, config = FRONT_ENDS[kind]
    return model(config())


def cache_features(streams: list[voices.Stream], waves: np.ndarray, kind: str, copy: int) -> Path:
    """Features of every stream, float16, into ``ge2e.<kind><copy>``: copy 0 is clean, each other augmented anew."""
    path = data.CACHE / f"ge2e.{kind}{copy}"
    if path.exists():
        return path
    front, noises, random = front_end(kind), data.noises(), np.random.default_rng(copy)
    babble, written = training_waves(streams, waves), path.with_suffix(".new")
    with open(written, "wb") as file:
        for number, stream in enumerate(streams):
            chunks = _chunks(stream, waves)
            if copy:
                chunks = [augment.augment(one, noises, babble, random) for one in chunks]
            file.write(_features(front, chunks).tobytes())
            if number % 500 == 0:
                print(f"features, copy {copy}: {number} of {len(streams)} streams", flush=True)
    return written.replace(path)


def load_features(streams: list[voices.Stream], waves: np.ndarray, kind: str, augmented: int) -> list[np.ndarray]:
    """Clean and ``augmented`` further copies of all features, each (frames, 64) float16; made where missing."""
    copies = [cache_features(streams, waves, kind, copy) for copy in range(augmented + 1)]
    return [np.fromfile(path, np.float16).reshape(-1, BANDS) for path in copies]


# ---------------------------------------------------------------------------------------------- batches
class Crops:
    """Draws batches: (speakers, utterances) crops of one length, most of them from an augmented copy."""

    def __init__(self, streams: list[voices.Stream], waves: np.ndarray, vectors: np.ndarray, config: dict):
        keep = [number for number, one in enumerate(streams) if not one.development]
        self.streams, self.waves, self.config = [streams[number] for number in keep], waves, config
        self.starts = frame_starts(streams)[keep]
        self.features = load_features(streams, waves, config["front"], config["augmented_copies"])
        self.babble = training_waves(streams, waves)
        self.vectors = vectors.astype(np.float32)
        self.own = np.stack([self._mean(one, 0, one.windows) for one in self.streams])
        self.mean = self.own.mean(0)
        seconds = np.array([one.samples for one in self.streams]) / data.SAMPLING_RATE
        weights = np.minimum(seconds, config["seconds_that_count"])
        self.shares = weights / weights.sum()
        self.random = np.random.default_rng(config["seed"])
        self.noises = data.noises()

    def _mean(self, stream: voices.Stream, first: int, last: int) -> np.ndarray:
        """(256,) the teacher's mean over a stream's windows ``first`` … ``last``."""
        return self.vectors[stream.first_window + first : stream.first_window + last].mean(0)

    def _places(self, seconds: float, utterances: int) -> tuple[np.ndarray, np.ndarray, int]:
        """Stream numbers (speakers,), first frames (speakers, utterances) within the stream, frames of a crop."""
        frames = int(np.exp(self.random.uniform(*np.log(self.config["frames"]))))
        speakers = min(len(self.streams), max(2, round(100 * seconds / frames / utterances)))
        chosen = self.random.choice(len(self.streams), speakers, replace=False, p=self.shares)
        lengths = np.array([self.streams[one].samples // HOP for one in chosen])
        room = np.maximum(1, lengths - frames)
        return chosen, (self.random.random((speakers, utterances)) * room[:, None]).astype(int), frames

    def _target(self, number: int, first: int, frames: int) -> np.ndarray:
        """The teacher's vector: half the crop's windows, half the speaker's every window, less the mean of all voices.

        One window of 1.6 s says little; with the speaker's mean the student learns what the teacher only knows of
        minutes.
        """
        stream = self.streams[number]
        one = min(first // voices.WINDOW, stream.windows - 1)
        last = min(max(one + 1, round((first + frames) / voices.WINDOW)), stream.windows)
        return (self._mean(stream, one, last) + self.own[number]) / 2 - self.mean

    def _batch(self, seconds: float, utterances: int, crop: Callable) -> tuple[Tensor, Tensor]:
        """Crops (speakers, utterances, …) by ``crop(chosen, first, frames)``, and their teacher vectors (…, 256)."""
        chosen, firsts, frames = self._places(seconds, utterances)
        places = [(one, first) for one, row in zip(chosen, firsts, strict=True) for first in row]
        crops = torch.from_numpy(np.stack([crop(one, first, frames) for one, first in places])).float()
        targets = torch.from_numpy(np.stack([self._target(one, first, frames) for one, first in places]))
        return crops.unflatten(0, firsts.shape), targets.unflatten(0, firsts.shape)

    def _is_augmented(self) -> bool:
        return bool(self.random.random() < self.config["augmented_share"])

    def _cached_crop(self, chosen: int, first: int, frames: int) -> np.ndarray:
        """(frames, 64) float16; a stream shorter than the crop is repeated."""
        length = -(-self.streams[chosen].samples // HOP)
        copy = self.random.integers(1, len(self.features)) if self._is_augmented() else 0
        return self.features[copy][self.starts[chosen] + (first + np.arange(frames)) % length]

    def _fresh_crop(self, chosen: int, first: int, frames: int) -> np.ndarray:
        """(frames · hop,) float32, augmented on the fly; a stream shorter than the crop is repeated."""
        stream = self.streams[chosen]
        places = stream.start + (first * HOP + np.arange(frames * HOP)) % stream.samples
        wave = self.waves[places].astype(np.float32) / data.FULL_SCALE
        return augment.augment(wave, self.noises, self.babble, self.random) if self._is_augmented() else wave

    def cached(self, seconds: float, utterances: int) -> tuple[Tensor, Tensor]:
        """Features (speakers, utterances, frames, 64), ``seconds`` in all, and teacher vectors (…, 256)."""
        return self._batch(seconds, utterances, self._cached_crop)

    def fresh(self, seconds: float, utterances: int) -> tuple[Tensor, Tensor]:
        """Waves (speakers, utterances, samples), ``seconds`` in all, and teacher vectors (…, 256)."""
        return self._batch(seconds, utterances, self._fresh_crop)


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

    def __init__(self, streams: list[voices.Stream], waves: np.ndarray):
        pieces, speakers, size = [], [], self.WINDOWS * voices.WINDOW_SAMPLES
        for stream in [one for one in streams if one.development]:
            for piece in range(min(self.MOST, stream.windows // self.WINDOWS)):
                begin = stream.start + piece * size
                pieces.append(waves[begin : begin + size].astype(np.float32) / data.FULL_SCALE)
                speakers.append(stream.speaker)
        noises = data.noises("development")
        noisy = [augment.mix(one, noises[n % len(noises)], self.SNR) for n, one in enumerate(pieces)]
        self.speakers, self.pools = np.array(speakers), [np.stack(pieces), np.stack(noisy).astype(np.float32)]

    def teacher(self) -> list[float]:
        """Equal error rates of the teacher, clean and noisy."""
        return self._rates(lambda waves: np.stack([voices.teacher_vectors(one).mean(0) for one in waves]))

    @torch.inference_mode()
    def __call__(self, earspeech: EarSpeechModel, model: TunedGE2EModel) -> list[float]:
        """Equal error rates of the model, clean and noisy."""

        def embed(waves: np.ndarray) -> np.ndarray:
            parts = torch.from_numpy(waves).split(32)
            return torch.cat([model(earspeech(some).features).speaker_embedding for some in parts]).numpy()

        model.eval()
        rates = self._rates(embed)
        model.train()
        return rates

    def _rates(self, embed: Callable[[np.ndarray], np.ndarray]) -> list[float]:
        vectors = [embed(pool) for pool in self.pools]
        unit = [some / np.linalg.norm(some, axis=1, keepdims=True) for some in vectors]
        return [equal_error_rate(some, self.speakers) for some in unit]


# ---------------------------------------------------------------------------------------------- training
class Clock:
    """Where the training stands: the stage, its steps so far and its seconds so far (for stages bounded by minutes)."""

    def __init__(self, stages: list[dict]):
        self.stages, self.stage, self.step, self.seconds, self.at = stages, 0, 0, 0.0, time.monotonic()

    def state_dict(self) -> dict:
        return {"stage": self.stage, "step": self.step, "seconds": self.seconds}

    def load_state_dict(self, state: dict) -> None:
        self.stage, self.step, self.seconds = state["stage"], state["step"], state["seconds"]

    def progress(self) -> float:
        """0…1 through the present stage."""
        stage = self.stages[self.stage]
        minutes = stage.get("minutes")
        return min(1.0, max(self.step / stage["steps"], self.seconds / 60 / minutes if minutes else 0.0))

    def tick(self) -> bool:
        """Count a step; true where it was the stage's last."""
        now = time.monotonic()
        self.step, self.seconds, self.at = self.step + 1, self.seconds + now - self.at, now
        return self.progress() >= 1

    def next_stage(self) -> None:
        self.stage, self.step, self.seconds, self.at = self.stage + 1, 0, 0.0, time.monotonic()

    @property
    def finished(self) -> bool:
        return self.stage >= len(self.stages)


class Trainer:
    """Everything that learns, and one step of it."""

    def __init__(self, config: dict):
        torch.manual_seed(config["seed"])
        self.config = config
        self.earspeech, self.model = front_end(config["front"]), TunedGE2EModel(TunedGE2EConfig())
        self.model.train()
        self.loss = TunedGE2ELoss(margins=tuple(config["margins"]))
        self.to_teacher = nn.Linear(self.model.config.speaker_size, 256, bias=False)
        heads = [*self.loss.parameters(), *self.to_teacher.parameters()]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": [*self.model.parameters(), *heads]},
                {"params": self.earspeech.parameters(), "weight_decay": 0.0},
            ],
            weight_decay=config["weight_decay"],
        )
        self.clock = Clock(config["stages"])
        if config["init"]:
            state = torch.load(config["init"], weights_only=True)
            for name in ("earspeech", "model", "loss", "to_teacher"):
                getattr(self, name).load_state_dict(state[name])

    def parts(self) -> dict:
        names = ("earspeech", "model", "loss", "to_teacher", "optimizer", "clock")
        return {name: getattr(self, name) for name in names}

    def set_rates(self, stage: dict, progress: float) -> None:
        """Linear from a stage's first to its last rate; the very first steps warm up."""
        first, last = stage["learning_rate"]
        rate = first + (last - first) * progress
        if self.clock.stage == 0:
            rate *= min(1.0, (self.clock.step + 1) / self.config["warm_up"])
        self.optimizer.param_groups[0]["lr"] = rate
        self.optimizer.param_groups[1]["lr"] = stage.get("earspeech_rate", 0.0)

    def step(self, crops: Crops) -> dict[str, Tensor]:
        """One step of the present stage; its losses."""
        stage, progress = self.config["stages"][self.clock.stage], self.clock.progress()
        self.set_rates(stage, progress)
        draw = crops.fresh if stage["train_earspeech"] else crops.cached
        inputs, targets = draw(stage["seconds"], stage["utterances"])
        features = inputs.flatten(0, 1)
        if stage["train_earspeech"]:
            features = self.earspeech(features).features
        with torch.autocast("cpu", torch.bfloat16):
            embeddings = self.model(features).speaker_embedding.unflatten(0, targets.shape[:2])
        if stage["hold_margin"]:
            self.loss.hold_margin(progress)
        ge2e = self.loss(embeddings, stage["margin"], stage["share"])
        distance = 1 - functional.cosine_similarity(self.to_teacher(embeddings), targets, -1).mean()
        self.optimizer.zero_grad(set_to_none=True)
        (stage["ge2e_weight"] * ge2e + self.config["teacher_weight"] * distance).backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 3.0)
        self.optimizer.step()
        self.loss.keep_in_bounds()
        return {"ge2e": ge2e.detach(), "teacher": distance.detach()}

    def save(self, folder: Path) -> None:
        """``earspeech`` and ``tuned_ge2e``, each a ``from_pretrained`` folder."""
        self.earspeech.save_pretrained(folder / "earspeech")
        EarSpeechFeatureExtractor().save_pretrained(folder / "earspeech")
        self.model.save_pretrained(folder / "tuned_ge2e")


def _shown(rates: list[float]) -> str:
    return f"{100 * rates[0]:.2f} %, with noise {100 * rates[1]:.2f} %"


def train(config: dict) -> None:
    """Run the stages of ``config`` (see ``configs/ge2e.yaml``); resumes from ``runs/<name>/checkpoint.pt``."""
    torch.set_num_threads(config["threads"])
    folder = loop.RUNS / config["name"]
    streams, waves, vectors = voices.load()
    trainer, crops = Trainer(config), Crops(streams, waves, vectors, config)
    development = Development(streams, waves)
    print(f"ge2e: {len(crops.streams)} voices; teacher's development EER {_shown(development.teacher())}", flush=True)
    checkpoint = loop.Checkpoint(folder, trainer.parts())
    step, means, clock = checkpoint.resume(), loop.Means("ge2e", 25), trainer.clock
    clock.at = time.monotonic()
    while not clock.finished:
        ended = False
        means.add(step, **trainer.step(crops), scale=trainer.loss.scale, margin=trainer.loss.margin)
        step, ended = step + 1, clock.tick()
        if step % config["evaluate_every"] == 0 or ended:
            rates = development(trainer.earspeech, trainer.model)
            print(f"ge2e: stage {clock.stage + 1} step {step} development EER {_shown(rates)}", flush=True)
        if ended:
            trainer.save(folder / f"stage{clock.stage + 1}")
            clock.next_stage()
            checkpoint.save(step)
            trainer.save(folder / "model")
        checkpoint.save_if_due(step)
