"""Where somebody speaks in a recording, in mono float32 (samples,) at 16 kHz: spans, seconds, speech without pauses."""

from __future__ import annotations

import math
import threading
from functools import lru_cache
from typing import Any

import numpy as np

from .errors import VoiceError

SAMPLING_RATE = 16_000
MINIMUM_VOICED_SECONDS = 3.0
SILENT_PEAK = 1e-4  # -80 dBFS

_DITHER = 1.5 / 2**15  # what editors write for silence at 16 bits
_HOP = SAMPLING_RATE // 100
_STANDS_OUT = 3.0
_INAUDIBLE = 10**-2.5  # of the speech's peak: 50 dB below it
_AROUND = 30  # blocks of silence that the detector hears beside sound
_lock = threading.Lock()


@lru_cache(maxsize=1)
def _vad() -> tuple[Any, Any]:
    """Silero VAD's torch-free sequence model and its function, one thread, shared by all callers."""
    import torch

    threads = torch.get_num_threads()
    try:
        from silero_vad import get_speech_timestamps_sequence, load_silero_vad

        return load_silero_vad(sequence=True), get_speech_timestamps_sequence
    finally:
        torch.set_num_threads(threads)  # importing silero_vad sets it to 1 for the whole process


def voiced_spans(wave: np.ndarray) -> list[tuple[int, int]]:
    """Where somebody speaks: (start, end) in samples, pauses under 0.1 s bridged, 30 ms of margin.

    The level does not matter: the detector hears the wave scaled to a peak of 0.5, which no click or slam sets. Nor
    does silence, digital or of a quiet room, wherever it was put: the detector, which behind it is slow to believe in
    noisy speech, does not hear it, and no span reaches over it.
    """
    peak = lasting_peak(wave)
    if peak < SILENT_PEAK:
        return []
    with _lock:
        model, timestamps = _vad()
    loud = _near_sound(wave, peak) & sounding(wave, min(_DITHER, 1e-3 * peak))
    heard = np.clip(wave[loud] * np.float32(0.5 / peak), -0.5, 0.5)
    speech = np.zeros(heard.size, dtype=bool)
    for span in timestamps(heard, model):
        speech[span["start"] : span["end"]] = True
    found = np.zeros(wave.size, dtype=np.int8)
    found[loud] = speech
    edges = np.flatnonzero(np.diff(found, prepend=0, append=0)).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def _near_sound(wave: np.ndarray, peak: float) -> np.ndarray:
    """(samples,) bool: without what stays 50 dB below the speech, from 0.3 s beside what does not."""
    from scipy.ndimage import maximum_filter1d

    near = maximum_filter1d(sounding(wave, _INAUDIBLE * peak)[::_HOP], 2 * _AROUND + 1)
    return np.repeat(near, _HOP)[: wave.size]


def sounding(wave: np.ndarray, level: float) -> np.ndarray:
    """(samples,) bool: in blocks of 10 ms that reach above `level`. What does not was muted, or never recorded."""
    peaks = np.maximum.reduceat(np.abs(wave), np.arange(0, wave.size, _HOP))
    return np.repeat(peaks > level, _HOP)[: wave.size]


def worth_cleaning(wave: np.ndarray) -> np.ndarray:
    """(samples,) bool: without stretches of 0.3 s and more that stay 50 dB below the speech, where no noise is."""
    from scipy.ndimage import binary_closing

    loud = sounding(wave, _INAUDIBLE * lasting_peak(wave))
    blocks = loud[::_HOP]
    return np.repeat(binary_closing(blocks, np.ones(30)) | blocks, _HOP)[: wave.size]


def lasting_peak(wave: np.ndarray) -> float:
    """The peak; of something loud that is over within 0.3 s, `_STANDS_OUT` times what the rest reaches.

    Peaks of speech stand out less from its loudest 0.3 s.
    """
    if not wave.size:
        return 0.0
    blocks = np.maximum.reduceat(np.abs(wave), np.arange(0, wave.size, _HOP))
    place = blocks.size - 1 - min(30, blocks.size // 4)
    rest = np.partition(blocks, place)[place]
    return float(min(blocks.max(), max(_STANDS_OUT * rest, SILENT_PEAK)))


def voiced_seconds(wave: np.ndarray) -> float:
    """Seconds of speech in a wave at 16 kHz, pauses left out."""
    return sum(end - start for start, end in voiced_spans(wave)) / SAMPLING_RATE


def check_speech(wave: np.ndarray, seconds: float = MINIMUM_VOICED_SECONDS, name: str = "The recording") -> float:
    """Refuse silence and less than `seconds` of speech; return the seconds of speech there are."""
    check_sound(wave, name)
    voiced = voiced_seconds(wave)
    if voiced == 0.0:
        raise VoiceError(f"{name} contains no speech; record about five seconds of one voice.")
    if voiced < seconds:
        raise VoiceError(too_short(voiced, name, seconds))
    return voiced


def check_sound(wave: np.ndarray, name: str = "The recording") -> None:
    """Refuse silence."""
    if float(np.abs(wave).max(initial=0.0)) < SILENT_PEAK:
        raise VoiceError(f"{name} is silent; check the microphone and record again.")


def too_short(voiced: float, name: str, seconds: float = MINIMUM_VOICED_SECONDS) -> str:
    """The sentence that refuses a recording with less than `seconds` of speech."""
    heard = math.floor(10 * voiced) / 10  # 2.97 must not read as 3.0
    return f"{name} contains only {heard:.1f} s of speech, and {seconds:g} s are needed; record a longer sample."


def speech_only(wave: np.ndarray, pause: float = 0.5) -> np.ndarray:
    """The wave without silent ends, and without pauses longer than `pause` seconds; empty where nobody speaks."""
    return wave[spoken(wave, pause)]


def spoken(wave: np.ndarray, pause: float = 0.5) -> np.ndarray:
    """Which samples are speech, pauses of up to `pause` seconds within it included: (samples,) bool."""
    found, last = np.zeros(wave.size, dtype=bool), -math.inf
    for start, end in voiced_spans(wave):
        found[int(last) if start - last < pause * SAMPLING_RATE else start : end] = True
        last = end
    return found & sounding(wave, 0.0) if wave.size else found
