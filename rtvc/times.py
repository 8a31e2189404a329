"""When each word and each phoneme is heard: exact, for RTVC-7 plans every symbol's frames before it makes a sound."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, TypedDict

from .phonemes import SOUNDS
from .words import Utterance


class TimedWord(TypedDict):
    """A word as it was written, the words that are spoken for it, and when it begins and ends, seconds."""

    word: str
    spoken: str
    start: float
    end: float


class TimedPhoneme(TypedDict):
    """A sound in misaki's alphabet with its stress, or "" for silence, and when it begins and ends, seconds."""

    phoneme: str
    start: float
    end: float


class Times(TypedDict):
    """When what is heard, in the order in which it begins; the phonemes, silence among them, leave no gap."""

    words: list[TimedWord]
    phonemes: list[TimedPhoneme]


def times(said: Utterance | None, frames: list[int], hop: int, rate: int, start: int, silence: int) -> Times:
    """Of one line.

    Args:
        said: the line; None for silence alone.
        frames: of each of its symbols.
        hop: samples a frame.
        rate: Hz.
        start: the sample with which the line's silence begins.
        silence: samples of silence before it.
    """
    begin = start + silence
    borders = [begin]
    for count in frames:
        borders.append(borders[-1] + count * hop)
    spans = list(pairwise(borders))
    phonemes: list[TimedPhoneme] = []
    _add(phonemes, "", start / rate, begin / rate)
    for symbol, (first, last) in zip(said.symbols if said else (), spans, strict=True):
        _add(phonemes, symbol if symbol[-1] in SOUNDS else "", first / rate, last / rate)
    if said is None:
        return {"words": [], "phonemes": phonemes}
    words: list[TimedWord] = []
    for number, (written, spoken) in enumerate(said.words):
        mine = [span for span, owner in zip(spans, said.owners, strict=True) if owner == number]
        words.append({"word": written, "spoken": spoken, "start": mine[0][0] / rate, "end": mine[-1][1] / rate})
    return {"words": words, "phonemes": phonemes}


def _add(phonemes: list[TimedPhoneme], phoneme: str, start: float, end: float) -> None:
    """Silence joins silence; none of no length is noted."""
    if phoneme or end > start:
        if not phoneme and phonemes and not phonemes[-1]["phoneme"]:
            phonemes[-1]["end"] = end
        else:
            phonemes.append({"phoneme": phoneme, "start": start, "end": end})


def until(line: Times, seconds: float | None) -> Times:
    """Takes out of a line's times what begins before a moment, or all of it: a piece of sound brings it along."""
    taken: Times = {"words": [], "phonemes": []}
    for name in ("words", "phonemes"):
        count = next((n for n, one in enumerate(line[name]) if seconds is not None and one["start"] >= seconds), None)
        taken[name], line[name] = (line[name][:count], line[name][count:]) if count is not None else (line[name], [])
    return taken


def joined(some: Iterable[Mapping[str, Any]]) -> Times:
    """The times of pieces of sound behind one another."""
    some = list(some)
    words = [word for piece in some for word in piece.get("words", ())]
    return {"words": words, "phonemes": [phoneme for piece in some for phoneme in piece.get("phonemes", ())]}
