"""Further people made of those who spoke: played slower or faster, warped, or mixed.

Readers are resampled: a longer or shorter vocal tract is another person. Pieces of everybody are warped: pitch,
formants and microphone change, each by itself. In a mixture of several voices RTVC-7 can speak.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import soxr
import torch

from rtvc.training.data import channels, people, store
from rtvc.voice import Voice

SPEEDS = {"slow": (0.84, 0.92), "fast": (1.09, 1.19)}
ENCODER_SPEEDS = SPEEDS | {"slower": (0.77, 0.83), "faster": (1.2, 1.28)}  # enough to tell apart, too odd to speak like
WARPED_SPEED, WARPED_FORMANTS, FORMANTS_BOUND = (0.78, 1.27), 0.07, 0.15  # the latter natural logs: deviation, bound
WARPED_SECONDS = 10  # of a piece; of people with less speech there are fewer pieces
WARPED = "-warped"
MINIMUM_SAMPLES = int(1.2 * store.SAMPLING_RATE)
N_FFT, HOP_LENGTH = 512, 128  # of the short-time spectra in which a vocal tract is lengthened
LIFTERED = 26  # cepstral coefficients, 1.6 ms: the vocal tract, not the voice
CHANGE_BOUND = 2.3  # 20 dB


def speeds(speaker: str, ranges: dict[str, tuple[float, float]]) -> dict[str, float]:
    """How much slower and faster a speaker is played to make further ones, by suffix of the name; the same wherever the
    corpus lies."""
    draw = random.Random(people.bare(speaker))
    return {f"-{name}": draw.uniform(low, high) for name, (low, high) in ranges.items()}


def played(wave: np.ndarray, speed: float) -> np.ndarray:
    """``wave`` played ``speed`` times as fast: pitch, formants and tempo all move."""
    return soxr.resample(wave, speed, 1.0, quality="HQ")


def copies(wave: np.ndarray, speaker: str, ranges: dict[str, tuple[float, float]]) -> Iterator[tuple[str, np.ndarray]]:
    """(suffix, wave) of the speaker and of the further speakers that resampling makes of a reader, one a range."""
    yield "", wave
    for suffix, speed in speeds(speaker, ranges).items():
        yield suffix, played(wave, speed)


def warp(wave: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """``wave`` as somebody else's: a piece of up to ``WARPED_SECONDS``, into another microphone."""
    speed = math.exp(draw.uniform(*np.log(WARPED_SPEED)))
    size = int(WARPED_SECONDS * store.SAMPLING_RATE * speed)
    start = draw.integers(0, max(1, len(wave) - size))
    piece = played(wave[start : start + size], speed)
    formants = math.exp(np.clip(WARPED_FORMANTS * draw.standard_normal(), -FORMANTS_BOUND, FORMANTS_BOUND))
    piece = vocal_tract(piece, formants, channels.smooth_filter(draw))
    return piece / max(1.0, np.abs(piece).max())


def warped(wave: np.ndarray, speaker: str, count: int) -> Iterator[tuple[str, np.ndarray]]:
    """(suffix, piece) of up to ``count`` further people that a person's speech is made to come from."""
    draw, size = np.random.default_rng([*people.bare(speaker).encode()]), WARPED_SECONDS * store.SAMPLING_RATE
    for number in range(max(1, round(count * min(1.0, len(wave) / size))) if count else 0):
        piece = warp(wave, draw)
        if len(piece) >= MINIMUM_SAMPLES:
            yield f"{WARPED}{number}", piece


def vocal_tract(wave: np.ndarray, formants: float, filter_nepers: np.ndarray) -> np.ndarray:
    """``wave`` with its formants ``formants`` times as high at the same pitch, through a filter of ``filter_nepers``.

    The spectral envelope is the cepstrum's beginning (A. Oppenheim and R. Schafer 1968); the phase stays.

    Args:
        wave: (samples,) float32.
        filter_nepers: (257,), from 0 Hz to half the sampling rate.
    """
    window, half = torch.hann_window(N_FFT), N_FFT // 2
    spectrum = torch.stft(torch.from_numpy(wave), N_FFT, HOP_LENGTH, window=window, return_complex=True)
    logs = (spectrum.abs() + 1e-5).log()
    cepstrum = torch.fft.ifft(torch.cat([logs, logs[1:-1].flip(0)]), dim=0).real
    cepstrum[LIFTERED : 1 - LIFTERED] = 0
    envelope = torch.fft.fft(cepstrum, dim=0).real[: half + 1]
    places = (torch.arange(half + 1) / formants).clamp(max=half)
    below, share = places.long(), (places % 1)[:, None]
    moved = torch.lerp(envelope[below], envelope[(below + 1).clamp(max=half)], share)
    change = (moved - envelope).clamp(-CHANGE_BOUND, CHANGE_BOUND) + torch.from_numpy(filter_nepers).float()[:, None]
    return torch.istft(spectrum * change.exp(), N_FFT, HOP_LENGTH, window=window, length=len(wave)).numpy()


def mixture(parts: list[Voice], shares: np.ndarray, higher: float = 0.0) -> Voice:
    """The voice between ``parts``, ``higher`` in pitch (natural log)."""

    def mean(name: str) -> Any:
        return sum(share * getattr(voice, name) for share, voice in zip(shares, parts, strict=True))

    embedding, timbre, pitch = mean("speaker_embedding"), mean("timbre"), mean("pitch_mean") + higher
    return Voice(embedding, timbre, pitch, mean("pitch_std"), mean("tempo"))
