"""Noisy speech and its clean original, drawn on the fly: rooms, noises, babble, clipping, telephones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import signal

from rtvc.evaluation.statistics import noise_gain
from rtvc.training.data import noise, store, synthetic_voices
from rtvc.training.data.corpora import Corpora

RATE = store.SAMPLING_RATE
SPEED_SPREAD = 0.2  # natural log of the speed: as far as half of the training crops are played slower or faster
EQUALIZER_DB = 6.0  # as far as a recorded noise's bands are raised or lowered in training
Generator = np.random.Generator


def _equalized(wave: np.ndarray, random: Generator) -> np.ndarray:
    """``wave`` (samples,) with eight bands, equally wide, raised or lowered at random, smoothly in between."""
    return noise.equalized(wave, random.uniform(-EQUALIZER_DB, EQUALIZER_DB, 8))


class NoisySpeech:
    """Draws pairs of a noisy and a clean crop; ``kind`` is "train" or "development" (speakers and noises)."""

    def __init__(self, corpora: dict[str, float], seconds: float, snr: list[float], kind: str = "train"):
        corpora = Corpora(corpora)
        loaded = {name: corpora.load(name) for name in corpora}
        self.corpora, self.samples, self.snr, self.varied = loaded, int(seconds * RATE), snr, kind == "train"
        self.utterances: dict[str, list[store.Utterance]] = {name: [] for name in corpora}
        for utterance in corpora.split(list(loaded.values()))[kind == "development"]:
            self.utterances[utterance.corpus].append(utterance)
        self.names = [name for name in corpora if self.utterances[name]]
        shares = np.array([corpora[name] for name in self.names])
        self.shares, self.noises = shares / shares.sum(), noise.noises(kind, corpora.recorded_noises())

    def speech(self, random: Generator) -> np.ndarray:
        """A crop of one utterance in which somebody speaks, (samples,); in training half of them in another voice."""
        utterances = self.utterances[self.names[random.choice(len(self.names), p=self.shares)]]
        utterance = utterances[random.integers(len(utterances))]
        wave, samples, speed = self.corpora[utterance.corpus].wave(utterance), self.samples, 1.0
        if self.varied and random.random() < 0.5:
            speed = np.exp(random.uniform(-SPEED_SPREAD, SPEED_SPREAD))
            samples = int(speed * samples) + 2
        missing = max(0, samples - len(wave))
        wave = np.pad(wave, (before := random.integers(missing + 1), missing - before))
        start = random.integers(len(wave) - samples + 1)
        crop = wave[start : start + samples]
        if speed != 1:
            crop = synthetic_voices.played(crop, speed)[: self.samples]
        return crop if crop.std() > 0.01 else self.speech(random)

    def recorded_noise(self, random: Generator) -> np.ndarray:
        """A crop of a recorded noise at a random speed, (samples,)."""
        recording = self.noises[int(random.integers(len(self.noises)))]
        speed = np.exp(random.uniform(-0.4, 0.4))
        start = random.integers(len(recording))
        places = np.mod(start + speed * np.arange(self.samples), len(recording) - 1)
        crop = np.interp(places, np.arange(len(recording)), recording)
        if random.random() < 0.4:
            crop = signal.lfilter([1, random.uniform(-0.9, 0.9)], [1], crop)
        if self.varied:  # there are few recordings, and every one known by heart is one not learned from
            crop = _equalized(crop[:: random.choice([-1, 1])], random)
        return crop if crop.std() > 1e-4 else self.recorded_noise(random)

    def babble(self, random: Generator) -> np.ndarray:
        """Three to seven people at once, (samples,)."""
        return np.sum([random.uniform(0.3, 1) * self.speech(random) for _ in range(random.integers(3, 8))], 0)

    def noise(self, random: Generator) -> np.ndarray:
        """One noise, or two on top of each other, of unit power. Babble is the hardest: a third."""
        kind = random.random()
        if kind < 0.42 and self.noises:
            wave = self.recorded_noise(random)
        elif kind < 0.67:
            wave = noise.SYNTHETIC_NOISES[random.integers(len(noise.SYNTHETIC_NOISES))](self.samples, random)
        else:
            wave = self.babble(random)
        wave = wave / (wave.std() + 1e-6)
        return wave + random.uniform(0.2, 1) * self.noise(random) if random.random() < 0.25 else wave

    def pair(self, random: Generator) -> tuple[np.ndarray, np.ndarray]:
        """(noisy, clean), each (samples,). One in ten is clean already and must stay as it is."""
        return self.disturb(self.speech(random), random)

    def disturb(self, clean: np.ndarray, random: Generator) -> tuple[np.ndarray, np.ndarray]:
        """A crop of speech (samples,) as a recording spoils it, and the target, each (samples,)."""
        if random.random() < 0.1:
            return clean, clean
        speech, clean = noise.room(clean, random) if random.random() < 0.3 else (clean, clean)
        snr = random.uniform(self.snr[0], self.snr[1])
        background = self.noise(random)
        background *= noise_gain(speech, background, snr)
        if random.random() < 0.1:  # a telephone carries noise and speech alike, and nothing can be put back
            state = random.bit_generator.state
            parts = (speech, background, clean)
            speech, background, clean = (self._telephone(part, state) for part in parts)
        noisy = speech + background
        if random.random() < 0.08:
            limit = np.quantile(np.abs(noisy), random.uniform(0.95, 0.999))
            noisy = np.clip(noisy, -limit, limit)
        return noisy.astype(np.float32), clean.astype(np.float32)

    @staticmethod
    def _telephone(wave: np.ndarray, state: Mapping[str, Any]) -> np.ndarray:
        random = np.random.default_rng()
        random.bit_generator.state = state  # the same band for all parts of a mixture
        return noise.telephone(wave, random)

    def batch(self, count: int, random: Generator) -> tuple[np.ndarray, np.ndarray]:
        """(count, samples) noisy and clean."""
        pairs = [self.pair(random) for _ in range(count)]
        return np.stack([noisy for noisy, _ in pairs]), np.stack([clean for _, clean in pairs])
