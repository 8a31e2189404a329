"""Noisy speech and its clean original, drawn on the fly: rooms, noises, other people, levels, telephones, codecs.

Who is wanted is always the one that a listener would take: nobody in the background is as loud, or whoever is speaks
for a moment only. So babble goes down to some −7 dB where it is many people's, and to 1.5 dB where it is one person's.
"""

from __future__ import annotations

import numpy as np
from scipy import signal

from rtvc.evaluation.statistics import noise_gain
from rtvc.training.data import channels, noise, rooms, store, synthetic_voices
from rtvc.training.data.corpora import Corpora

RATE = store.SAMPLING_RATE
SPEED_SPREAD = 0.2  # natural log of the speed: as far as half of the training crops are played slower or faster
EQUALIZER_DB = 6.0  # as far as a recorded noise's bands are raised or lowered in training
PEOPLE = (0.2, 0.15, 0.15, 0.12, 0.12, 0.1, 0.08, 0.08)  # how often 1 … 8 people speak in the background at once
QUIETER_DB = 1.5  # than the wanted one is the loudest of them at least
MOMENT = 0.35  # of the wanted one's time: as long somebody as loud may speak
LOUDER_DB = 5.0  # than the wanted one at most, for that time
LEVELS_DB, FADES_DB = 8.0, 25.0  # as far as somebody's level moves, and noise begins or ends within a crop
SHORT = 0.5, 1.3  # seconds: speech that is a small part of a crop
QUIET_DB = 30.0  # below the loudest moment: nobody speaks
Generator = np.random.Generator


def _equalized(wave: np.ndarray, random: Generator) -> np.ndarray:
    """``wave`` (samples,) with eight bands, equally wide, raised or lowered at random, smoothly in between."""
    return channels.equalized(wave, random.uniform(-EQUALIZER_DB, EQUALIZER_DB, 8))


def _window(samples: int, first: int, length: int) -> np.ndarray:
    """(samples,) 1 for ``length`` samples from ``first`` on, 0 elsewhere, with edges of 10 ms."""
    edges = np.array([first - 1, first, first + length, first + length + 1]) + np.array([-160, 0, 0, 160])
    return np.interp(np.arange(samples), edges, (0.0, 1.0, 1.0, 0.0))


def _spoken_seconds(wave: np.ndarray) -> float:
    """How long somebody speaks in ``wave`` (samples,), by its level in steps of 10 ms."""
    power = np.square(wave[: len(wave) // 160 * 160]).reshape(-1, 160).mean(1)
    return 0.01 * np.count_nonzero(power > power.max() * 10 ** (-QUIET_DB / 10))


class NoisySpeech:
    """Draws pairs of a noisy and a clean crop; ``kind`` is "train" or "development" (speakers, noises and rooms).

    Corpora with a share of 0 are heard in the background alone.
    """

    def __init__(self, corpora: dict[str, float], seconds: float, snr: list[float], kind: str = "train"):
        corpora = Corpora(corpora)
        loaded = {name: corpora.load(name) for name in corpora}
        self.corpora, self.samples, self.snr, self.varied = loaded, int(seconds * RATE), snr, kind == "train"
        self.utterances: dict[str, list[store.Utterance]] = {name: [] for name in corpora}
        for utterance in corpora.split(list(loaded.values()))[kind == "development"]:
            self.utterances[utterance.corpus].append(utterance)
        self.others = [utterance for utterances in self.utterances.values() for utterance in utterances]
        self.names = [name for name in corpora if self.utterances[name] and corpora[name]]
        shares = np.array([corpora[name] for name in self.names])
        self.shares, self.noises = shares / shares.sum(), noise.noises(kind, corpora.recorded_noises())
        self.rooms = rooms.measured(corpora.measured_rooms()) if self.varied else ()

    # -- what is heard
    def speech(self, random: Generator) -> np.ndarray:
        """A crop of one utterance in which somebody speaks, (samples,); in training half of them in another voice."""
        utterances = self.utterances[self.names[random.choice(len(self.names), p=self.shares)]]
        crop = self._crop(utterances[random.integers(len(utterances))], random)
        return crop if crop.std() > 0.01 else self.speech(random)

    def voice(self, random: Generator) -> np.ndarray:
        """The same of anybody in all corpora, of unit power."""
        crop = self._crop(self.others[random.integers(len(self.others))], random)
        return crop / crop.std() if crop.std() > 1e-3 else self.voice(random)

    def _crop(self, utterance: store.Utterance, random: Generator) -> np.ndarray:
        wave, samples, speed = self.corpora[utterance.corpus].wave(utterance), self.samples, 1.0
        if self.varied and random.random() < 0.5:
            speed = np.exp(random.uniform(-SPEED_SPREAD, SPEED_SPREAD))
            samples = int(speed * samples) + 2
        missing = max(0, samples - len(wave))
        start = random.integers(max(1, len(wave) - samples + 1))
        wave = np.pad(wave[start : start + samples], (before := random.integers(missing + 1), missing - before))
        return wave if speed == 1 else synthetic_voices.played(wave, speed)[: self.samples]

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

    def babble(self, spoken: float, random: Generator) -> tuple[np.ndarray, float]:
        """One to eight people at once, (samples,) of unit power, and the least SNR in dB at which it is still clear
        who of all is wanted, who speaks for ``spoken`` seconds."""
        count = 1 + random.choice(len(PEOPLE), p=PEOPLE)
        voices = np.stack([10 ** (random.uniform(-10, 0) / 20) * self.voice(random) for _ in range(count)])
        room_for = int(MOMENT * spoken * RATE)
        is_moment = count < 3 and random.random() < 0.4 and room_for > 0.2 * RATE
        if is_moment:
            voices = voices * _window(self.samples, int(random.integers(self.samples - room_for)), room_for)
        total = voices.sum(0)
        if total.std() < 1e-3:
            return self.babble(spoken, random)
        share = np.square(voices).mean(1).max() / np.square(total).mean()  # of the loudest one
        active = 10 * np.log10(spoken * RATE / room_for) - LOUDER_DB if is_moment else QUIETER_DB
        return total / total.std(), active + 10 * np.log10(share)

    def noise(self, spoken: float, random: Generator) -> tuple[np.ndarray, float]:
        """One noise, or several on top of each other, of about unit power, and the least SNR as :meth:`babble` has it.
        Babble is the hardest: a third and more."""
        kind, least = random.random(), -np.inf
        if kind < 0.35 and self.noises:
            wave = self.recorded_noise(random)
        elif kind < 0.62:
            wave = noise.synthetic(self.samples, random)
        else:
            wave, least = self.babble(spoken, random)
        wave = wave / (wave.std() + 1e-6)
        if random.random() < 0.2:
            wave = wave * self._begins_or_ends(random)
        if random.random() < 0.3:
            further, other = self.noise(spoken, random)
            wave, least = wave + random.uniform(0.2, 1) * further, max(least, other)
        return wave, least

    def _begins_or_ends(self, random: Generator) -> np.ndarray:
        """(samples,) gains of a noise that is louder behind one moment, or before it."""
        moment = random.integers(self.samples)
        gains = np.interp(np.arange(self.samples), (moment, moment + random.uniform(0.01, 1) * RATE), (0.0, 1.0))
        return 10 ** (-random.uniform(6, FADES_DB) / 20 * gains[:: random.choice([-1, 1])])

    # -- pairs
    def pair(self, random: Generator) -> tuple[np.ndarray, np.ndarray]:
        """(noisy, clean), each (samples,). One in ten is clean already and must stay as it is."""
        return self.disturb(self.moved(self.speech(random), random), random)

    def moved(self, speech: np.ndarray, random: Generator) -> np.ndarray:
        """``speech`` (samples,) as it is, with a level that changes, or with long silence around a short part of it."""
        if random.random() < 0.2:
            speech = speech * channels.levels(len(speech), LEVELS_DB, random)
        if random.random() < 0.12:
            length = min(int(random.uniform(*SHORT) * RATE), len(speech) - 1)
            short = speech * _window(len(speech), int(random.integers(len(speech) - length)), length)
            speech = short if short.std() > 0.3 * speech.std() else speech
        return speech

    def disturb(self, clean: np.ndarray, random: Generator) -> tuple[np.ndarray, np.ndarray]:
        """A crop of speech (samples,) as a recording spoils it, and the target, each (samples,)."""
        if random.random() < 0.1:
            return clean, clean
        background, least = self.noise(_spoken_seconds(clean), random)
        speech = clean
        if random.random() < 0.4:
            speech, clean = rooms.reverberant(clean, rooms.response(self.rooms, random))
            if random.random() < 0.5:  # whatever sounds in that room too
                background = rooms.reverberant(background, rooms.response(self.rooms, random))[0]
        background *= noise_gain(speech, background, max(least, random.uniform(self.snr[0], self.snr[1])))
        noisy, clean = _sent(np.stack([speech + background, clean]), random)
        return noisy.astype(np.float32), clean.astype(np.float32)

    def batch(self, count: int, random: Generator) -> tuple[np.ndarray, np.ndarray]:
        """(count, samples) noisy and clean."""
        pairs = [self.pair(random) for _ in range(count)]
        return np.stack([noisy for noisy, _ in pairs]), np.stack([clean for _, clean in pairs])


def _sent(pair: np.ndarray, random: Generator) -> tuple[np.ndarray, np.ndarray]:
    """A noisy and a clean wave (2, samples) as they are, or through a line, a clipping stage, a codec.

    What a line takes away is not asked back: it is not in the target either. What is clipped is.
    """
    line = random.random()
    if line < 0.1:
        pair = channels.telephone(pair, random)
    elif line < 0.14:
        pair = channels.narrowband(pair)
    elif line < 0.18:
        pair = channels.packet_loss(pair, random)
    noisy, clean = pair
    if random.random() < 0.08:
        noisy = channels.clipped(noisy, random)
    if random.random() < 0.1:
        received = channels.coded(noisy, random)
        noisy, clean = received, channels.what_passed(clean, noisy, received)
    return noisy, clean
