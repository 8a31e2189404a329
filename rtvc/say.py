"""What will be said: the sentences of a text, their words and their phonemes, without a model and without a sound."""

from __future__ import annotations

from typing import NamedTuple

from .errors import TextError
from .phonemes import END, START, normalize, phonemize
from .sentences import pause_seconds, split_sentences


class Said(NamedTuple):
    """A sentence as it is written, its words as they are spoken, and their phonemes (misaki's alphabet)."""

    written: str
    words: str
    phonemes: str


def what_is_said(text: str) -> list[Said]:
    """The sentences of a text, as a clone would say them; a mark such as "[pause 1s]" has neither words nor phonemes.

    Raises:
        TextError: a pause is longer than allowed, or nothing in the text can be spoken.
    """
    sentences = [_said(sentence) for sentence in split_sentences(text)]
    if not any(sentence.phonemes for sentence in sentences):
        raise TextError("There is nothing to say in this text: write at least one English word or number.")
    return sentences


def _said(sentence: str) -> Said:
    if pause_seconds(sentence) is not None:
        return Said(sentence, "", "")
    words = normalize(sentence)
    if not any(character.isalpha() for character in words):
        return Said(sentence, "", "")
    return Said(sentence, words, "".join(phonemize(sentence)).removeprefix(START).removesuffix(END))


def as_text(sentences: list[Said]) -> str:
    """Three lines a sentence, for a terminal."""
    return "\n\n".join("\n".join(part for part in sentence if part) for sentence in sentences)
