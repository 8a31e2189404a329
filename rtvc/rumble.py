"""Offset, drift and rumble below 30 Hz, which nobody hears, taken out of a recording.

What is left stays as it was, sample by sample: a filter that turned phases moved a man's lowest tones by a third of
their period, and what was cleaned lay 3 dB above its difference from the recording.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

_CORNER, _HALF, _BETA = 36.0, 0.105, 5.65  # Hz, s, Kaiser's: all below 28 Hz, nothing above 44, 60 dB between
_OFFSET, _TRACE = 1e-4, 3e-3  # of the power: a smaller offset, and less rumble, change nothing
_PIECE = 1 << 16  # samples that are filtered at once


def without_rumble(wave: np.ndarray, rate: int) -> np.ndarray:
    """Without what lies below 30 Hz, where that is more than a trace; float32 (samples,).

    Exact silence of 10 ms or more stays, and what is on both sides of it is filtered as if it were not there.
    """
    there = _beside_silence(wave, rate)
    part = wave[there].astype(np.float64)
    if part.size < rate // 2:  # of so little a mean tells nothing
        return wave
    power, offset = np.square(part).mean(), part.mean()
    if is_offset := offset**2 > _OFFSET * power:
        part -= offset
    trace = _TRACE * np.square(part).mean()
    deep = filtered(low_pass(rate), part)
    if rumbles := power > 0.0 and _lasting_power(deep, rate) > trace:
        part -= deep
    if not (is_offset or rumbles):
        return wave
    clean = np.zeros_like(wave)
    clean[there] = part
    return np.clip(clean, -1.0, 1.0)


@lru_cache(maxsize=8)
def low_pass(rate: int) -> np.ndarray:
    """What lets pass the rumble alone, an odd number of taps around its middle; float64 (taps,)."""
    half = round(_HALF * rate)
    taps = np.sinc(2.0 * _CORNER / rate * np.arange(-half, half + 1)) * np.kaiser(2 * half + 1, _BETA)
    return taps / taps.sum()


def filtered(taps: np.ndarray, wave: np.ndarray) -> np.ndarray:
    """The wave through a symmetric filter, none of it late; mirrored where it begins and ends; float64 (samples,)."""
    beyond, size = taps.size // 2, max(_PIECE, 4 * taps.size)
    spectrum, wave = np.fft.rfft(taps, size), np.pad(wave, beyond, mode="symmetric")
    pieces = (wave[start : start + size] for start in range(0, wave.size - 2 * beyond, size - 2 * beyond))
    return np.concatenate(
        [np.fft.irfft(np.fft.rfft(piece, size) * spectrum)[2 * beyond : piece.size] for piece in pieces]
    )


def _lasting_power(wave: np.ndarray, rate: int) -> float:
    """What the power is for a quarter of the time at least: a cough has deep tones too, and is no rumble."""
    return float(np.quantile(np.square(_blocks(wave, rate // 10)).mean(axis=1), 0.75))


def _blocks(wave: np.ndarray, size: int) -> np.ndarray:
    return wave[: wave.size // size * size].reshape(-1, size)


def _beside_silence(wave: np.ndarray, rate: int) -> np.ndarray:
    """Whether something was recorded, or it is exact silence of 10 ms or more; bool (samples,)."""
    size = rate // 100
    frames = _blocks(wave, size).any(axis=1).repeat(size)
    return np.pad(frames, (0, wave.size - frames.size), constant_values=True)
