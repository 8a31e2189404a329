"""Mixing voices: one voice between several, by weights; and the way that other servers write it, "anna(3)+ben(1)"."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from .errors import VoiceError, quoted
from .voice import Voice, is_voice

MOST_VOICES = 16  # in a mix
WEIGHTED = re.compile(r"(.*)\(([^()]*)\)", re.DOTALL)  # a name and its weight
NO_VOICES = "There is nothing to mix; give voices and their weights, as in mix({anna: 3, ben: 1})."


def mix(voices: Mapping[Voice, float]) -> Voice:
    """A voice between voices: ``mix({anna: 3, ben: 1})`` is three quarters Anna's.

    Embedding, average spectrum, pitch (its logarithm) and tempo are weighted means; the frames of speech are drawn from
    each voice by its share. The same voices and weights always give the same voice, in whatever order.

    Args:
        voices: each with its weight, a number above 0 of any size; at most 16.

    Raises:
        VoiceError: a weight is none, a voice is none, the voices are of different models, or there are too many.
    """
    if not isinstance(voices, Mapping) or not voices:
        raise VoiceError(NO_VOICES)
    return _mixed(voices.items())


def is_mixture(voice: Any) -> bool:
    """Whether it is written as a mix and no file is called so: "anna.voice(3)+ben.voice", or "anna.voice(2)" alone."""
    if not isinstance(voice, str) or os.path.exists(voice):
        return False
    return "+" in voice or re.search(r"\S\([^()]*\)\s*$", voice) is not None  # "Recording (1)" is a file's name


def parts(mixture: str) -> dict[str, float]:
    """What a mixture names, with weights: "anna(3)+ben" → {"anna": 3.0, "ben": 1.0}; a single name is one of itself.

    Raises:
        VoiceError: a name is missing, a weight is none, or there are too many.
    """
    named: dict[str, float] = {}
    for part in mixture.split("+", MOST_VOICES):
        weighted = WEIGHTED.fullmatch(part.strip())
        name = (weighted[1] if weighted else part).strip()
        if not name:
            raise VoiceError(f"{quoted(mixture)} lacks a voice's name; write a mix as in anna(3)+ben(1).")
        named[name] = named.get(name, 0.0) + _weight(weighted[2] if weighted else 1.0, name)
    if len(named) > MOST_VOICES or mixture.count("+") >= MOST_VOICES:
        raise VoiceError(f"A mix has at most {MOST_VOICES} voices; leave some out.")
    return named


def mixed(mixture: str, find: Callable[[str], Voice]) -> Voice:
    """The voice that a mixture, or a name alone, stands for. `find` knows whose voice a name means."""
    named = parts(mixture)
    voices = [(find(name), weight) for name, weight in named.items()]
    return voices[0][0] if len(voices) == 1 else _mixed(voices)


def _weight(weight: Any, name: str = "") -> float:
    try:
        number = math.nan if isinstance(weight, bool) else float(weight)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not (0.0 < number < math.inf):
        whose = f"The weight of {quoted(name)}" if name else "The weight of a voice"
        raise VoiceError(f"{whose} must be a number above 0, not {quoted(weight, 40)}.")
    return number


def _mixed(given: Iterable[tuple[Voice, float]]) -> Voice:
    weighted = [(voice, _weight(weight)) for voice, weight in given]
    if len(weighted) > MOST_VOICES:
        raise VoiceError(f"A mix has at most {MOST_VOICES} voices; leave some out.")
    if not all(is_voice(voice) for voice, _ in weighted):
        raise VoiceError("Only voices can be mixed; enrol a recording first, or load a saved voice.")
    if len({(voice.speaker_embedding.size, voice.timbre.size) for voice, _ in weighted}) > 1:
        raise VoiceError("The voices come from different models; enrol all of them with the same one.")
    weighted.sort(key=lambda one: (one[0].speaker_embedding.tobytes(), one[1]))  # sums depend on their order
    voices = [voice for voice, _ in weighted]
    weights = np.array([weight for _, weight in weighted])
    shares = weights / weights.max()
    shares /= shares.sum()
    means: Any = {name: _mean(voices, shares, name) for name in ("speaker_embedding", "timbre")}
    if np.linalg.norm(means["speaker_embedding"]) < 1e-3:
        raise VoiceError("The voices cancel each other out; mix others.")
    numbers: Any = {name: float(_mean(voices, shares, name)) for name in ("pitch_mean", "pitch_std", "tempo")}
    return Voice(**means, **numbers, reference=_frames(voices, shares))


def _mean(voices: list[Voice], shares: np.ndarray, name: str) -> np.ndarray:
    values = np.stack([np.asarray(getattr(voice, name), np.float64) for voice in voices])
    return np.tensordot(shares, values, axes=1)


def _frames(voices: list[Voice], shares: np.ndarray) -> np.ndarray:
    """Frames of speech (number, bands) from all over each voice's own, as many as its share asks for, in order of
    their loudness as every voice's are; a voice without any is passed over."""
    own = [voice.reference for voice in voices]
    shares = np.array([share if len(frames) else 0.0 for frames, share in zip(own, shares, strict=True)])
    total = max(map(len, own))
    if not shares.any():
        return own[0]
    ends = np.rint(np.cumsum(shares / shares.sum()) * total).astype(int)
    counts = np.diff(ends, prepend=0)
    drawn = np.concatenate(
        [
            frames[np.linspace(0, len(frames) - 1, count).astype(int)]
            for frames, count in zip(own, counts, strict=True)
            if count
        ]
    )
    return drawn[np.argsort(drawn.mean(1, dtype=np.float64), kind="stable")]
