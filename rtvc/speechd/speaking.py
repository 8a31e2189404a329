"""A message → pieces of sound, and index marks between them where they are heard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from rtvc.errors import TextError
from rtvc.sentences import split_sentences
from rtvc.speechd.message import GUARD, Message, of_unspeakable, of_words

if TYPE_CHECKING:
    from rtvc.pipeline import VoiceCloningPipeline
    from rtvc.times import TimedWord

LOOK = 200  # characters in which a word is looked for: nothing longer is left out between two words


def speak(clone: VoiceCloningPipeline, message: Message, **options: Any) -> Iterator[np.ndarray | str]:
    """Sound, float32 (samples,) at the model's rate, and names of index marks, in the order in which they are heard.

    Where a sentence cannot be spoken, the rest is said sentence by sentence, as plain text.

    Args:
        clone: speaks.
        message: what is said.
        options: of a call of the pipeline, `voice` among them.
    """
    marks = _Marks(message)
    try:
        yield from _stream(clone, message, marks, options)
    except TextError:
        for sentence in split_sentences(marks.rest()):
            yield from _sentence(clone, sentence, marks, options)
    yield from marks.left()


def _sentence(
    clone: VoiceCloningPipeline, sentence: str, marks: _Marks, options: dict[str, Any]
) -> Iterator[np.ndarray | str]:
    try:
        yield from _stream(clone, of_words(sentence), marks, options)
    except TextError:
        marks.skip(sentence)
        if instead := of_unspeakable(sentence):
            yield from _stream(clone, instead, _Marks(instead), options)


def _stream(
    clone: VoiceCloningPipeline, message: Message, marks: _Marks, options: dict[str, Any]
) -> Iterator[np.ndarray | str]:
    """One stream of the pipeline, cut where marks are."""
    start = 0
    marks.begin()
    for chunk in clone.stream(message.document, **options):
        for word in chunk["words"]:
            marks.hear(word)
        wave, done = chunk["audio"], 0
        for second, name in marks.due((start + wave.size) / chunk["sampling_rate"]):
            place = min(max(round(second * chunk["sampling_rate"]) - start, done), wave.size)
            if place > done:
                yield wave[done:place]
            yield name
            done = place
        yield wave[done:]
        start += wave.size


class _Marks:
    """Which mark is heard when: those before a word as it begins, those after one as it ends."""

    def __init__(self, message: Message) -> None:
        self._text, self._marks = message.text, list(message.marks)
        self._places = [place for place, character in enumerate(message.text) if not character.isspace()]
        self._characters = "".join(message.text.split())
        self._position = 0  # characters that are said
        self._until = 0.0  # seconds, when the last of them was
        self._timed: list[tuple[float, str]] = []

    def begin(self) -> None:
        """Times count from here."""
        self._until = 0.0

    def hear(self, word: TimedWord) -> None:
        """The next word that is said; one that the text does not have, as in `<sub>`, tells nothing."""
        written = "".join(word["word"].replace(GUARD, "").split())
        first = self._characters.find(written, self._position, self._position + LOOK + len(written))
        if not written or first < 0:
            return
        last = first + len(written)
        while self._marks and self._marks[0].place < last + self._marks[0].leans_back:
            mark = self._marks.pop(0)
            before = self._until if mark.leans_back else word["start"]
            self._timed.append((before if mark.place <= first else word["end"], mark.name))
        self._position, self._until = last, word["end"]

    def due(self, second: float) -> list[tuple[float, str]]:
        """Takes those that are heard up to a second."""
        count = sum(1 for when, _ in self._timed if when <= second)
        taken, self._timed = self._timed[:count], self._timed[count:]
        return taken

    def rest(self) -> str:
        """The text that is not said yet."""
        return self._text[self._places[self._position] :] if self._position < len(self._places) else ""

    def skip(self, sentence: str) -> None:
        """What cannot be said is past."""
        self._position = min(self._position + len("".join(sentence.split())), len(self._places))

    def left(self) -> Iterator[str]:
        """The names of all that are left when everything is said."""
        yield from [name for _, name in self._timed]
        yield from [mark.name for mark in self._marks]
