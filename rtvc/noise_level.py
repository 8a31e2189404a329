"""How much noise and clipping a recording holds, in mono float32 (samples,) at 16 kHz."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from .speech_spans import SAMPLING_RATE, sounding, speech_only

_HOP = SAMPLING_RATE // 100
_BRIDGED = 0.1  # seconds: shorter pauses belong to the speech
_PIECE = 3 * SAMPLING_RATE // 2  # of speech in which noise is looked for
_QUIETEST = 0.05  # of a band's moments
_AUDIBLE = 10**-6.5  # of the strongest band's power
_LOUDEST = 3.0  # times what nine in ten moments stay below: louder is a click


def clipped_share(wave: np.ndarray) -> float:
    """The share of the loud samples, 0 … 1, that lie within a tenth of the loudest: speech has a few, cut peaks many.

    Loud is beyond a tenth of the loudest. A codec or a resampler bends what was flat, hence a tenth.
    """
    level = np.abs(wave)
    top = float(level.max(initial=0.0))
    loud = level[level > 0.1 * top]
    return float((loud > 0.9 * top).mean()) if loud.size else 0.0


def bandwidth(wave: np.ndarray) -> float:
    """Hz up to which a recording holds sound: the top of the highest 250 Hz within 65 dB of the strongest ones.

    A wave that was sampled at 8 kHz before it came to 16 has 4,000; people's consonants reach beyond 7,000.
    """
    if wave.size < 512:
        return SAMPLING_RATE / 2
    step = max(2 * _HOP, wave.size // 3000)  # of hours, too, no more than a minute is looked at
    frames = np.lib.stride_tricks.sliding_window_view(wave, 512)[::step] * np.blackman(512)
    power = np.square(np.abs(np.fft.rfft(frames))).mean(axis=0)[:256].reshape(-1, 8).sum(axis=1)
    return float(250 * (1 + np.flatnonzero(power >= _AUDIBLE * power.max()).max()))


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """How alike what two channels hear is, -1 … 1: the correlation of their bands' levels where both are loud.

    A room, a delay and noise leave one voice like itself; a common pause makes nobody like another.
    """
    powers = [_band_powers(wave) for wave in (one, other)]
    sums = [power.sum(axis=1) for power in powers]
    loud = np.all([total > 10**-2.5 * np.quantile(total, 0.95) for total in sums], axis=0)
    if loud.sum() < 30:
        return 0.0
    levels = []
    for power in powers:
        level = np.log10(power[loud] + 1e-4 * power[loud].mean())
        level -= level.mean(axis=0)
        levels.append(level - level.mean(axis=1, keepdims=True))
    first, second = levels
    return float((first * second).sum() / np.sqrt(np.square(first).sum() * np.square(second).sum()))


def _band_powers(wave: np.ndarray) -> np.ndarray:
    """(frames, bands) of 32 ms every 10 ms, 16 bands from 150 Hz to 4 kHz."""
    frames = np.lib.stride_tricks.sliding_window_view(wave, 512)[::_HOP] * np.hanning(512)
    edges = np.unique(np.round(np.geomspace(5, 128, 17)).astype(int))
    return np.add.reduceat(np.square(np.abs(np.fft.rfft(frames)))[:, : edges[-1]], edges[:-1], axis=1)


def snr(wave: np.ndarray) -> float:
    """Signal-to-noise ratio in dB: level while somebody speaks against the noise under the speech, 0 to 80 dB.

    Speech never fills all bands at once, so each band's quietest moments hold the noise alone (after Martin, "Noise
    power spectral density estimation based on optimal smoothing and minimum statistics", IEEE TSAP 2001). Pauses say
    nothing: they may have been muted, cut out or padded, or be words that the detector of speech missed. The middle
    half of overlapping pieces counts: a click, a cough, or a change of level is in few of them. Noise more than 30 dB
    below the speech drowns in the speech's own decay and is put too high.
    """
    speech = speech_only(wave, _BRIDGED)
    speech = speech[sounding(speech, 0.1 * float(np.median(np.abs(speech))))] if speech.size else speech
    starts = range(0, max(1, speech.size - _PIECE // 2), _PIECE // 6) if speech.size >= _PIECE // 6 else ()
    ratios = sorted(_local_snr(speech[start : start + _PIECE]) for start in starts)
    middle = ratios[len(ratios) // 4 : len(ratios) - len(ratios) // 4]
    return float(np.clip(np.mean(middle), 0.0, 80.0)) if middle else 0.0


def _local_snr(speech: np.ndarray) -> float:
    """Of at most a few seconds of speech, dB."""
    window, edges, scale = _noise_bands()
    frames = np.lib.stride_tricks.sliding_window_view(speech, window.size)[::_HOP]
    power = np.add.reduceat(np.abs(np.fft.rfft(frames * window)) ** 2, edges, axis=1)
    noise = float((np.quantile(power, _QUIETEST, axis=0) * scale).sum())
    level = power.sum(axis=1)
    both = float(np.minimum(level, _LOUDEST * np.quantile(level, 0.9)).mean())
    return 10.0 * math.log10(max(both - noise, 1e-4 * both) / max(noise, 1e-9 * both))


@lru_cache(maxsize=1)
def _noise_bands() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Window (512,), first bins of bands, and by how much the mean of noise exceeds its quietest moments.

    The bands reach from 80 Hz, below which nobody hears noise, to 8 kHz.
    The power of Gaussian noise in a band is chi-square distributed; a Hann window makes two of three bins independent.
    Three quarters or so of its moments hold speech: the quietest of all are four times as many of the rest.
    """
    from scipy.signal.windows import hann
    from scipy.stats import chi2

    edges = np.unique(np.r_[3, np.round(np.geomspace(5, 257, 20)).astype(int)])
    freedom = 2.0 * np.diff(edges) / 1.5
    return hann(512, sym=False).astype(np.float32), edges[:-1], freedom / chi2.ppf(4.0 * _QUIETEST, freedom)
