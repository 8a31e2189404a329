"""A sentence as its symbols, and which of them are of which word, as the word was written.

“$5” is two words when it is spoken, “3 km” three of two: where only the whole of some written words is known to be the
whole of some spoken ones, they count as one word.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .errors import TextError
from .phonemes import LONGEST_LINE, SILENT, TOO_LONG, shown, spoken_words, symbols_of
from .readings import NONE, Readings
from .tracing import Span, Trace

CHUNK = re.compile(r"\S+")


class SpokenWord(NamedTuple):
    """A word as it was written, with the marks beside it, and the words that are spoken for it."""

    written: str
    spoken: str


class Utterance(NamedTuple):
    """A sentence's symbols, its words, and for each symbol the number of its word, or None for a pause."""

    symbols: list[str]
    words: list[SpokenWord]
    owners: list[int | None]


def utterance(sentence: str, readings: Readings = NONE) -> Utterance:
    """A sentence, with places of readings in it, as it is spoken. The written words joined by spaces are the sentence.

    Raises:
        TextError: there is nothing to say in it, or it is too long.
    """
    if isinstance(sentence, str) and len(sentence) > LONGEST_LINE:
        raise TextError(TOO_LONG.format(len(sentence)))
    trace = Trace(sentence)
    spoken = spoken_words(sentence, trace)
    symbols, owners = symbols_of(spoken, readings)
    sounding = {owner for owner in owners if owner is not None}
    written, chunks = [match.span() for match in CHUNK.finditer(sentence)], list(CHUNK.finditer(spoken))
    groups = _groups(written, [_origin(trace, chunk) for chunk in chunks], sounding)
    words = [
        SpokenWord(
            readings.written(" ".join(sentence[slice(*span)] for span in written[first:last])),
            readings.spoken(shown(" ".join(chunks[number][0].strip(SILENT) for number in numbers)).strip()),
        )
        for first, last, numbers in groups
    ]
    word_of = {number: place for place, (_, _, numbers) in enumerate(groups) for number in numbers}
    return Utterance(symbols, words, [None if owner is None else word_of[owner] for owner in owners])


def _origin(trace: Trace, chunk: re.Match[str]) -> Span | None:
    """What of the sentence a spoken word's letters come from."""
    origins = [
        trace.origins[place]
        for place in range(*chunk.span())
        if chunk.string[place] not in SILENT and trace.origins[place][0] < trace.origins[place][1]
    ]
    return (min(first for first, _ in origins), max(last for _, last in origins)) if origins else None


def _groups(written: list[Span], origins: list[Span | None], sounding: set[int]) -> list[tuple[int, int, list[int]]]:
    """(first written word, the one behind the last, numbers of the spoken words) of each word, in order.

    Words of which nothing is heard go with the word before; at the beginning, with the next.
    """
    groups: list[tuple[int, int, list[int]]] = []
    for number, origin in enumerate(origins):
        first, last = _covered(written, origin) if origin else (None, None)
        if groups and (number not in sounding or first is None or first < groups[-1][1]):
            start, stop, numbers = groups.pop()
            stop = max(stop, last or stop) if number in sounding else stop
            start = start if first is None else min(start, first)
            while groups and groups[-1][1] > start:
                earlier = groups.pop()
                start, numbers = min(start, earlier[0]), earlier[2] + numbers
            groups.append((start, stop, [*numbers, number]))
        elif number in sounding:
            groups.append((0 if first is None else first, len(written) if last is None else last, [number]))
    starts = [0, *(group[0] for group in groups[1:]), len(written)]
    return [(starts[place], starts[place + 1], group[2]) for place, group in enumerate(groups)]


def _covered(written: list[Span], origin: Span) -> tuple[int, int]:
    """The written words that a span of the sentence touches."""
    touched = [number for number, (start, stop) in enumerate(written) if start < origin[1] and origin[0] < stop]
    return (touched[0], touched[-1] + 1) if touched else (0, 1)
