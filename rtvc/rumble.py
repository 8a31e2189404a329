"""Offset, drift and rumble below 30 Hz, which nobody hears, taken out of a recording.

The filters are written down here, and run by BLAS: to import scipy.signal takes longer than most commands.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np

_RUMBLE = 35.0  # Hz, under any voice
_OFFSET, _TRACE = 1e-4, 3e-3  # of the power: a smaller offset, and less rumble, change nothing
_PIECE = 1 << 16  # samples that are filtered at once
# The elliptic low-pass of order 6 at 1 rad/s with 0.1 dB of ripple, 60 dB down: scipy.signal.ellipap(6, 0.1, 60).
_RIPPLE = 0.1  # dB
_ZEROS = np.array([5.301699241231073j, 2.056659629486572j, 1.5902508092970027j])
_POLES = np.array(
    [
        -0.4829097667736507 + 0.3438225255794298j,
        -0.28059633870655215 + 0.8412207754322727j,
        -0.08284540267608997 + 1.0458178638326978j,
    ]
)


def without_rumble(wave: np.ndarray, rate: int) -> np.ndarray:
    """Without what lies below 30 Hz, where that is more than a trace; float32 (samples,).

    The filter runs forwards only, so that a file that was cut off gives a beginning of what the whole one does. Exact
    silence of 10 ms or more stays, and what is on both sides of it is filtered as if it were not there.
    """
    there = _beside_silence(wave, rate)
    part = wave[there].astype(np.float64)
    if part.size < rate // 2:  # of so little a mean tells nothing
        return wave
    power, offset = np.square(part).mean(), part.mean()
    if is_offset := offset**2 > _OFFSET * power:
        part -= offset
    trace = _TRACE * np.square(part).mean()
    if rumbles := power > 0.0 and _lasting_power(filtered(low_pass(rate), part), rate) > trace:
        part = filtered(high_pass(rate), part, before=part[: rate // 20].mean())
    if not (is_offset or rumbles):
        return wave
    clean = np.zeros_like(wave)
    clean[there] = part
    return np.clip(clean, -1.0, 1.0)


@lru_cache(maxsize=8)
def high_pass(rate: int) -> np.ndarray:
    """Sections, (3, 6), of what lets pass all but the rumble: 60 dB down at 25 Hz.

    The bilinear transform of the elliptic low-pass turned round: its root q becomes (1 + t / q) / (1 - t / q).
    """
    t = np.tan(np.pi * 1.3 * _RUMBLE / rate)
    top, bottom = (_polynomials((1 + t / roots) / (1 - t / roots)) for roots in (_ZEROS, _POLES))
    alternating = np.array([1.0, -1.0, 1.0])
    top *= (bottom @ alternating / (top @ alternating))[:, None]  # each passes the highest frequency as it is
    top[0] *= 10 ** (-_RIPPLE / 20)
    return np.hstack([top, bottom])


@lru_cache(maxsize=8)
def low_pass(rate: int) -> np.ndarray:
    """Sections, (2, 6), of what lets pass the rumble alone: Butterworth's of order 4, root q to (1 + tq) / (1 - tq)."""
    t, roots = np.tan(np.pi * _RUMBLE / rate), np.exp(1j * np.pi * np.array([5, 7]) / 8)
    bottom = _polynomials((1 + t * roots) / (1 - t * roots))
    return np.hstack([bottom.sum(axis=1, keepdims=True) / 4.0 * [1.0, 2.0, 1.0], bottom])


def _polynomials(roots: np.ndarray) -> np.ndarray:
    """(roots, 3): the coefficients of what has each root and its conjugate."""
    return np.stack([np.ones(roots.size), -2.0 * roots.real, np.abs(roots) ** 2], axis=1)


def filtered(sections: np.ndarray, wave: np.ndarray, before: float = 0.0) -> np.ndarray:
    """The wave after sections of second order, float64, as scipy.signal.sosfilt gives it.

    Args:
        sections: (sections, 6), b₀ b₁ b₂ 1 a₁ a₂ of each.
        wave: float64 (samples,).
        before: what came all the time before the wave.
    """
    for *top, _, a1, a2 in sections:
        after = before * sum(top) / (1.0 + a1 + a2)
        wave = _recursion((a1, a2), np.convolve(np.r_[before, before, wave], top, "valid"), after)
        before = after
    return wave


def _recursion(feedback: tuple[float, float], wave: np.ndarray, before: float) -> np.ndarray:
    """y[n] = x[n] - a₁ y[n-1] - a₂ y[n-2], which is the solution of a banded triangular system."""
    from scipy.linalg.blas import dtbsv

    a1, a2 = feedback
    band = np.array([[1.0], [a1], [a2]]).repeat(min(_PIECE, wave.size), axis=1).copy(order="F")
    y1 = y2 = before
    for start, end in pairwise([*range(0, wave.size, _PIECE), wave.size]):
        piece = wave[start:end]
        piece[:2] -= np.array([a1 * y1 + a2 * y2, a2 * y1])[: piece.size]
        piece[:] = dtbsv(2, band[:, : piece.size], piece, lower=1, diag=1)
        y1, y2 = piece[-1], piece[-2] if piece.size > 1 else y1
    return wave


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
