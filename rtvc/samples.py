"""Samples in memory: the shapes, types and wrappers in which Python people have a recording."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from .errors import VoiceError

_NO_RECORDING = "A recording must be a path, a file's bytes, the pair (samples, sampling rate) or a row of datasets."
_SAMPLES = ("array", "raw", "audio", "waveform")  # of datasets, transformers' pipelines, rtvc's own, others
_RATES = ("sampling_rate", "sample_rate")
_LARGEST = 4 * 1024**3  # bytes of an open file
_SILENT = 1e-4  # of full scale
_MOST_CHANNELS = 8


def unpacked(source: Any) -> str | os.PathLike | bytes | tuple[Any, Any]:
    """Whatever holds a recording as a path, a file's bytes or (samples, rate).

    Raises:
        VoiceError: it is none.
    """
    for _ in range(2):  # a row of datasets, and what its column holds
        source = _row(source) if isinstance(source, Mapping) else source
    if isinstance(source, str | os.PathLike | bytes):
        return source
    if isinstance(source, bytearray | memoryview):
        return bytes(source)
    if hasattr(source, "get_all_samples"):  # torchcodec's decoder, as datasets gives it
        source = source.get_all_samples()
    if hasattr(source, "sample_rate") and hasattr(source, "data"):  # torchcodec's samples
        return source.data, source.sample_rate
    if hasattr(source, "read"):
        return _content(source)
    if isinstance(source, tuple | list) and len(source) == 2:
        first, second = source
        return (second, first) if np.isscalar(first) and not np.isscalar(second) else (first, second)
    raise VoiceError(_NO_RECORDING)


def several(given: Any) -> list[Any]:
    """One recording, or a list or tuple of them, as a list: the pair (samples, rate) is one recording."""
    if isinstance(given, list):
        return given
    return list(given) if isinstance(given, tuple) and all(map(_is_recording, given)) else [given]


def _is_recording(thing: Any) -> bool:
    """Whether it is a recording by itself, not half of the pair (samples, rate)."""
    wrapped = isinstance(thing, str | os.PathLike | bytes | tuple | Mapping)
    return wrapped or hasattr(thing, "read") or hasattr(thing, "get_all_samples") or hasattr(thing, "speaker_embedding")


def _row(row: Mapping[str, Any]) -> Any:
    values = next((row[key] for key in _SAMPLES if row.get(key) is not None), None)
    rate = next((row[key] for key in _RATES if row.get(key) is not None), None)
    if values is not None and rate is not None:
        return values, rate
    if isinstance(row.get("bytes"), bytes | bytearray | memoryview):
        return row["bytes"]
    if isinstance(row.get("path"), str | os.PathLike):
        return row["path"]
    if _is_recording(values):  # a whole row with its column "audio"
        return values
    raise VoiceError('A recording as a dictionary needs its "array" and "sampling_rate", or "bytes", or "path".')


def _content(file: Any) -> bytes:
    """What an open file holds from where it stands; from its start where it stands at its end."""
    try:
        content = file.read(_LARGEST + 1)
        if not content and file.seekable():
            file.seek(0)
            content = file.read(_LARGEST + 1)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise VoiceError("The recording's open file cannot be read; open it again, or give its path.") from error
    if not isinstance(content, bytes):
        raise VoiceError('The recording is open as a text; open it with "rb", or give its path.')
    if len(content) > _LARGEST:
        raise VoiceError(f"The recording is larger than {_LARGEST // 1024**3} GB; cut out a part of it.")
    return content


def checked(values: Any, rate: Any) -> tuple[np.ndarray, int]:
    """Samples as numbers (n, channels), and their rate in Hz.

    Raises:
        VoiceError: they are no recording.
    """
    rate, values = _rate(rate), _array(values)
    if values.dtype.kind not in "iuf" or values.ndim not in (1, 2):
        raise VoiceError("The samples of a recording must be numbers, one row or one column a channel.")
    if not values.size:
        raise VoiceError("The recording contains no sound; record or choose it again.")
    if values.ndim == 1:
        values = values[:, None]
    if min(values.shape) > 1 and max(values.shape) <= _MOST_CHANNELS:
        raise VoiceError("The samples of the recording cannot be told from its channels; give more of them.")
    if values.shape[0] < values.shape[1]:
        values = values.T
    _check_scale(values)
    return values, rate


def _rate(rate: Any) -> int:
    if isinstance(rate, str | bytes | bool) or rate is None:
        raise VoiceError("A recording's sampling rate must be a number of Hz, as in (samples, 16000).")
    try:
        number = float(rate)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise VoiceError(_NO_RECORDING) from error
    if not math.isfinite(number) or number != int(number):
        raise VoiceError(f"The recording has a sampling rate of {number:g} Hz; give a whole number of them.")
    return int(number)


def _array(values: Any) -> np.ndarray:
    """NumPy's, or torch's of any type, on any device, with or without a gradient."""
    try:
        if hasattr(values, "detach"):
            values = values.detach().cpu().resolve_neg()
            values = values.float() if values.is_floating_point() else values
        values = np.asarray(values)
        return values.astype(np.float32) if values.dtype.name == "bfloat16" else values
    except (TypeError, ValueError, RuntimeError, OverflowError, NotImplementedError, AttributeError) as error:
        raise VoiceError(_NO_RECORDING) from error


def _check_scale(values: np.ndarray) -> None:
    """Refuse wide integers that hold narrow ones, as a list of a 16-bit recording's samples does: near silence."""
    kind = values.dtype
    if kind.kind != "i" or kind.itemsize <= 2 or not values.size:
        return
    peak = max(int(values.max()), -int(values.min()))
    if 0 < peak < _SILENT * 2.0 ** (8 * kind.itemsize - 1):
        raise VoiceError(
            f"The samples are {kind.name} but go up to {peak} only; give them in the type they were recorded in."
        )


def blocks(values: np.ndarray, rate: int) -> Iterator[np.ndarray]:
    """Samples (n, channels) as float32, ten seconds at a time."""
    size = 10 * rate
    for start in range(0, len(values), size):
        yield _scaled(values[start : start + size])


def _scaled(values: np.ndarray) -> np.ndarray:
    """Integers to [-1, 1): signed by their full scale, unsigned about their midpoint, as WAV has them."""
    if values.dtype.kind == "f":
        with np.errstate(over="ignore"):  # a float64 beyond float32 becomes inf and is refused as such
            return values.astype(np.float32)
    scale = 2.0 ** (8 * values.dtype.itemsize - 1)
    offset = scale if values.dtype.kind == "u" else 0.0
    return ((values.astype(np.float64) - offset) / scale).astype(np.float32)
