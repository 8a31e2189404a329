"""Noises, recorded and synthetic, rooms, microphones and telephones: what a recording goes through."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from scipy import signal

from rtvc.evaluation.statistics import noise_gain
from rtvc.training.data import sources, store

RATE = store.SAMPLING_RATE
EARLY = RATE // 10  # samples; reflections of the first 100 ms help speech
FILTER_BINS = 257  # from 0 Hz to half the sampling rate
MICROPHONE_DB = 1.5 * 20 / math.log(10)  # of a neper of a filter, and half as much again as a warped speaker's
Generator = np.random.Generator


# ---------------------------------------------------------------------------------------------- synthetic noises
def coloured(samples: int, random: Generator) -> np.ndarray:
    """Noise of a random slope (blue to brown) and a random broad hump."""
    spectrum = np.fft.rfft(random.standard_normal(samples).astype(np.float32))
    frequency = np.linspace(1e-3, 1, len(spectrum), dtype=np.float32)
    hump = 1 + random.uniform(0, 6) * np.exp(-0.5 * (np.log(frequency / random.uniform(0.01, 0.6)) / 0.4) ** 2)
    return np.fft.irfft(spectrum * frequency ** -random.uniform(-0.3, 1.2) * hump, samples)


def hum(samples: int, random: Generator) -> np.ndarray:
    """Mains or a motor: harmonics of one frequency that may wander."""
    base = random.choice([50, 60, random.uniform(40, 400)])
    drift = 1 + random.uniform(0, 0.02) * np.sin(2 * np.pi * random.uniform(0.1, 2) * np.arange(samples) / RATE)
    phase = 2 * np.pi * np.cumsum(base * drift) / RATE
    count = min(int(random.integers(2, 14)), int(0.45 * RATE / base))
    gains = random.exponential(1, count) / np.arange(1, count + 1) ** random.uniform(0.3, 1.5)
    return sum(gain * np.sin((n + 1) * phase + 6 * n) for n, gain in enumerate(gains))


def fan(samples: int, random: Generator) -> np.ndarray:
    """Air and blades: coloured noise that swells with the turn, and a hum."""
    turn = np.sin(2 * np.pi * random.uniform(2, 40) * np.arange(samples) / RATE + random.uniform(0, 6))
    air = coloured(samples, random) * (1 + random.uniform(0, 0.8) * turn)
    tone = hum(samples, random)
    return air / air.std() + random.uniform(0, 0.7) * tone / (tone.std() + 1e-6)


def clicks(samples: int, random: Generator) -> np.ndarray:
    """Keys, crackling, dishes: short resonances at random moments."""
    impulses = np.zeros(samples, np.float32)
    places = random.integers(0, samples, max(2, int(random.uniform(1, 40) * samples / RATE)))
    impulses[places] = random.standard_normal(len(places)) * random.exponential(1, len(places))
    times = np.arange(int(random.uniform(0.003, 0.15) * RATE)) / RATE
    ring = random.standard_normal(len(times)) * random.uniform(0, 1) + sum(
        np.sin(2 * np.pi * random.uniform(300, 7000) * times) for _ in range(3)
    )
    return signal.fftconvolve(impulses, ring * np.exp(-6 * times / times[-1]))[:samples]


def tones(samples: int, random: Generator) -> np.ndarray:
    """Music-like: chords of decaying harmonic tones in a rhythm."""
    wave, length = np.zeros(samples, np.float32), int(random.uniform(0.12, 0.6) * RATE)
    times = np.arange(2 * length) / RATE
    for start in range(-length, samples, length):
        for _ in range(random.integers(1, 4)):
            base = 110 * 2 ** (random.integers(0, 40) / 12)
            note = sum(np.sin(2 * np.pi * n * base * times) / n for n in range(1, int(random.integers(2, 7))))
            note = note * np.exp(-random.uniform(1, 8) * times)
            first, last = max(0, start), min(samples, start + len(note))
            wave[first:last] += note[first - start : last - start]
    return wave


def gusts(samples: int, random: Generator) -> np.ndarray:
    """Wind, traffic, rubbing: coloured noise whose level changes at random."""
    knots = random.uniform(-30, 0, max(3, int(samples / RATE * random.uniform(2, 12))))
    level = np.interp(np.linspace(0, len(knots) - 1, samples), np.arange(len(knots)), knots)
    return coloured(samples, random) * 10 ** (level / 20)


SYNTHETIC_NOISES: tuple[Callable[[int, Generator], np.ndarray], ...] = (coloured, hum, fan, clicks, tones, gusts)


# ---------------------------------------------------------------------------------------------- recording conditions
def room(
    wave: np.ndarray,
    random: Generator,
    longest: float = 0.8,
    strength: tuple[float, float] = (0.3, 1.0),
    sparse: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """``wave`` (samples,) in a simulated room: with all reflections, and with those of the first 100 ms only.

    A direct path and a tail of noise that decays exponentially: by 60 dB within 0.15 to ``longest`` seconds, with
    ``strength`` times the direct path's norm. ``sparse``: the first reflections come singly, as off walls.
    """
    seconds = random.uniform(0.15, longest)
    times = np.arange(int(seconds * RATE)) / RATE
    response = random.standard_normal(len(times)) * 10 ** (-3 * times / seconds)
    if sparse:  # the last factor is undone by the norm; its draw keeps the development pairs what they have been
        response *= (random.random(len(times)) < np.minimum(1, 0.02 + times / 0.03)) * random.uniform(0.2, 1.0)
    response *= random.uniform(*strength) / (np.linalg.norm(response) + 1e-6)
    response[0] = 1.0
    early = signal.fftconvolve(wave, response[:EARLY])[: len(wave)]
    late = signal.fftconvolve(wave, np.r_[np.zeros(EARLY), response[EARLY:]])[: len(wave)]
    return early + late, early


def equalized(wave: np.ndarray, decibels: np.ndarray) -> np.ndarray:
    """``wave`` through a filter of ``decibels`` from 0 Hz to half the rate, equally far apart, straight in between."""
    spectrum, last = np.fft.rfft(wave), len(decibels) - 1
    gains = np.interp(np.linspace(0, last, len(spectrum)), np.arange(last + 1), decibels)
    return np.fft.irfft(spectrum * 10 ** (gains / 20), len(wave))


def smooth_filter(random: Generator) -> np.ndarray:
    """A random smooth filter of a few dB, (257,) nepers: five cosines over the logarithm of the frequency."""
    place = np.log(np.linspace(60, RATE / 2, FILTER_BINS))
    place = (place - place[0]) / (place[-1] - place[0])
    waves = (random.standard_normal() * np.cos(np.pi * order * place) / order**0.5 for order in range(1, 6))
    return 0.2 * sum(waves)


def microphone(wave: np.ndarray, random: Generator) -> np.ndarray:
    """``wave`` through a smooth filter of about 3 dB, as the same voice sounds on another day, elsewhere."""
    return equalized(wave, MICROPHONE_DB * smooth_filter(random))


def telephone(wave: np.ndarray, random: Generator) -> np.ndarray:
    """``wave`` through a channel that passes about 300 Hz to 3.4 kHz."""
    band = (random.uniform(80, 350), random.uniform(3_200, 6_500))
    return signal.sosfilt(signal.butter(3, band, "bandpass", fs=RATE, output="sos"), wave)


def narrowband(wave: np.ndarray) -> np.ndarray:
    """``wave`` as a recording at 8 kHz keeps it."""
    return signal.resample_poly(signal.resample_poly(wave, 1, 2), 2, 1)[: len(wave)]


def mix(wave: np.ndarray, noise: np.ndarray, snr: float) -> np.ndarray:
    """``wave`` with ``noise`` (repeated to its length) at ``snr`` dB."""
    noise = np.resize(noise, len(wave))
    return wave + noise_gain(wave, noise, snr) * noise


def augmented(wave: np.ndarray, noises: Sequence[np.ndarray], babble: np.ndarray, random: Generator) -> np.ndarray:
    """One random recording condition; ``babble``: other people's speech to draw from, (samples,)."""
    if random.random() < 0.5:
        wave = room(wave, random, longest=0.6, strength=(0.2, 0.9), sparse=False)[0]
    if random.random() < 0.5:
        wave = microphone(wave, random)
    kind, channel, snr = random.random(), random.random(), random.uniform(0, 25)
    if kind < 0.35 and noises:
        wave = mix(wave, noises[random.integers(len(noises))], snr)
    elif kind < 0.5:
        wave = mix(wave, SYNTHETIC_NOISES[random.integers(len(SYNTHETIC_NOISES))](len(wave), random), snr)
    elif kind < 0.7:
        starts = random.integers(0, max(1, len(babble) - len(wave)), random.integers(2, 7))
        voices = [babble[start : start + len(wave)].astype(np.float32) for start in starts]
        wave = mix(wave, np.sum(voices, 0), snr)
    if channel < 0.15:
        wave = telephone(wave, random)
    elif channel < 0.35:
        wave = narrowband(wave)
    return wave.astype(np.float32)


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
    for development, DEMAND's by place.

    Raises:
        TrainingError: one of them is not there, or cannot be read.
    """
    pieces = []
    for name in names:
        corpus = store.load_noises(name)
        for utterance in corpus.utterances:
            if part_of(utterance.file) == kind:
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
