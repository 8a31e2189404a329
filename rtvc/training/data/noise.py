"""Recorded noises, mixing, and the random recording conditions that Tuned-GE2E's crops go through."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rtvc.evaluation.statistics import noise_gain
from rtvc.training.data import channels, rooms, sources, store
from rtvc.training.data.synthetic_noises import SYNTHETIC_NOISES

RATE = store.SAMPLING_RATE
MOST_VOICES = 8  # at once, in babble
SHORTEST = RATE // 10
Generator = np.random.Generator


# ---------------------------------------------------------------------------------------------- recording conditions
def mix(wave: np.ndarray, noise: np.ndarray, snr: float) -> np.ndarray:
    """``wave`` with ``noise`` (repeated to its length) at ``snr`` dB."""
    noise = np.resize(noise, len(wave))
    return wave + noise_gain(wave, noise, snr) * noise


def synthetic(samples: int, random: Generator) -> np.ndarray:
    """One of the noises that are made, (samples,)."""
    return SYNTHETIC_NOISES[random.integers(len(SYNTHETIC_NOISES))](samples, random)


def augmented(
    wave: np.ndarray,
    noises: Sequence[np.ndarray],
    babble: np.ndarray,
    random: Generator,
    measured: tuple[np.ndarray, ...] = (),
) -> np.ndarray:
    """One random recording condition of ``wave`` (samples,).

    noises: recorded ones; babble: other people's speech to draw from, (samples,); measured: impulse responses of rooms.
    """
    samples = len(wave)
    wave = np.pad(wave, (0, max(0, SHORTEST - samples)))  # of less there is neither a room nor a noise to draw
    if random.random() < 0.5:
        response = rooms.response(measured, random, longest=0.6, strength=(0.2, 0.9), sparse=False)
        wave = rooms.reverberant(wave, response)[0]
    if random.random() < 0.5:
        wave = channels.microphone(wave, random)
    wave = _with_noises(wave, noises, babble, random)
    if random.random() < 0.05:
        wave = channels.clipped(wave, random)
    return _sent(wave, random)[:samples].astype(np.float32)


def _with_noises(wave: np.ndarray, noises: Sequence[np.ndarray], babble: np.ndarray, random: Generator) -> np.ndarray:
    """``wave`` as it is, with one noise at 0 to 25 dB, or in one case of seven with two."""
    kind, snr = random.random(), random.uniform(0, 25)
    if kind < 0.35 and noises:
        wave = mix(wave, _recorded(noises, random), snr)
    elif kind < 0.55:
        wave = mix(wave, synthetic(len(wave), random), snr)
    elif kind < 0.75:
        starts = random.integers(0, max(1, len(babble) - len(wave)), random.integers(2, MOST_VOICES + 1))
        voices = [babble[start : start + len(wave)].astype(np.float32) for start in starts]
        wave = mix(wave, np.sum(voices, 0), snr)
    if kind > 0.35 and noises and random.random() < 0.2:
        wave = mix(wave, _recorded(noises, random), random.uniform(5, 25))
    return wave


def _recorded(noises: Sequence[np.ndarray], random: Generator) -> np.ndarray:
    """One of them, begun anywhere."""
    noise = noises[int(random.integers(len(noises)))]
    return np.roll(noise, random.integers(len(noise)))


def _sent(wave: np.ndarray, random: Generator) -> np.ndarray:
    """``wave`` as it is, or through one kind of line."""
    line = random.random()
    if line < 0.12:
        return channels.telephone(wave, random)
    if line < 0.26:
        return channels.narrowband(wave)
    if line < 0.32:
        return channels.coded(wave, random)
    return channels.packet_loss(wave, random) if line < 0.36 else wave


# ---------------------------------------------------------------------------------------------- recorded noises
PIECE = 20 * RATE  # samples; longer recordings are several noises
ESC_FILE = re.compile(r"(\d)-\d+-[A-Z](?:-\d+)?")  # ESC-50 and ESC-10: the first number is the fold
ESC_FOLDS = {"4": "development", "5": "evaluation"}  # of this project
WHAM_PARTS = {"cv": "development", "tt": "evaluation"}
HELD_OUT = 10  # of other noises one in so many is for development


class Recordings(Sequence[np.ndarray]):
    """Noises, each ``(samples,)`` float32 at 16 kHz, read from the cache as they are asked for."""

    def __init__(self, pieces: list[tuple[store.Corpus, int, int]]):
        self._pieces = pieces

    def __len__(self) -> int:
        return len(self._pieces)

    def __getitem__(self, number: int) -> np.ndarray:  # type: ignore[override]  # never a slice
        corpus, start, samples = self._pieces[number]
        return corpus.samples[start : start + samples].astype(np.float32) / store.FULL_SCALE


def noises(kind: str = "train", names: tuple[str, ...] = (store.NOISE,)) -> Sequence[np.ndarray]:
    """Noise recordings of the folders and archives ``names``; ``kind`` is "train" or "development".

    ESC-10's and WHAM's own divisions are kept, and what is judged by is left out; of others one recording in ten is
    for development, DEMAND's by place. Of ``noise-more`` everything is for training: its pieces are of few recordings.

    Raises:
        TrainingError: one of them is not there, or cannot be read.
    """
    pieces = []
    for name in names:
        corpus = store.load_noises(name)
        for utterance in corpus.utterances:
            if ("train" if name == store.MORE_NOISES else part_of(utterance.file)) == kind:
                stop = utterance.start + utterance.samples
                starts = range(utterance.start, stop, PIECE)
                pieces += [(corpus, start, min(PIECE, stop - start)) for start in starts if stop - start >= RATE // 2]
    return Recordings(pieces)


def part_of(file: str) -> str:
    """ "train", "development" or "evaluation", by a noise's file."""
    path = Path(file)
    if esc := ESC_FILE.fullmatch(path.stem):
        return ESC_FOLDS.get(esc[1], "train")
    if found := {part for part in path.parts[:-1] if part in ("tr", *WHAM_PARTS)}:
        return WHAM_PARTS.get(found.pop(), "train")
    group = path.parent if sources.CHANNEL.fullmatch(path.stem) else path  # the channels of a place sound alike
    number = int(hashlib.sha256(group.as_posix().encode()).hexdigest(), 16)
    return "development" if number % HELD_OUT == 0 else "train"
