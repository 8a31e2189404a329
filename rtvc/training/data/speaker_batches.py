"""Batches for Tuned-GE2E: crops of many speakers with the speaker teacher's vectors, of cached features or of waves.

The features of all streams are cached, clean and in further copies with other rooms and noises. Crops of a batch are of
one length; the batch is of constant size: the shorter they are, the more speakers are told apart.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm
from transformers import PreTrainedModel

from rtvc.earspeech import EarSpeechConfig
from rtvc.training import folders, speaker_teacher
from rtvc.training.data import noise, people, rooms, speakers, store
from rtvc.training.data.corpora import Corpora
from rtvc.training.models import fingerprint, front_end, new_front_end, part

EAR = EarSpeechConfig()  # the baseline's bands are as many, and its frames as long
Generator = np.random.Generator
AUGMENTATION = 2  # counts up when recording conditions are drawn differently: their features are then made anew
CONDITION_SAMPLES = 8 * speaker_teacher.WINDOW_SAMPLES  # that share one recording condition and one reference level


# ---------------------------------------------------------------------------------------------- cached features
def frame_starts(streams: list[speakers.Stream]) -> np.ndarray:
    """(streams + 1,) where each stream's frames begin in the feature cache."""
    return np.concatenate([[0], np.cumsum([-(-stream.samples // EAR.hop_length) for stream in streams])])


def training_waves(streams: list[speakers.Stream], waves: np.ndarray) -> np.ndarray:
    """The part of the cache before the first development speaker."""
    return waves[: max(stream.start + stream.samples for stream in streams if not stream.development)]


def _chunks(stream: speakers.Stream, waves: np.ndarray) -> list[np.ndarray]:
    """A stream in pieces of ``CONDITION_SAMPLES`` samples, float32."""
    wave = waves[stream.start : stream.start + stream.samples].astype(np.float32) / store.FULL_SCALE
    return [wave[first : first + CONDITION_SAMPLES] for first in range(0, len(wave), CONDITION_SAMPLES)]


Front = tuple[str, str | None]  # kind of a front end, and the folder that it lies in; none: a new one


def heard_through(config: dict) -> Front:
    """The front end that a config of the stage ``ge2e`` begins with."""
    folder = config["earspeech"] or (str(part(config["init"], "earspeech")) if config["init"] else None)
    return config["front"], folder


def begun_with(kind: str, folder: str | None) -> PreTrainedModel:
    """A front end as :func:`heard_through` names it."""
    return front_end(folder) if folder else new_front_end(kind)


_front_end = functools.cache(begun_with)  # of a process that makes features


@functools.cache
def _noises(names: tuple[str, ...]) -> Sequence[np.ndarray]:
    return noise.noises("train", names)


@dataclass(frozen=True)
class Surroundings:
    """Names of the recorded noises and of the measured rooms that crops are augmented with."""

    noises: tuple[str, ...] = ()
    rooms: tuple[str, ...] = ()

    def load(self) -> tuple[Sequence[np.ndarray], tuple[np.ndarray, ...]]:
        """The noises and impulse responses: decoded once, before several processes ask for them."""
        return _noises(self.noises), rooms.measured(self.rooms)

    def augmented(self, wave: np.ndarray, babble: np.ndarray, random: Generator) -> np.ndarray:
        """One random recording condition of ``wave`` (samples,)."""
        noises, measured = self.load()
        return noise.augmented(wave, noises, babble, random, measured)


@dataclass(frozen=True)
class Recorded:
    """A stream as copy number ``copy`` of its features has it: what one process works on."""

    stream: speakers.Stream
    waves: Path
    babble: int  # samples of the waves that other people's speech is drawn from
    surroundings: Surroundings
    front: Front
    copy: int


@torch.inference_mode()
def _features(job: Recorded) -> np.ndarray:
    """(frames, 64) float16 of a stream; but for copy 0 each chunk in a recording condition of its own."""
    front, waves = _front_end(*job.front), np.memmap(job.waves, np.int16, "r")
    chunks = _chunks(job.stream, waves)
    if job.copy:
        random = np.random.default_rng([job.copy, job.stream.start])
        chunks = [job.surroundings.augmented(chunk, waves[: job.babble], random) for chunk in chunks]
    features = [front(torch.from_numpy(chunk)[None]).features[0].numpy() for chunk in chunks]
    return np.concatenate(features).astype(np.float16)


def cache_features(
    stem: str, streams: list[speakers.Stream], waves: np.ndarray, front: Front, copy: int, surroundings: Surroundings
) -> Path:
    """Features of every stream, float16, into ``<stem>.<kind><copy>-<by which bands, in which surroundings>``: copy 0
    is clean, each other augmented anew."""
    made_by = fingerprint(begun_with(*front)) + (f"{AUGMENTATION}{surroundings}" if copy else "()")
    path = folders.CACHE / f"{stem}.{front[0]}{copy}-{hashlib.sha256(made_by.encode()).hexdigest()[:10]}"
    if path.exists():
        return path
    babble, written = len(training_waves(streams, waves)), path.with_suffix(".new")
    among = folders.CACHE / f"{stem}{store.WAVES}", babble, surroundings
    jobs = (Recorded(stream, *among, front, copy) for stream in streams)
    with open(written, "wb") as file:
        found = store.in_parallel(_features, jobs)
        for features in tqdm(found, desc=f"features, copy {copy}", total=len(streams), unit="stream", mininterval=5):
            file.write(features.tobytes())
    return written.replace(path)


def load_features(
    stem: str,
    streams: list[speakers.Stream],
    waves: np.ndarray,
    front: Front,
    augmented: int,
    surroundings: Surroundings,
) -> list[np.ndarray]:
    """Clean and ``augmented`` further copies of all features, each (frames, 64) float16; made where missing."""
    copies = [cache_features(stem, streams, waves, front, copy, surroundings) for copy in range(augmented + 1)]
    return [np.memmap(path, np.float16, "r").reshape(-1, EAR.bands) for path in copies]


# ---------------------------------------------------------------------------------------------- batches
def shares(streams: list[speakers.Stream], config: dict) -> np.ndarray:
    """(streams,) how often each one is drawn: by its seconds, up to ``seconds_that_count``.

    Warped pieces and people of the corpora ``made`` together get ``made_share`` of the draws: drawn by their number,
    they would leave one in eight to people who really spoke, whose recordings alone differ as recordings do.
    """
    seconds = np.array([stream.samples for stream in streams]) / store.SAMPLING_RATE
    weights = np.minimum(seconds, config["seconds_that_count"])
    synthetic = np.array([stream.is_warped or stream.corpus in config["made"] for stream in streams])
    if synthetic.any() and not synthetic.all():
        for some, share in ((synthetic, config["made_share"]), (~synthetic, 1 - config["made_share"])):
            weights[some] *= share / weights[some].sum()
    return weights / weights.sum()


# Crops, teacher vectors (speakers, utterances, 256), and numbers (speakers,), equal where two may be one person.
Drawn = tuple[Tensor, Tensor, Tensor]


class SpeakerBatches:
    """Draws batches: (speakers, utterances) crops of one length, most of them from an augmented copy."""

    def __init__(self, stem: str, streams: list[speakers.Stream], waves: np.ndarray, vectors: np.ndarray, config: dict):
        keep = [number for number, stream in enumerate(streams) if not stream.development]
        self.streams, self.waves, self.config = [streams[number] for number in keep], waves, config
        self.starts = frame_starts(streams)[keep]
        corpora = Corpora(config["corpora"])
        self.surroundings = Surroundings(corpora.recorded_noises(), corpora.measured_rooms())
        self.surroundings.load()
        copies = heard_through(config), config["augmented_copies"]
        self.features = load_features(stem, streams, waves, *copies, self.surroundings)
        self.babble = training_waves(streams, waves)
        self.vectors = vectors.astype(np.float32)
        self.own = np.stack([self._mean(stream, 0, stream.windows) for stream in self.streams])
        self.mean = self.own.mean(0)
        self.shares = shares(self.streams, config)
        are_runs = np.array([people.is_run(stream.speaker) and not stream.is_warped for stream in self.streams])
        self.who = np.where(are_runs, -1, np.arange(len(self.streams)))  # any two runs may be one person

    def _mean(self, stream: speakers.Stream, first: int, last: int) -> np.ndarray:
        """(256,) the speaker teacher's mean over a stream's windows ``first`` … ``last``."""
        return self.vectors[stream.first_window + first : stream.first_window + last].mean(0)

    def _places(self, seconds: float, utterances: int, random: Generator) -> tuple[np.ndarray, np.ndarray, int]:
        """Stream numbers (speakers,), first frames (speakers, utterances) within the stream, frames of a crop."""
        frames = int(np.exp(random.uniform(*np.log(self.config["frames"]))))
        speakers = min(int(np.count_nonzero(self.shares)), max(2, round(100 * seconds / frames / utterances)))
        chosen = random.choice(len(self.streams), speakers, replace=False, p=self.shares)
        lengths = np.array([self.streams[number].samples // EAR.hop_length for number in chosen])
        room = np.maximum(1, lengths - frames)
        return chosen, (random.random((speakers, utterances)) * room[:, None]).astype(int), frames

    def _target(self, number: int, first: int, frames: int) -> np.ndarray:
        """The teacher's vector: half the crop's windows, half the speaker's every window, less the mean of all voices.

        One window of 1.6 s says little; with the speaker's mean the student learns what the teacher only knows of
        minutes.
        """
        stream = self.streams[number]
        begin = min(first // speaker_teacher.WINDOW_FRAMES, stream.windows - 1)
        last = min(max(begin + 1, round((first + frames) / speaker_teacher.WINDOW_FRAMES)), stream.windows)
        return (self._mean(stream, begin, last) + self.own[number]) / 2 - self.mean

    def _batch(self, seconds: float, utterances: int, random: Generator, crop: Callable) -> Drawn:
        """Crops by ``crop(chosen, first, frames, random)``, their teacher vectors, and whose they are."""
        chosen, firsts, frames = self._places(seconds, utterances, random)
        places = [(number, first) for number, row in zip(chosen, firsts, strict=True) for first in row]
        crops = torch.from_numpy(np.stack([crop(number, first, frames, random) for number, first in places])).float()
        targets = torch.from_numpy(np.stack([self._target(number, first, frames) for number, first in places]))
        return crops.unflatten(0, firsts.shape), targets.unflatten(0, firsts.shape), torch.from_numpy(self.who[chosen])

    def _is_augmented(self, random: Generator) -> bool:
        return bool(random.random() < self.config["augmented_share"])

    def _cached_crop(self, chosen: int, first: int, frames: int, random: Generator) -> np.ndarray:
        """(frames, 64) float16; a stream shorter than the crop is repeated."""
        length = -(-self.streams[chosen].samples // EAR.hop_length)
        are_several = len(self.features) > 1  # and not the clean copy alone
        copy = random.integers(1, len(self.features)) if are_several and self._is_augmented(random) else 0
        return self.features[copy][self.starts[chosen] + (first + np.arange(frames)) % length]

    def _fresh_crop(self, chosen: int, first: int, frames: int, random: Generator) -> np.ndarray:
        """(frames · hop,) float32, augmented on the fly; a stream shorter than the crop is repeated."""
        stream = self.streams[chosen]
        places = stream.start + (first * EAR.hop_length + np.arange(frames * EAR.hop_length)) % stream.samples
        wave = self.waves[places].astype(np.float32) / store.FULL_SCALE
        return self.surroundings.augmented(wave, self.babble, random) if self._is_augmented(random) else wave

    def cached(self, seconds: float, utterances: int, random: Generator) -> Drawn:
        """Features (speakers, utterances, frames, 64), ``seconds`` in all, and what :data:`Drawn` has beside."""
        return self._batch(seconds, utterances, random, self._cached_crop)

    def fresh(self, seconds: float, utterances: int, random: Generator) -> Drawn:
        """Waves (speakers, utterances, samples), ``seconds`` in all, and what :data:`Drawn` has beside."""
        return self._batch(seconds, utterances, random, self._fresh_crop)
