"""Words whose sound somebody has given: how one stands in a text until its phonemes are wanted, and how it is shown.

Normalisation and the splitter must see a word, or “Dr.” before a name would be no title. So each reading's place is
held by an invented word of its own, in the case of the one that was written.
"""

from __future__ import annotations

import re
from typing import NamedTuple

LETTERS = "bcdfgjklmnprtvwx"  # a hexadecimal digit each: no numeral, no plural, no verb's ending comes of them
PLACE = re.compile(rf"(?i)zaq([{LETTERS}]{{5}})o")
POSSIBLE = 16**5  # in one table
VOICELESS, SIBILANT = "ptkfθ", "szʃʒʧʤ"


class Reading(NamedTuple):
    """What stands in the text, the words that are said for it, and their phonemes (misaki's alphabet)."""

    written: str
    spoken: str
    phonemes: str

    def with_ending(self, ending: str) -> Reading:
        """The plural or the genitive: "s", "es", "'s", "s'" or "'", of which the last has no sound."""
        sound = "" if ending.strip("'’") == "" else plural_sound(self.phonemes)
        return Reading(self.written + ending, self.spoken + ending, self.phonemes + sound)


class Readings:
    """The readings of one text. A word that looks like a place but holds none stays what it is."""

    def __init__(self) -> None:
        self._table: list[Reading] = []

    def place(self, reading: Reading) -> str:
        """The word that holds a reading's place from now on."""
        number = len(self._table)
        if number >= POSSIBLE:
            return reading.written
        self._table.append(reading)
        word = "zaq" + "".join(LETTERS[int(digit, 16)] for digit in f"{number:05x}") + "o"
        written = reading.written
        return word if written.islower() else word.upper() if written.isupper() and len(written) > 1 else word.title()

    def _filled(self, text: str, form: str) -> str:
        def fill(match: re.Match[str]) -> str:
            number = int("".join(f"{LETTERS.index(letter):x}" for letter in match[1].lower()), 16)
            return form.format(*self._table[number]) if number < len(self._table) else match[0]

        return PLACE.sub(fill, text) if self._table else text

    def written(self, text: str) -> str:
        """A text with what was written in every place."""
        return self._filled(text, "{0}")

    def spoken(self, text: str) -> str:
        """A text with the words that are said in every place."""
        return self._filled(text, "{1}")

    def linked(self, text: str) -> str:
        """A text with "[place](/phonemes/)" in every place, as the converter to phonemes takes it."""
        return self._filled(text, "[zaq](/{2}/)")


def plural_sound(phonemes: str) -> str:
    """The s of a plural or a genitive behind phonemes: of cats, dogs, horses."""
    last = phonemes[-1:]
    return "s" if last in VOICELESS else "ᵻz" if last in SIBILANT else "z"


NONE = Readings()
