"""From a text, as people or language models write it, to lines that can be spoken one after the other.

A text, or one that comes in pieces, is cut into sentences; each loses its markup, gets the readings that somebody gave,
and is cut to a breath's length. A line knows its symbols, and which word of the text each of them is of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from .errors import TextError
from .lexicon import Lexicon
from .markup import Warnings, without_markup
from .options import PROSODY, RANGES
from .readings import Readings
from .sentences import PAUSE_MARK, as_written, pause_seconds, split_sentences
from .ssml import BEGINS, Passage, passages
from .words import Utterance, utterance

PAUSE_BETWEEN_SENTENCES = 0.3  # seconds of silence; 0.4 with what stands at the edges of sentences, as people pause
LONGEST_DOCUMENT = 200_000  # characters of SSML, which is read as a whole
EMPTY = "The text is empty; write at least one English word."


class Line(NamedTuple):
    """Seconds of silence, None where it is the usual pause between sentences, and what is said after it, if anything
    is; how much faster and higher (semitones)."""

    silence: float | None
    said: Utterance | None
    rate: float = 1.0
    pitch: float = 0.0


class Piece(NamedTuple):
    """A sentence or a part of one, or a mark that asks for a pause; its readings; whether it goes on in the sentence
    of the piece before."""

    text: str
    readings: Readings
    rate: float = 1.0
    pitch: float = 0.0
    joined: bool = False


def whole_sentences(texts: Iterable[str]) -> Iterator[str]:
    """The sentences of a text that comes in pieces, whole, as soon as they are there: the last one waits for more.
    SSML is read as a whole."""
    held = ""
    for text in texts:
        if not isinstance(text, str):
            raise TextError(f"The text must be a string, not {type(text).__name__}; pass the words to say.")
        held += text
        if BEGINS.match(held):
            if len(held) > LONGEST_DOCUMENT:
                raise TextError(f"The SSML has more than {LONGEST_DOCUMENT:,} characters; speak it in parts.")
            continue
        *sentences, last = as_written(held) or [""]
        if sentences and len(last.split()) > 1:  # two words tell whether the sentence before them has ended
            yield from sentences
            held = last
    yield from [held] if BEGINS.match(held) else as_written(held)


def pieces(texts: Iterable[str], lexicon: Lexicon, warnings: Warnings) -> Iterator[Piece]:
    """A text, or one that comes in pieces, without its markup, in pieces of a breath's length.

    Raises:
        TextError: an unknown IPA symbol, or SSML that is not well-formed.
    """
    for sentence in whole_sentences(texts):
        readings = Readings()
        is_document = BEGINS.match(sentence)
        for passage in passages(sentence, readings, warnings) if is_document else [Passage(sentence)]:
            text = _with_lexicon(without_markup(passage.text, readings, warnings), lexicon, readings)
            joined = passage.joined
            for piece in split_sentences(text):
                yield Piece(piece, readings, passage.rate, passage.pitch, joined)
                joined = False


def _with_lexicon(text: str, lexicon: Lexicon, readings: Readings) -> str:
    """The lexicon's words in their places; marks of pauses are no words."""
    if not lexicon.entries:
        return text
    done, end = [], 0
    for mark in PAUSE_MARK.finditer(text):
        done += [lexicon.apply(text[end : mark.start()], readings), mark[0]]
        end = mark.end()
    return "".join([*done, lexicon.apply(text[end:], readings)])


def lines(some: Iterable[Piece]) -> Iterator[Line]:
    """What is to be said of a text's pieces. Those of punctuation alone are passed over, unless all are.

    Raises:
        TextError: a piece has letters or digits but none that can be spoken, or no piece can be.
    """
    spoke, asked, refusal = False, None, None
    for piece in some:
        if (pause := pause_seconds(piece.text)) is not None:
            asked = (asked or 0.0) + pause
            continue
        try:
            said = utterance(piece.text, piece.readings)
        except ValueError as error:  # a TextError; in a published folder, of another package
            if any(character.isalnum() for character in piece.text):
                raise
            refusal = error
            continue
        usual = None if spoke and not piece.joined else 0.0
        yield Line(usual if asked is None else asked, said, piece.rate, piece.pitch)
        spoke, asked = True, None
    if not spoke:
        raise refusal or TextError(EMPTY)
    if asked:
        yield Line(asked, None)


def silence_before(line: Line, options: dict[str, Any], rate: int) -> np.ndarray:
    """(samples,) of silence: what the text asks for, else a call's `pause`."""
    seconds = options.get("pause", PAUSE_BETWEEN_SENTENCES) if line.silence is None else line.silence
    return np.zeros(round(seconds * rate), np.float32)


def prosody(line: Line, options: dict[str, Any]) -> dict[str, float]:
    """Speed, pitch and variation of a line: the call's, and what the text asks for on top, within their ranges."""
    numbers = {name: options[name] for name in PROSODY if name in options}
    if line.rate != 1.0:
        numbers["speed"] = float(np.clip(numbers.get("speed", 1.0) * line.rate, *RANGES["speed"]))
    if line.pitch:
        numbers["pitch"] = float(np.clip(numbers.get("pitch", 0.0) + line.pitch, *RANGES["pitch"]))
    return numbers
