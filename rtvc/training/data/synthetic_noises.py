"""Noises that are made, not recorded: machines, weather, hands, lines.

Each is a function of a length in samples and a random generator, and returns (samples,) at 16 kHz of any level: the
same for the same generator. What they are like is drawn anew each time, so that none can be known by heart.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import signal

from rtvc.training.data import store

RATE = store.SAMPLING_RATE
Generator = np.random.Generator


# ---------------------------------------------------------------------------------------------- building blocks
def _wandering(samples: int, hertz: float, random: Generator) -> np.ndarray:
    """(samples,) straight lines between values of −1 … 1, about ``hertz`` of them a second."""
    knots = random.uniform(-1, 1, max(3, int(samples / RATE * hertz) + 2))
    return np.interp(np.linspace(0, len(knots) - 1, samples), np.arange(len(knots)), knots)


def _impulses(places: np.ndarray, strengths: np.ndarray, samples: int) -> np.ndarray:
    """(samples,) with impulses at ``places`` in samples; what lies outside is left out."""
    inside = (places >= 0) & (places < samples)
    return np.bincount(places[inside].astype(int), strengths[inside], samples)


def _ring(seconds: float, resonances: np.ndarray, noisiness: float, random: Generator) -> np.ndarray:
    """What one blow sounds like: ``resonances`` in Hz and noise, dying away within ``seconds``."""
    times = np.arange(max(8, int(seconds * RATE))) / RATE
    phases = random.uniform(0, 2 * np.pi, (len(resonances), 1))
    ringing = np.sin(2 * np.pi * resonances[:, None] * times + phases).sum(0)
    return (ringing + noisiness * random.standard_normal(len(times))) * np.exp(-6 * times / times[-1])


# ---------------------------------------------------------------------------------------------- air, tones, motors
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


# ---------------------------------------------------------------------------------------------- machines and weather
def engine(samples: int, random: Generator) -> np.ndarray:
    """Cars, drills, mowers: unequal strokes at a speed that wanders, through the body's resonances, and some air."""
    speed = random.uniform(12, 160) * 2 ** (
        random.uniform(0, 0.6) * _wandering(samples, random.uniform(0.2, 1.5), random)
    )
    strokes = np.flatnonzero(np.diff(np.floor(np.cumsum(speed) / RATE)))
    strengths = 1 + random.uniform(0, 0.4) * random.standard_normal(len(strokes))
    body = _ring(random.uniform(0.02, 0.12), random.uniform(60, 2_500, 4), random.uniform(0, 0.5), random)
    wave, air = signal.fftconvolve(_impulses(strokes, strengths, samples), body)[:samples], coloured(samples, random)
    return wave / (wave.std() + 1e-6) + random.uniform(0, 0.6) * air / air.std()


def wind(samples: int, random: Generator) -> np.ndarray:
    """Wind on a microphone: nearly all of it below some hundred Hz, and far louder in gusts."""
    corner = random.uniform(40, 300)
    rumble = signal.sosfilt(signal.butter(2, corner, fs=RATE, output="sos"), random.standard_normal(samples))
    gust = 10 ** (random.uniform(0.3, 1) * _wandering(samples, random.uniform(0.5, 3), random))
    return rumble * gust


def rain(samples: int, random: Generator) -> np.ndarray:
    """Hundreds of drops a second, each a short high ring, over a hiss."""
    drops = random.integers(0, samples, int(random.uniform(80, 900) * samples / RATE) + 1)
    falling = _impulses(drops, random.exponential(1, len(drops)) ** 2, samples)
    drop = _ring(random.uniform(0.002, 0.012), random.uniform(1_500, 7_000, 3), 1.0, random)
    wave, hiss = signal.fftconvolve(falling, drop)[:samples], random.standard_normal(samples)
    return wave / (wave.std() + 1e-6) + random.uniform(0.05, 0.8) * hiss


# ---------------------------------------------------------------------------------------------- hands and objects
def keyboard(samples: int, random: Generator) -> np.ndarray:
    """Typing: bursts of keys, each pressed and let go, every key with a sound near the others'."""
    pace, wave = random.uniform(4, 11), np.zeros(samples)
    press = int(random.uniform(-0.5, 0) * RATE)
    while press < samples:
        length = random.uniform(0.01, 0.05)
        for place, strength in (
            (press, 1.0),
            (press + int(random.uniform(0.05, 0.12) * RATE), random.uniform(0.2, 0.6)),
        ):
            blow = strength * _ring(length, random.uniform(900, 5_500, 3), random.uniform(0.5, 2), random)
            inside = np.arange(max(0, place), min(samples, place + len(blow)))
            wave[inside] += blow[inside - place]
        pause = random.uniform(0.3, 1.5) if random.random() < 0.12 else 0.0
        press += int((random.gamma(6, 1 / (6 * pace)) + pause) * RATE) + 1
    return wave + 1e-4 * random.standard_normal(samples)


def knocks(samples: int, random: Generator) -> np.ndarray:
    """Steps, hammering, a door: dull blows at an almost even pace."""
    period = RATE / random.uniform(0.8, 5)
    places = period * (random.random() + np.arange(int(samples / period) + 1)) + 0.04 * period * random.standard_normal(
        int(samples / period) + 1
    )
    blow = _ring(random.uniform(0.05, 0.3), random.uniform(60, 900, 3), random.uniform(0, 1), random)
    wave = signal.fftconvolve(_impulses(places, random.uniform(0.4, 1, len(places)), samples), blow)[:samples]
    return wave + 1e-4 * random.standard_normal(samples)


def rustle(samples: int, random: Generator) -> np.ndarray:
    """Cloth, paper, a bag: high noise in many short movements."""
    band = random.uniform(800, 2_500), random.uniform(4_000, 7_500)
    hiss = signal.sosfilt(signal.butter(2, band, "bandpass", fs=RATE, output="sos"), random.standard_normal(samples))
    return hiss * np.maximum(1e-3, _wandering(samples, random.uniform(6, 30), random)) ** random.uniform(1, 3)


def crackle(samples: int, random: Generator) -> np.ndarray:
    """Fire, an old record, a bad plug: single samples far above a faint hiss, more of them at some moments."""
    often = random.uniform(5, 150) * 10 ** (random.uniform(0, 0.8) * _wandering(samples, 3, random)) / RATE
    struck = (random.random(samples) < often) * random.standard_t(2, samples).clip(-30, 30)
    struck[random.integers(samples)] += 5
    ring = _ring(random.uniform(0.0005, 0.004), random.uniform(1_000, 7_000, 2), 1.0, random)
    return signal.fftconvolve(struck, ring)[:samples] + 10 ** random.uniform(-3, -1) * random.standard_normal(samples)


# ---------------------------------------------------------------------------------------------- signals and lines
def alarm(samples: int, random: Generator) -> np.ndarray:
    """Beeps, sirens, a reversing lorry: a tone that comes and goes, or glides up and down."""
    times = np.arange(samples) / RATE
    beat = np.mod(times * random.uniform(0.4, 6) + random.random(), 1)
    glide = 2 ** (random.choice([0.0, random.uniform(0.1, 1)]) * np.abs(2 * beat - 1))
    phase = 2 * np.pi * np.cumsum(random.uniform(350, 3_000) * glide) / RATE
    gains = random.exponential(1, 3) / (1, 3, 9)
    tone = gains[0] * np.sin(phase) + gains[1] * np.sin(2 * phase) + gains[2] * np.sin(3 * phase)
    on = np.clip(np.minimum(beat, random.uniform(0.3, 1.1) - beat) * 60, 0, 1)
    return tone * on + 1e-4 * random.standard_normal(samples)


def buzz(samples: int, random: Generator) -> np.ndarray:
    """A telephone beside a loudspeaker, a dimmer: short pulses, 217 or 100 a second, in bursts."""
    rate = random.choice([216.7, 100.0, 120.0])
    is_on = np.mod(np.arange(samples) * rate / RATE + random.random(), 1) < random.uniform(0.02, 0.15)
    bursts = _wandering(samples, random.uniform(2, 10), random) > random.uniform(-1, 0.3)
    edges = np.diff(is_on * (0.02 + bursts), prepend=0.0)
    return signal.sosfilt(signal.butter(1, random.uniform(2_000, 7_000), fs=RATE, output="sos"), edges)


SYNTHETIC_NOISES: tuple[Callable[[int, Generator], np.ndarray], ...] = (
    *(coloured, hum, fan, clicks, tones, gusts),
    *(engine, wind, rain, keyboard, knocks, rustle, crackle, alarm, buzz),
)
