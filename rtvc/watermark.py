"""An inaudible mark that says "made by rtvc" in the sound itself: written into every clone, found again by `detect`.

Method: keyed additive spread spectrum, shaped by the speech. Every 16 ms a frame of 32 ms of pseudo-random noise is
added whose magnitudes are those of the 32 ms *before* it, 19 dB lower; its phases come from the key and repeat every
1.024 s. So the mark is hidden by the sound that it follows (simultaneous and forward masking, Moore, "An Introduction
to the Psychology of Hearing", ch. 3), it looks only backwards, and a stream can be marked piece by piece without delay.
The detector weighs each cell of the short-time spectrum by how strong the mark must be there and how loud the sound is
(a matched filter), folds the result to one period and correlates it with the key's noise at every offset. What it
returns is the highest correlation in standard deviations of all of them, so loudness and length cancel out.

Limits. The key is in this file: whoever reads it can take the mark out again or put it into any recording, so it is
proof of nothing in court and no defence against somebody who means to hide. It is lost where speed or pitch is changed
by 0.1 % (0.02 % it bears), where the sound went through a vocoder or another voice conversion, and in less than about
half a second; one second of it bears noise 20 dB below the speech, not much more.
`rtvc evaluate --only watermark` measures what it survives.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
from numpy import fft

from .audio import PEAK, SAMPLING_RATE
from .errors import RTVCError

KEY = b"rtvc, mark 1"
FRAMES = 64  # a period, 1.024 s: one second of sound holds the whole key
FRAME, HOP = 512, 256  # samples at 16 kHz; at other rates the same times
BINS = FRAME // 2 + 1
STRENGTH = 0.11  # of the mark's magnitude to the speech's: 19 dB below it
# The bins that carry it, 250 Hz … 2.5 kHz: in every telephone's band, where speech stands out of noise. Outside of them
# the mark costs Distill-MOS more than it helps to find it.
LOWEST, HIGHEST = 8, 79
# What the file of a clone says in its metadata; the address is IPTC's term for media made by a trained model.
PROVENANCE = (
    "Synthetic speech: a voice cloned with rtvc. http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
)
THRESHOLD = 6.2  # standard deviations; by chance one window in 100,000: 2 · 16384 offsets · Q(6.2)
WINDOW = 8 * FRAMES * HOP  # samples, 8.2 s: what the detector folds at once
_SELF = 0.05  # the share of the mark's expected power that adds to the noise it is found in: bounds the weights
_FLOOR_PERCENTILE = 10.0  # of a bin's power over time: below it lies the noise of the channel


class Marker:
    """Marks a wave that comes in pieces of any size: joined, they are what one piece would have given.

    Args:
        rate: Hz, a multiple of 125 from 8,000 on.
        key: whose mark.

    Raises:
        RTVCError: the rate does not allow a mark.
    """

    def __init__(self, rate: int, key: bytes = KEY):
        if rate < 8_000 or rate % 125:
            raise RTVCError(f"Speech at {rate} Hz cannot be watermarked; use a model of 16,000, 24,000 or 48,000 Hz.")
        self._hop = rate * HOP // SAMPLING_RATE
        self._size = 2 * self._hop
        self._phases = STRENGTH * _phases(key)[:, : self._size // 2 + 1]
        self._analysis, self._synthesis = _windows(self._size)
        self._frame = 0  # the number of the next frame
        self._past = np.zeros(self._size, np.float32)  # what was heard since the next frame's analysis begins
        self._tail = np.zeros(self._hop, np.float32)  # the last frame's second half
        self._ready = np.zeros(0, np.float32)  # the mark of the samples that come next

    def __call__(self, wave: np.ndarray) -> np.ndarray:
        """The next piece, float32 (samples,), with its mark; digital silence stays silent.

        Raises:
            RTVCError: the wave holds NaN or infinite samples: no mark could be written.
        """
        if not np.isfinite(wave).all():
            raise RTVCError("The speech holds samples that are not numbers, so it cannot be watermarked; say it again.")
        samples = np.concatenate([self._past, np.asarray(wave, np.float32)])
        count = -(-(wave.size - self._ready.size) // self._hop)  # frames that begin in this piece
        mark = np.concatenate([self._ready, self._frames(samples, count)]) if count > 0 else self._ready
        self._past = samples[max(count, 0) * self._hop :]
        self._ready = mark[wave.size :]
        return np.clip(np.where(wave == 0.0, 0.0, wave + mark[: wave.size]), -PEAK, PEAK).astype(np.float32)

    def _frames(self, samples: np.ndarray, count: int) -> np.ndarray:
        """The mark of the next `count` hops, from the samples before each: (count · hop,)."""
        past = np.lib.stride_tricks.sliding_window_view(samples, self._size)[:: self._hop][:count]
        magnitudes = _smooth(np.abs(fft.rfft(past * self._analysis, axis=1)[:, :BINS]))
        numbers = np.arange(self._frame, self._frame + count) % FRAMES
        frames = fft.irfft(magnitudes * self._phases[numbers], n=self._size, axis=1) * self._synthesis
        first, second = frames[:, : self._hop], frames[:, self._hop :]
        mark = first + np.concatenate([self._tail[None], second[:-1]])
        self._frame += count
        self._tail = second[-1]
        return mark.reshape(-1)


def mark(wave: np.ndarray, rate: int, key: bytes = KEY) -> np.ndarray:
    """A whole wave, float32 (samples,), with the mark; see :class:`Marker`."""
    return Marker(rate, key)(wave)


def detect(wave: np.ndarray, key: bytes = KEY) -> float:
    """How surely a wave carries the mark: `THRESHOLD` and above means that it does; without it 4 to 5 is usual.

    Args:
        wave: float32 (samples,) at 16 kHz, as :func:`rtvc.audio.read` gives it. Long ones are searched in windows of
            8.2 s, so that a clone inside a longer recording is found.
        key: whose mark.
    """
    return max((_score(wave[start : start + WINDOW], key) for start in range(0, wave.size, WINDOW)), default=0.0)


def _score(wave: np.ndarray, key: bytes) -> float:
    """The highest correlation of one window with the key's noise, in standard deviations."""
    if not np.any(wave):
        return 0.0
    period = FRAMES * HOP
    folded = np.pad(_weigh(wave), (0, -wave.size % period)).reshape(-1, period).sum(axis=0)
    correlation = np.abs(fft.irfft(fft.rfft(folded) * _template(key), n=period))
    deviation = float(np.median(correlation)) / 0.6745  # of a normal distribution, from its median absolute value
    return float(correlation.max()) / deviation if deviation > 0.0 else 0.0


def _weigh(wave: np.ndarray) -> np.ndarray:
    """The wave as the matched filter of the mark wants it, (samples,).

    A cell of magnitude |Y| with noise power N in its bin counts as Y · A / (|Y|² + N): A is the magnitude, noise taken
    off, of 32 ms earlier, which is what the mark was shaped by.
    """
    padded = np.pad(wave.astype(np.float32), (HOP, 2 * FRAME))
    window = _windows(FRAME)[1] / _windows(FRAME)[1].max()
    spectra = fft.rfft(np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP] * window, axis=1)
    power = np.square(np.abs(spectra))
    noise = _noise(power[: max(1, wave.size // HOP)])
    shape = _smooth(np.sqrt(np.maximum(power - noise, 0.0)))
    shape = np.concatenate([np.zeros_like(shape[:2]), shape[:-2]])  # 2 hops: 32 ms
    weighed = spectra * (shape / (power + noise + _SELF * np.square(shape)))
    weighed[:, :LOWEST] = weighed[:, HIGHEST + 1 :] = 0.0
    frames = fft.irfft(weighed, n=FRAME, axis=1) * window
    out = np.zeros((len(frames) + 1, HOP), np.float32)
    out[:-1] += frames[:, :HOP]
    out[1:] += frames[:, HOP:]
    return out.reshape(-1)[HOP : HOP + wave.size]


def _noise(power: np.ndarray) -> np.ndarray:
    """The channel's noise power in each bin, (bins,), from the quietest frames (frames, bins); never nought.

    The power of white noise is exponentially distributed: its tenth percentile is a tenth of its mean.
    """
    quiet = np.percentile(power, _FLOOR_PERCENTILE, axis=0) / -np.log1p(-_FLOOR_PERCENTILE / 100.0)
    smooth = np.convolve(np.pad(quiet, 8, mode="edge"), np.full(17, 1.0 / 17.0), "valid")
    return (smooth + 1e-6 * power.mean() + np.finfo(np.float32).tiny).astype(np.float32)


def _smooth(magnitudes: np.ndarray) -> np.ndarray:
    """The mean of each bin and its two neighbours, (frames, bins), as the ear spreads what masks."""
    padded = np.pad(magnitudes, ((0, 0), (1, 1)))
    return (padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]) * np.float32(1.0 / 3.0)


@lru_cache(maxsize=8)
def _phases(key: bytes) -> np.ndarray:
    """The key's phases as unit numbers, complex64 (FRAMES, BINS); 0 in the bins that carry no mark."""
    digest = hashlib.shake_256(key).digest(2 * FRAMES * BINS)
    angles = np.frombuffer(digest, "<u2").reshape(FRAMES, BINS) * (2.0 * np.pi / 65536.0)
    phases = np.exp(1j * angles).astype(np.complex64)
    phases[:, :LOWEST] = phases[:, HIGHEST + 1 :] = 0.0
    return phases


@lru_cache(maxsize=8)
def _windows(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Hann for analysis; sine for synthesis, which keeps the power of noise constant, made up for what Hann takes."""
    sine = np.sin(np.pi * (np.arange(size) + 0.5) / size).astype(np.float32)
    return np.square(sine), sine / np.float32(np.sqrt(0.375))


@lru_cache(maxsize=8)
def _template(key: bytes) -> np.ndarray:
    """The conjugate spectrum of one period of the key's noise: what a flat sound would carry."""
    frames = fft.irfft(_phases(key), n=FRAME, axis=1) * _windows(FRAME)[1]
    noise = frames[:, :HOP] + np.roll(frames[:, HOP:], 1, axis=0)
    return np.conj(fft.rfft(noise.reshape(-1)))
