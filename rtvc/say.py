"""What will be said: the sentences of a text, their words and their phonemes, without a model and without a sound."""

from __future__ import annotations

from typing import Any, NamedTuple

from .errors import TextError
from .lexicon import Lexicon, checked
from .lines import Piece, pieces
from .markup import Warned, Warnings
from .phonemes import END, NOTHING, START, shown, spoken_words, symbols_of
from .sentences import pause_seconds


class Said(NamedTuple):
    """A sentence as it is written, its words as they are spoken, and their phonemes (misaki's alphabet)."""

    written: str
    words: str
    phonemes: str


class Told(list[Said]):
    """Sentences, and beside them in `warnings` the markup that was left out."""

    warnings: list[Warned]


def what_is_said(text: str, lexicon: Any = None) -> Told:
    """The sentences of a text, as a clone would say them; a mark such as "[pause 1s]" has neither words nor phonemes.

    Args:
        text: as a call takes it, with markup or in SSML.
        lexicon: how words are said: a mapping, or the path of a .lex file.

    Raises:
        TextError: a pause is longer than allowed, a pronunciation cannot be read, or nothing can be spoken.
    """
    warnings = Warnings()
    own = Lexicon({}) if lexicon is None else checked(lexicon)
    sentences = Told(_said(piece) for piece in pieces([text], own, warnings))
    if not any(sentence.phonemes for sentence in sentences):
        raise TextError(NOTHING)
    sentences.warnings = warnings.take()
    return sentences


def _said(piece: Piece) -> Said:
    written = piece.readings.written(piece.text)
    if pause_seconds(piece.text) is not None:
        return Said(written, "", "")
    words = spoken_words(piece.text)
    if not any(character.isalpha() for character in words):
        return Said(written, "", "")
    symbols, _ = symbols_of(words, piece.readings)
    return Said(written, piece.readings.spoken(shown(words)), "".join(symbols).removeprefix(START).removesuffix(END))


def as_text(sentences: list[Said]) -> str:
    """Three lines a sentence, for a terminal."""
    return "\n\n".join("\n".join(part for part in sentence if part) for sentence in sentences)
