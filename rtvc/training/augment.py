"""Rooms, noise, babble and telephones for Tuned-GE2E: what a person's recording goes through before it reaches us."""

from __future__ import annotations

import numpy as np
from scipy import signal

RATE = 16_000


def room(wave: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """``wave`` in a room: a direct path and an exponential tail of 0.15–0.6 s reverberation time."""
    seconds = random.uniform(0.15, 0.6)
    times = np.arange(int(seconds * RATE)) / RATE
    response = random.standard_normal(len(times)) * 10 ** (-3 * times / seconds)
    response *= random.uniform(0.2, 0.9) / np.linalg.norm(response)
    response[0] = 1.0
    return signal.fftconvolve(wave, response.astype(np.float32))[: len(wave)]


def telephone(wave: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """``wave`` through a channel that passes about 300 Hz to 3.4 kHz."""
    band = (random.uniform(80, 350), random.uniform(3_200, 6_500))
    return signal.sosfilt(signal.butter(3, band, "bandpass", fs=RATE, output="sos"), wave)


def mix(wave: np.ndarray, noise: np.ndarray, snr: float) -> np.ndarray:
    """``wave`` with ``noise`` (repeated to its length) at ``snr`` dB."""
    noise = np.resize(noise, len(wave))
    ratio = np.mean(wave**2) / (np.mean(noise**2) + 1e-10)
    return wave + noise * np.sqrt(ratio * 10 ** (-snr / 10))


def tilt(length: int, random: np.random.Generator) -> np.ndarray:
    """Coloured noise, white to brown."""
    return signal.lfilter([1], [1, -random.uniform(0, 0.98)], random.standard_normal(length))


def augment(wave: np.ndarray, noises: list[np.ndarray], babble: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """One random recording condition; ``babble``: other people's speech to draw from, (samples,)."""
    if random.random() < 0.5:
        wave = room(wave, random)
    kind, snr = random.random(), random.uniform(3, 22)
    if kind < 0.45:
        wave = mix(wave, noises[random.integers(len(noises))], snr)
    elif kind < 0.65:
        wave = mix(wave, tilt(len(wave), random), snr)
    elif kind < 0.8:
        starts = random.integers(0, max(1, len(babble) - len(wave)), 4)
        wave = mix(wave, sum(babble[one : one + len(wave)].astype(np.float32) for one in starts), snr)
    if random.random() < 0.3:
        wave = telephone(wave, random)
    return wave.astype(np.float32)
