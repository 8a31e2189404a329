"""Noisy recordings made on the fly from clean speech: rooms, noises, babble, clipping, telephones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import signal

from rtvc.training import augment, data

RATE = data.SAMPLING_RATE
EARLY = RATE // 10  # reflections of the first 100 ms help speech: they stay in the target
Generator = np.random.Generator


# ---------------------------------------------------------------------------------------------- made noises
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


MADE: tuple[Callable[[int, Generator], np.ndarray], ...] = (coloured, hum, fan, clicks, tones, gusts)


# ---------------------------------------------------------------------------------------------- speech and mixtures
def room(wave: np.ndarray, random: Generator) -> tuple[np.ndarray, np.ndarray]:
    """``wave`` in a made room (exponential tail, 0.15–0.8 s): all of it, and with the reflections of 100 ms only."""
    seconds = random.uniform(0.15, 0.8)
    times = np.arange(int(seconds * RATE)) / RATE
    response = random.standard_normal(len(times)) * 10 ** (-3 * times / seconds)
    response *= (random.random(len(times)) < np.minimum(1, 0.02 + times / 0.03)) * random.uniform(0.2, 1.0)
    response *= random.uniform(0.3, 1.0) / (np.linalg.norm(response) + 1e-6)
    response[0] = 1.0
    early = signal.fftconvolve(wave, response[:EARLY])[: len(wave)]
    late = signal.fftconvolve(wave, np.r_[np.zeros(EARLY), response[EARLY:]])[: len(wave)] if seconds > 0.1 else 0
    return early + late, early


class Mixtures:
    """Draws pairs of a noisy and a clean crop; ``kind`` is "train" or "development" (speakers and noises)."""

    def __init__(self, corpora: dict[str, float], seconds: float, snr: list[float], kind: str = "train"):
        loaded = {name: data.load_corpus(name) for name in corpora}
        self.corpora, self.samples, self.snr = loaded, int(seconds * RATE), snr
        self.utterances = {name: [] for name in corpora}
        for one in data.split(list(loaded.values()))[kind == "development"]:
            self.utterances[one.corpus].append(one)
        self.names = [name for name in corpora if self.utterances[name]]
        shares = np.array([corpora[name] for name in self.names])
        self.shares, self.noises = shares / shares.sum(), data.noises(kind)

    def speech(self, random: Generator) -> np.ndarray:
        """A crop of one utterance in which somebody speaks, (samples,)."""
        utterances = self.utterances[self.names[random.choice(len(self.names), p=self.shares)]]
        one = utterances[random.integers(len(utterances))]
        wave = self.corpora[one.corpus].wave(one)
        missing = max(0, self.samples - len(wave))
        wave = np.pad(wave, (before := random.integers(missing + 1), missing - before))
        start = random.integers(len(wave) - self.samples + 1)
        crop = wave[start : start + self.samples]
        return crop if crop.std() > 0.01 else self.speech(random)

    def recorded(self, random: Generator) -> np.ndarray:
        """A crop of a recorded noise at a random speed, (samples,)."""
        noise = self.noises[random.integers(len(self.noises))]
        speed = np.exp(random.uniform(-0.4, 0.4))
        start = random.integers(len(noise))
        places = np.mod(start + speed * np.arange(self.samples), len(noise) - 1)
        crop = np.interp(places, np.arange(len(noise)), noise)
        if random.random() < 0.4:
            crop = signal.lfilter([1, random.uniform(-0.9, 0.9)], [1], crop)
        return crop if crop.std() > 1e-4 else self.recorded(random)

    def babble(self, random: Generator) -> np.ndarray:
        """Three to seven people at once, (samples,)."""
        return sum(random.uniform(0.3, 1) * self.speech(random) for _ in range(random.integers(3, 8)))

    def noise(self, random: Generator) -> np.ndarray:
        """One noise, or two on top of each other, of unit power."""
        kind = random.random()
        if kind < 0.5:
            wave = self.recorded(random)
        elif kind < 0.85:
            wave = MADE[random.integers(len(MADE))](self.samples, random)
        else:
            wave = self.babble(random)
        wave = wave / (wave.std() + 1e-6)
        return wave + random.uniform(0.2, 1) * self.noise(random) if random.random() < 0.25 else wave

    def pair(self, random: Generator) -> tuple[np.ndarray, np.ndarray]:
        """(noisy, clean), each (samples,). One in ten is clean already and must stay as it is."""
        clean = self.speech(random)
        if random.random() < 0.1:
            return clean, clean
        heard, clean = room(clean, random) if random.random() < 0.3 else (clean, clean)
        snr = random.uniform(*self.snr)
        noise = self.noise(random)
        noise *= np.sqrt(np.mean(heard**2) / (np.mean(noise**2) * 10 ** (snr / 10)))
        if random.random() < 0.1:  # a telephone carries noise and speech alike, and nothing can be put back
            state = random.bit_generator.state
            heard, noise, clean = (self._telephone(one, state) for one in (heard, noise, clean))
        noisy = heard + noise
        if random.random() < 0.08:
            limit = np.quantile(np.abs(noisy), random.uniform(0.95, 0.999))
            noisy = np.clip(noisy, -limit, limit)
        return noisy.astype(np.float32), clean.astype(np.float32)

    @staticmethod
    def _telephone(wave: np.ndarray, state: dict) -> np.ndarray:
        random = np.random.default_rng()
        random.bit_generator.state = state  # the same band for all parts of a mixture
        return augment.telephone(wave, random)

    def batch(self, count: int, random: Generator) -> tuple[np.ndarray, np.ndarray]:
        """(count, samples) noisy and clean."""
        pairs = [self.pair(random) for _ in range(count)]
        return np.stack([noisy for noisy, _ in pairs]), np.stack([clean for _, clean in pairs])
