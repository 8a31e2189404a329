"""Audio: read, check, resample, level, voiced seconds, pitch, tempo, noise, write.

Inside rtvc a recording is mono float32 in [-1, 1] at 16 kHz, shape (samples,). Everything here is cheap (a few
thousandths of real time on one core) and safe to call from several threads. Heavy libraries load on first use.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from . import decoding, samples
from .decoding import Sound
from .errors import VoiceError, quoted
from .files import atomic_write
from .noise_level import bandwidth, clipped_share, likeness, snr  # noqa: F401  (two are public here)
from .rumble import without_rumble
from .speech_spans import (  # noqa: F401  (public here, too)
    MINIMUM_VOICED_SECONDS,
    SAMPLING_RATE,
    SILENT_PEAK,
    check_sound,
    check_speech,
    speech_only,
    spoken,
    too_short,
    voiced_seconds,
    voiced_spans,
    worth_cleaning,
)

MAXIMUM_SECONDS = 2 * 3600.0  # 460 MB as float32 at 16 kHz
MAXIMUM_BYTES = 4 * 1024**3
MAXIMUM_CHANNELS = 8
MAXIMUM_DECODED = 1 << 30  # samples of all channels: 46 minutes of eight channels at 48 kHz, a few seconds of decoding
RATES = (8_000, 192_000)  # Hz
_OTHERS = 0.2  # of the speech: so much of somebody else's is worth a word
_SAME = 0.15  # likeness of two channels: two microphones near one voice 0.5, two people 0.0 ± 0.1 in 30 of development
LOUDNESS = -23.0  # LUFS, EBU R 128
PEAK = 0.99
KNEE = 0.95  # where `soft_clip` begins

_FORMATS = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".mp3": "MP3"}
_lock = threading.Lock()

Recording = str | os.PathLike | bytes | BinaryIO | tuple[Any, int] | dict[str, Any]


# --- reading and writing ----------------------------------------------------------------------------------------------


def read(source: Recording, sampling_rate: int = SAMPLING_RATE, max_seconds: float = MAXIMUM_SECONDS) -> np.ndarray:
    """Any recording as mono float32 in [-1, 1], without what lies below 30 Hz if that is more than a trace.

    Of several channels it is the one with the clearest speech: their mean would be a comb filter where two microphones
    heard the same voice.

    Args:
        source: a path; a file's bytes, or the file, open for reading; `(samples, rate)` with samples (n,),
            (n, channels) or (channels, n), NumPy's, torch's or a list's, integer or float; a row of `datasets`.
            Integers are scaled by their type: 24 bits in an int32, which cannot be known, come 48 dB quieter.
        sampling_rate: the rate to deliver, Hz.
        max_seconds: longer recordings are refused.

    Returns:
        float32 (samples,) at `sampling_rate`; of a file that was cut off, its beginning.

    Raises:
        VoiceError: the recording is missing, unreadable, empty, too long, or holds NaN or infinite samples.
    """
    return heard(source, sampling_rate, max_seconds)[0]


def heard(
    source: Recording, sampling_rate: int = SAMPLING_RATE, max_seconds: float = MAXIMUM_SECONDS
) -> tuple[np.ndarray, bool]:
    """As :func:`read`, and whether a channel that was left out holds somebody else's speech, as interviews have it."""
    source = samples.unpacked(source)
    if isinstance(source, tuple):
        name, choices = "The recording", [partial(_sound_of, source)]
    else:
        name, source = _encoded(source)
        choices = [partial(decode, source) for decode in decoding.decoders()]
    wave, others = _decoded(choices, name, sampling_rate, max_seconds)
    if not wave.size:
        raise VoiceError(f"{name} contains no sound; record or choose it again.")
    return without_rumble(wave, sampling_rate), others


def _encoded(source: Any) -> tuple[str, Path | bytes]:
    """A file's name as messages show it, and the file or its bytes, checked."""
    if isinstance(source, bytes):
        if not source:
            raise VoiceError("The recording is an empty file; record or choose it again.")
        return "The recording", source
    path = Path(source)
    name = quoted(path.name)
    _check_file(path, name)
    return name, path


def _decoded(
    choices: Sequence[Callable[[], Sound]], name: str, sampling_rate: int, max_seconds: float
) -> tuple[np.ndarray, bool]:
    """By the first decoder that can."""
    failure: Exception | None = None
    for choice in choices:
        try:
            return _decode(choice(), name, sampling_rate, max_seconds)
        except VoiceError:
            raise
        except decoding.errors() as error:
            failure = error
    raise VoiceError(f"{name} cannot be read as audio; save it as WAV, FLAC, OGG or MP3 and try again.") from failure


def _decode(sound: Sound, name: str, sampling_rate: int, max_seconds: float) -> tuple[np.ndarray, bool]:
    """The sound of an opened recording; what its header announces has to be within the limits first."""
    _check_limits(sound, sound.frames or 0, name, max_seconds)
    channel, others = _clearest_channel(sound, name) if sound.channels > 1 else (0, False)
    resample = _resampler(sound.rate, sampling_rate)
    decoded, peak, parts = 0, 1.0, [np.zeros(0, np.float32)]
    for block in sound.blocks():
        decoded += len(block)
        _check_limits(sound, decoded, name, max_seconds)
        mono = np.ascontiguousarray(_finite(block, name)[:, channel])
        peak = max(peak, float(np.abs(mono).max(initial=0.0)) if sound.floating else 0.0)
        parts.append(resample(mono, False))
    if decoded >= (sound.frames or 0):  # else it was cut off, and what the resampler holds waits for what never comes
        parts.append(resample(np.zeros(0, np.float32), True))
    # Floats beyond full scale are scaled; what a lossy codec or the resampler puts on a full-scale peak is clipped, so
    # that how loud a recording becomes does not depend on one of its samples.
    return np.clip(np.concatenate(parts) / np.float32(peak), -1.0, 1.0), others


def _check_limits(sound: Sound, frames: int, name: str, max_seconds: float) -> None:
    _check_length(frames, sound.rate, max_seconds, name)
    if sound.channels > MAXIMUM_CHANNELS:
        raise VoiceError(f"{name} has {sound.channels} channels, more than {MAXIMUM_CHANNELS}; mix it down to one.")
    if frames * sound.channels > MAXIMUM_DECODED:
        raise VoiceError(f"{name} is too large when decoded; cut out a part of it, or mix it down to one channel.")


def _clearest_channel(sound: Sound, name: str) -> tuple[int, bool]:
    """The one channel that the whole recording is read from, chosen by up to two minutes spread over it; and whether
    another one holds somebody else's speech.

    Of those with nearly as much speech as any it is the one that is clearest, or the first of equals.
    """
    stretches, stride = [np.zeros((0, sound.channels), np.float32)], 1
    for number, stretch in enumerate(_stretches(sound.blocks(), sound.rate * 10)):
        if number % stride == 0:
            stretches.append(resample(_finite(stretch, name), sound.rate))
        if len(stretches) > 12:
            stretches, stride = stretches[::2], 2 * stride
    channels = np.concatenate(stretches).T
    if not channels.size or (_energy(channels - channels[0]) <= 1e-4 * _energy(channels)).all():
        return 0, False
    peak = max(1.0, float(np.abs(channels).max()))
    waves = [without_rumble(channel / np.float32(peak), SAMPLING_RATE) for channel in channels]
    speech = [voiced_seconds(wave) for wave in waves]
    levels = np.round(10.0 * np.log10(_energy(np.array(waves)) + 1e-12))  # dB, so that no rounding error decides
    clear = [round(snr(wave)) if part else 0 for wave, part in zip(waves, speech, strict=True)]
    marks = [(part >= 0.8 * max(speech), *mark) for part, *mark in zip(speech, clear, levels, strict=True)]
    best = max(range(len(marks)), key=marks.__getitem__)
    enough = max(_OTHERS * speech[best], 1.0)
    return best, any(
        part >= enough and likeness(waves[best], wave) < _SAME for wave, part in zip(waves, speech, strict=True)
    )


def _energy(waves: np.ndarray) -> np.ndarray:
    """Of each row; float32 would overflow on absurd levels."""
    return np.square(waves, dtype=np.float64).sum(axis=1)


def _stretches(blocks: Iterator[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Blocks of any size as blocks of `size` frames, the last one shorter."""
    held: list[np.ndarray] = []
    for block in blocks:
        held.append(block)
        if sum(map(len, held)) >= size:
            yield np.concatenate(held)
            held = []
    if held:
        yield np.concatenate(held)


def _check_file(path: Path, name: str) -> None:
    try:
        exists, is_file, size = path.exists(), path.is_file(), path.stat().st_size if path.is_file() else 0
    except (OSError, ValueError) as error:  # a name too long, a null byte, a folder without permission
        raise VoiceError(f"{name} cannot be opened; check the path of the recording.") from error
    if not exists:
        raise VoiceError(f"{name} does not exist; check the path of the recording.")
    if not is_file:
        raise VoiceError(f"{name} is not a file; give the path of one recording.")
    if size == 0:
        raise VoiceError(f"{name} is an empty file; record or choose it again.")
    if not os.access(path, os.R_OK):
        raise VoiceError(f"{name} may not be read by you; change its permissions, or give a copy of it.")
    if size > MAXIMUM_BYTES:
        raise VoiceError(f"{name} is larger than {MAXIMUM_BYTES // 1024**3} GB; cut out a part of it.")


def _sound_of(source: tuple[Any, Any]) -> Sound:
    """Samples in memory as a recording to be decoded."""
    values, rate = samples.checked(*source)
    return Sound(rate, values.shape[1], len(values), values.dtype.kind == "f", lambda: samples.blocks(values, rate))


def _finite(wave: np.ndarray, name: str) -> np.ndarray:
    if not np.isfinite(wave).all():
        raise VoiceError(f"{name} contains samples that are not numbers (NaN or infinite); export it again.")
    return wave


def _check_length(samples: int, rate: int, max_seconds: float, name: str) -> None:
    lowest, highest = RATES
    if not lowest <= rate <= highest:
        raise VoiceError(f"{name} has a sampling rate of {rate} Hz; use one between {lowest:,} and {highest:,} Hz.")
    if samples > max_seconds * rate:
        raise VoiceError(f"{name} is longer than {max_seconds / 60:.3g} minutes; cut out a part of it.")


def resample(wave: np.ndarray, rate: int, sampling_rate: int = SAMPLING_RATE) -> np.ndarray:
    """float32 (samples,) at `rate` to float32 at `sampling_rate` (soxr, high quality)."""
    import soxr

    wave = np.ascontiguousarray(wave, dtype=np.float32)
    return wave if rate == sampling_rate or not wave.size else soxr.resample(wave, rate, sampling_rate)


def _resampler(rate: int, sampling_rate: int) -> Any:
    if rate == sampling_rate:
        return lambda block, last: block
    import soxr

    stream = soxr.ResampleStream(rate, sampling_rate, 1, dtype="float32")
    return lambda block, last: stream.resample_chunk(block, last=last)


def check_output(path: str | os.PathLike) -> Path:
    """Refuse a place or a format that `write` cannot serve, before any work is done."""
    path = Path(path)
    if path.suffix.lower() not in _FORMATS:
        raise VoiceError(f"{quoted(path.name)} must end in {', '.join(_FORMATS)}; choose one of these formats.")
    if not path.parent.is_dir():
        raise VoiceError(f"The folder of {quoted(path.name)} does not exist; create it or choose another one.")
    return path


def write(path: str | os.PathLike, wave: np.ndarray, rate: int, comment: str = "") -> None:
    """Write float32 (samples,) as WAV (16 bit), FLAC, OGG or MP3 by the path's ending; the file appears whole.

    `comment` is kept in the file's metadata, where players and `comment_of` show it.
    """
    import soundfile

    path = check_output(path)
    kind = _FORMATS[path.suffix.lower()]
    try:
        with atomic_write(path) as written, soundfile.SoundFile(written, "w", int(rate), 1, format=kind) as file:
            if comment:
                file.comment = comment
            file.write(np.clip(wave, -1.0, 1.0))
    except (soundfile.LibsndfileError, OSError) as error:
        raise VoiceError(f"{quoted(path.name)} cannot be written; choose another place or another rate.") from error


def comment_of(path: str | os.PathLike | BinaryIO) -> str:
    """The comment in a sound file's metadata; empty where there is none. The file may be open for reading."""
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            return file.comment
    except (soundfile.LibsndfileError, OSError, UnicodeDecodeError):
        return ""


# --- level ------------------------------------------------------------------------------------------------------------


def normalize_loudness(wave: np.ndarray, rate: int = SAMPLING_RATE, lufs: float = LOUDNESS) -> np.ndarray:
    """Scale to `lufs` (ITU-R BS.1770); less where that would clip. Silence stays as it is.

    Args:
        wave: float32 (samples,).
        rate: Hz.
        lufs: integrated loudness to reach.
    """
    peak = float(np.abs(wave).max(initial=0.0))
    if peak < SILENT_PEAK:
        return np.asarray(wave, dtype=np.float32)
    gain = 10.0 ** ((lufs - loudness(wave, rate)) / 20.0)
    return (wave * min(gain, PEAK / peak)).astype(np.float32)


def soft_clip(wave: np.ndarray) -> np.ndarray:
    """Bend what is louder than `KNEE` so that it stays below `PEAK`; each sample by itself, so pieces fit together."""
    over, room = np.abs(wave) - np.float32(KNEE), np.float32(PEAK - KNEE)
    if not (over > 0).any():
        return wave
    return np.where(over > 0, np.sign(wave) * (np.float32(KNEE) + room * np.tanh(over / room)), wave)


def loudness(wave: np.ndarray, rate: int = SAMPLING_RATE) -> float:
    """Integrated loudness in LUFS (ITU-R BS.1770); -inf for silence. Under 0.4 s the wave is repeated."""
    block = math.ceil(0.4 * rate)
    if 0 < wave.size <= block:
        wave = np.resize(wave, block + 1)
    measured = float(_meter(rate).integrated_loudness(wave.astype(np.float64))) if wave.size else -math.inf
    if math.isfinite(measured) or not np.any(wave):
        return measured
    return 10.0 * math.log10(float(np.mean(np.square(wave, dtype=np.float64)))) - 0.691  # below the gate of -70 LUFS


@lru_cache(maxsize=8)
def _meter(rate: int) -> Any:
    import pyloudnorm

    return pyloudnorm.Meter(rate)


# --- pitch and tempo --------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _pitch_detector() -> Any:
    from swift_f0 import SwiftF0

    return SwiftF0(threads=1, spin=False)


def pitch_track(wave: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fundamental frequency (SwiftF0), one value every 16 ms.

    Returns:
        times: float64 (frames,), seconds.
        f0: float64 (frames,), Hz between 50 and 600; 0 where unvoiced.
    """
    with _lock:
        detector = _pitch_detector()
    if not wave.size:
        return np.zeros(0), np.zeros(0)
    result = detector.detect(np.asarray(wave, dtype=np.float32), SAMPLING_RATE, fmin=50.0, fmax=600.0)
    return result.timestamps, np.where(result.confidence >= 0.5, result.pitch_hz, 0.0)


@lru_cache(maxsize=1)
def _tempo_filters() -> tuple[np.ndarray, np.ndarray]:
    from scipy.signal import butter

    band = butter(2, [300, 3000], btype="bandpass", fs=SAMPLING_RATE, output="sos")
    return band, butter(2, 9.0, fs=100, output="sos")


def tempo(wave: np.ndarray) -> float:
    """Syllables per second of speech, pauses left out (0 where nobody speaks).

    A syllable nucleus is a peak of the smoothed level in 300–3000 Hz that stands out by 2 dB and lies within 25 dB of
    the loud ones, after De Jong & Wempe, "Praat script to detect syllable nuclei", Behavior Research Methods 2009.
    """
    from scipy.signal import find_peaks, sosfilt, sosfiltfilt

    spans = voiced_spans(wave)
    seconds = sum(end - start for start, end in spans) / SAMPLING_RATE
    if seconds < 0.1 or wave.size < SAMPLING_RATE // 4:
        return 0.0
    band, smooth = _tempo_filters()
    hop = SAMPLING_RATE // 100
    power = np.square(sosfilt(band, wave)[: wave.size // hop * hop]).reshape(-1, hop).mean(axis=1)
    level = 10.0 * np.log10(power + power.max() * 1e-6)
    level = sosfiltfilt(smooth, level)
    peaks, _ = find_peaks(level, prominence=2.0, height=np.percentile(level, 95) - 25.0)
    speech = np.zeros(power.size, dtype=bool)
    for start, end in spans:
        speech[start // hop : -(-end // hop)] = True
    return float(speech[peaks].sum() / seconds)
