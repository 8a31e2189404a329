"""Speech Synthesis Markup Language (W3C, 1.1), a small part of it: a <speak> document → passages of text.

break, sub, phoneme, say-as (characters, digits, date, time, telephone, cardinal, ordinal), prosody (rate, pitch), p and
s do what the standard says. Whatever else is named in the warnings, and its text is read. Documents are hostile until
parsed: a DOCTYPE, and with it every entity but XML's own five, is refused, and so are deep ones and broken ones.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import NamedTuple
from xml.parsers import expat

from .errors import TextError, quoted
from .ipa import to_phonemes
from .lexicon import spoken_as
from .markup import Warnings, pause
from .number_words import digits, nth, number, spelled
from .options import RANGES
from .phonemes import normalize
from .readings import Reading, Readings
from .symbol_names import IN_ADDRESSES, SIGNS

BEGINS = re.compile(r"\s*(?:<\?xml[^<>]{0,200}\?>\s*)?(?:<speak[\s>/]|<!DOCTYPE(?=[\s\S]*<speak[\s>/]))")
DEEPEST = 50  # elements in one another
# What the names stand for is each engine's own; these are Azure's.
RATES = {"x-slow": 0.5, "slow": 0.64, "medium": 1.0, "default": 1.0, "fast": 1.55, "x-fast": 2.0}
PITCHES = {"x-low": 0.55, "low": 0.8, "medium": 1.0, "default": 1.0, "high": 1.2, "x-high": 1.45}
NUMBER = re.compile(r"([+-]?)(\d{1,4}(?:\.\d{0,6})?|\.\d{1,6})(%|st|)")
SILENT = frozenset(("desc", "meta", "metadata", "lexicon"))  # what is in them is not for the listener
PLAIN = frozenset(("speak", "w", "token", "lang", "lookup"))


class Passage(NamedTuple):
    """Text with marks and places, how much faster it is said, and how many semitones higher; whether it goes on in the
    sentence of the passage before."""

    text: str
    rate: float = 1.0
    pitch: float = 0.0
    joined: bool = False


def passages(document: str, readings: Readings, warnings: Warnings) -> list[Passage]:
    """What a document says.

    Raises:
        TextError: it is not well-formed, or asks for what is not read.
    """
    reader = _Reader(readings, warnings)
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.buffer_text = True
    try:
        parser.Parse(document.strip().encode(), True)
    except expat.ExpatError as error:
        problem = f"{expat.ErrorString(error.code)}, line {error.lineno}"
        raise TextError(f"The SSML is not well-formed ({problem}); mend it, or write the text without tags.") from error
    except UnicodeEncodeError as error:
        raise TextError("The SSML holds characters that are no text; take them out.") from error
    return reader.passages


def _refuse_doctype(*_: object) -> None:
    raise TextError("SSML with a DOCTYPE is not read; take the DOCTYPE and its entities out.")


class _Reader:
    """Goes through a document's elements; what text says and how is in `passages`."""

    def __init__(self, readings: Readings, warnings: Warnings) -> None:
        self.passages: list[Passage] = []
        self._readings, self._warnings = readings, warnings
        self._path: list[str] = []
        self._prosody = [(1.0, 0.0)]
        self._held: tuple[str, dict[str, str], list[str]] | None = None  # an element that is said as a whole
        self._within_sentence = self._begins_paragraph = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        if len(self._path) > DEEPEST:
            raise TextError(f"The SSML has more than {DEEPEST} elements in one another; make it flatter.")
        if self._held or set(self._path) & SILENT:
            return
        if name in ("sub", "phoneme", "say-as"):
            self._held = name, attributes, []
        elif name == "break":
            self._add(f" {pause(attributes.get('time') or attributes.get('strength') or 'medium')} ")
        elif name in ("p", "s"):
            self._end_sentence(name)
        elif name == "prosody":
            self._change(attributes)
        elif name not in PLAIN:
            self._warnings.left_out(f"<{name}>")

    def end(self, name: str) -> None:
        self._path.pop()
        if self._held and self._held[0] == name and name not in self._path:
            name, attributes, pieces = self._held
            self._held = None
            self._say_whole(name, attributes, " ".join("".join(pieces).split()))
        elif name in ("p", "s"):
            self._end_sentence(name)
        elif name == "prosody" and not self._held:
            self._prosody.pop()

    def text(self, data: str) -> None:
        if set(self._path) & SILENT:
            return
        if self._held:
            self._held[2].append(data)
        else:
            self._add(data)

    def _add(self, text: str) -> None:
        """More of the sentence, where it is said like what is before; else a passage of its own."""
        rate, pitch = self._prosody[-1]
        last = self.passages[-1] if self.passages else None
        if last and self._within_sentence and last[1:3] == (rate, pitch):
            self.passages[-1] = last._replace(text=last.text + text)
        elif text.strip():
            opening = f"{pause('weak')} " if last and self._begins_paragraph else ""
            self.passages.append(Passage(opening + text, rate, pitch, self._within_sentence))
            self._within_sentence, self._begins_paragraph = True, False

    def _end_sentence(self, name: str) -> None:
        """What comes next is another sentence; before a paragraph is a longer pause."""
        self._within_sentence, self._begins_paragraph = False, self._begins_paragraph or name == "p"

    def _change(self, attributes: dict[str, str]) -> None:
        rate, pitch = self._prosody[-1]
        for attribute, value in attributes.items():
            if attribute == "rate":
                rate = _within("speed", rate * self._value(attribute, value, _rate))
            elif attribute == "pitch":
                pitch = _within("pitch", pitch + self._value(attribute, value, _semitones))
            else:
                self._warnings.left_out(f"<prosody {attribute}>")
        self._prosody.append((rate, pitch))

    def _value(self, attribute: str, value: str, read: Callable[[str], float | None]) -> float:
        wanted = read(value.strip().lower())
        if wanted is None:
            self._warnings.left_out(f"<prosody {attribute}={quoted(value, 40)}>", "; a number or a name is understood")
            return 1.0 if attribute == "rate" else 0.0
        return wanted

    def _say_whole(self, name: str, attributes: dict[str, str], written: str) -> None:
        """An element whose text is said in another way: its place is a word of its own."""
        reading = None
        if name == "phoneme" and attributes.get("alphabet", "ipa").lower() != "ipa":
            self._warnings.left_out(f"<phoneme alphabet={quoted(attributes['alphabet'], 40)}>", "; write IPA")
        elif name == "phoneme" and attributes.get("ph", "").strip():
            label = written or attributes["ph"]
            reading = Reading(label, label, to_phonemes(attributes["ph"].strip().strip("/"), label))
        elif name == "sub" and attributes.get("alias", "").strip():
            reading = spoken_as(written or attributes["alias"], attributes["alias"])
        elif name == "say-as" and written:
            reading = self._said_as(attributes, written)
        self._add(self._readings.place(reading) if reading else written)

    def _said_as(self, attributes: dict[str, str], written: str) -> Reading | None:
        kind = attributes.get("interpret-as", "").lower()
        if kind not in SAID_AS:
            self._warnings.left_out(f"<say-as interpret-as={quoted(kind, 40)}>")
            return None
        form = (attributes.get("format") or "").lower()
        words = SAID_AS[kind](written, form)
        return spoken_as(written, words)._replace(written=written) if words else None


def _within(name: str, value: float) -> float:
    low, high = RANGES[name]
    return min(max(value, low), high)


def _rate(value: str) -> float | None:
    """ "slow", "80%" or "0.8" of the tempo; "+20%" and "-20%" are changes to it."""
    if value in RATES:
        return RATES[value]
    match = NUMBER.fullmatch(value)
    if not match or match[3] == "st":
        return None
    share = float(match[2]) / (100 if match[3] else 1)
    if match[1] and not match[3]:
        return None
    return _within("speed", {"+": 1.0 + share, "-": 1.0 - share, "": share}[match[1]])


def _semitones(value: str) -> float | None:
    """ "high", "+2st", "-10%"; a pitch in hertz is not understood, for it depends on the voice."""
    if value in PITCHES:
        return 12 * math.log2(PITCHES[value])
    match = NUMBER.fullmatch(value)
    if not match or not match[3]:
        return None
    change = float(match[1] + match[2])
    return change if match[3] == "st" else 12 * math.log2(max(1.0 + change / 100, 0.01))


# -- say-as


def _characters(text: str, _: str) -> str:
    """Each letter, digit and sign by its name."""
    names = (digits(c) if c.isdigit() else spelled(c) if c.isalpha() else _sign(c) for c in text)
    return " ".join(name for name in names if name)


def _sign(character: str) -> str:
    return IN_ADDRESSES.get(character) or SIGNS.get(character, "").strip()


def _digits(text: str, _: str) -> str:
    return digits(text)


def _telephone(text: str, _: str) -> str:
    extension = re.sub(r"(?i)\s*(?:ext\.?|x)\s*(\d+)$", r", extension \1", text)
    words = re.sub(r"\d+", lambda match: digits(match[0]) + ",", extension).replace("+", "plus ")
    return " ".join(re.sub(r"[^\w ,]", " ", words).split()).strip(" ,").replace(" ,", ",")


MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905


def _date(text: str, form: str) -> str:
    """Numbers in the order that the format names, month first without one; anything else is read as a text is."""
    order = [letter for letter in form if letter in "dmy"]
    numbers = [int(found) for found in re.findall(r"\d{1,9}", text)]
    if not order:
        order = ["y", "m", "d"] if len(numbers) == 3 and numbers[0] > 31 else ["m", "d", "y"][: len(numbers)]
    parts = dict(zip(order, numbers, strict=False))
    if len(order) != len(numbers) or re.search(r"[A-Za-z]", text) or not 1 <= parts.get("m", 1) <= 12:
        return normalize(text)
    month, day = MONTHS[parts["m"] - 1] if "m" in parts else "", str(parts.get("d", ""))
    year = str(parts["y"]) if "y" in parts else ""
    if len(year) == 1 or (len(year) == 2 and month):
        year = f"20{year:0>2}"
    return normalize(f"{month} {day}{',' if day and year else ''} {year}".strip())


def _time(text: str, form: str) -> str:
    match = re.fullmatch(r"(\d{1,2})[:.h](\d{2})(?:[:.](\d{2}))?\s*([AaPp]\.?[Mm]\.?)?", text.strip())
    if not match:
        return normalize(text)
    half = f" {match[4]}" if match[4] else ""
    return normalize(f"{int(match[1])}:{match[2]}{half}") + (
        f" and {number(str(int(match[3])))} seconds" if match[3] else ""
    )


def _ordinal(text: str, _: str) -> str:
    return nth(text) if text.isdecimal() else normalize(text)


def _read(text: str, _: str) -> str:
    return normalize(text)


SAID_AS: dict[str, Callable[[str, str], str]] = {
    "characters": _characters, "character": _characters, "spell-out": _characters, "verbatim": _characters,
    "digits": _digits, "telephone": _telephone, "date": _date, "time": _time, "ordinal": _ordinal, "cardinal": _read,
    "number": _read, "unit": _read, "fraction": _read, "currency": _read, "address": _read,
}  # fmt: skip
