"""How somebody wants words said: {"Nguyen": "win", "SQL": "/sˈiːkwəl/"}, or a file of such lines.

A value is other words that sound so, or IPA between slashes. A word is found in any case, and as a plural or genitive;
its capitals count only where it would be an ordinary English word without them: the entry "US" is not for "us".
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from .dictionary import g2p, is_known, reading
from .errors import TextError, quoted
from .ipa import to_phonemes
from .phonemes import SILENT, SOUNDS, phoneme_parts, shown, spoken_words
from .readings import Reading, Readings

LONGEST_WORD, LONGEST_VALUE, MOST_ENTRIES, LARGEST_FILE = 100, 200, 20_000, 2 << 20
PRONUNCIATION = re.compile(r"/([^/]*)/")
PIECE = re.compile(r"\w+|[^\w\s]")  # an entry is looked up by its first piece
SYLLABLES = re.compile(r"(?!.*[^\w'’-])(?=.*-).*[A-Z]{2}.*")  # "shuh-VAWN": the stressed syllable is in capitals
EXAMPLE = "write “Nguyen = win” or “SQL = /sˈiːkwəl/”"


class Lexicon:
    """Words, and how each is said.

    Args:
        entries: words → respellings or IPA between slashes.

    Raises:
        TextError: an entry cannot be spoken; it is named.
    """

    def __init__(self, entries: Mapping[str, str]) -> None:
        if len(entries) > MOST_ENTRIES:
            raise TextError(f"The lexicon has {len(entries):,} entries, more than {MOST_ENTRIES:,}; take out some.")
        self.entries = {_checked_word(word): _checked_value(word, value) for word, value in entries.items()}
        self._readings: dict[str, Reading] = {}

    def __or__(self, other: Lexicon) -> Lexicon:
        """Both; where both have a word, the other's entry counts."""
        both = Lexicon({})
        both.entries = self.entries | other.entries  # which have been checked
        return both

    @cached_property
    def _by_piece(self) -> dict[str, list[str]]:
        """The words by their first pieces, the longest first."""
        found: dict[str, list[str]] = {}
        for word in sorted(self.entries, key=len, reverse=True):
            found.setdefault(PIECE.findall(word)[0].lower(), []).append(word)
        return found

    def apply(self, text: str, readings: Readings) -> str:
        """A text with its words that are here exchanged for places of their readings."""
        if not self.entries:
            return text
        text, pieces, end = unicodedata.normalize("NFC", text), [], 0
        for piece in PIECE.finditer(text):
            if piece.start() < end:
                continue
            if found := self._match(text, piece):
                word, match = found
                said = self._reading(word)._replace(written=match[1])
                pieces += [text[end : piece.start()], readings.place(said.with_ending(match[2]) if match[2] else said)]
                end = match.end()
        return "".join([*pieces, text[end:]])

    def _match(self, text: str, piece: re.Match[str]) -> tuple[str, re.Match[str]] | None:
        first = piece[0].lower()
        if piece.start() and first[0].isalnum() and text[piece.start() - 1].isalnum():
            return None
        for stem in dict.fromkeys((first, first.removesuffix("s"), first.removesuffix("es"))):
            for word in self._by_piece.get(stem, ()):
                if match := _pattern(word).match(text, piece.start()):
                    return word, match
        return None

    def _reading(self, word: str) -> Reading:
        """Worked out when the word is first met."""
        if word not in self._readings:
            self._readings[word] = spoken_as(word, self.entries[word])
        return self._readings[word]


def spoken_as(word: str, value: str) -> Reading:
    """How a word is said that shall sound like the value: other words, or IPA between slashes.

    Raises:
        TextError: that cannot be spoken.
    """
    if match := PRONUNCIATION.fullmatch(value.strip()):
        return Reading(word, word, to_phonemes(match[1], word))
    if SYLLABLES.fullmatch(value):
        return Reading(word, value, _by_syllables(value))
    words = spoken_words(re.sub(r"\b[A-Z]{2,}\b", lambda match: match[0].lower(), value))
    phonemes = "".join(part for part, _ in phoneme_parts(words)).strip(SILENT)
    if not any(character in SOUNDS for character in phonemes):
        raise TextError(f"The entry {quoted(word)} of the lexicon says nothing that can be spoken; {EXAMPLE}.")
    return Reading(word, shown(words).strip(SILENT), phonemes)


def _by_syllables(value: str) -> str:
    sounds = ""
    for syllable in value.split("-"):
        stress = "ˈ" if len(syllable) > 1 and syllable.isupper() else ""
        read = reading(syllable.lower()).replace("ˈ", "|").replace("ˌ", "|")
        sounds += read.replace("|", stress, 1).replace("|", "")
    return sounds


def checked(lexicon: Any) -> Lexicon:
    """A lexicon of what a caller gave: one, a mapping, or the path of a .lex file.

    Raises:
        TextError: it is none of these, or an entry cannot be used.
    """
    if type(lexicon).__name__ == Lexicon.__name__:  # in a published folder the class may be another package's
        return lexicon
    if isinstance(lexicon, Mapping):
        return Lexicon(lexicon)
    if isinstance(lexicon, str | os.PathLike):
        return read(lexicon)
    raise TextError("A lexicon must be a mapping such as {'Nguyen': 'win'}, or the path of a .lex file.")


def read(path: str | os.PathLike) -> Lexicon:
    """A file of lines such as "Nguyen = win"; lines that begin with "# " and empty ones are passed over.

    Raises:
        TextError: the file cannot be read, or a line cannot be used.
    """
    name = quoted(Path(path).name)
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise TextError(f"{name} has more than {LARGEST_FILE >> 20} MB; a lexicon is a short text file.")
        return parse(content.decode("utf-8-sig"), name)
    except OSError as error:
        raise TextError(f"{name} cannot be read ({error.strerror}); give the path of a .lex file.") from error
    except UnicodeDecodeError as error:
        raise TextError(f"{name} is not UTF-8; save it as UTF-8 and try again.") from error


def parse(text: str, name: str = "The lexicon") -> Lexicon:
    """As `read`, of a text; messages call it `name`."""
    entries = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or re.match(r"\s*#(\s|$)", line):
            continue
        word, equals, value = line.partition("=")
        if not equals or not word.strip() or not value.strip():
            raise TextError(f"Line {number} of {name} is no entry; {EXAMPLE}.")
        entries[word.strip()] = value.strip()
    return Lexicon(entries)


def _checked_word(word: Any) -> str:
    if not isinstance(word, str) or not any(map(str.isalnum, word)) or len(word) > LONGEST_WORD:
        raise TextError(f"{quoted(word)} is no word for a lexicon; give a word of at most {LONGEST_WORD} characters.")
    return " ".join(unicodedata.normalize("NFC", word).split())


def _checked_value(word: str, value: Any) -> str:
    """IPA is read at once, so that what is wrong with it is said before anything is spoken."""
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_VALUE:
        raise TextError(f"The lexicon does not say how {quoted(word)} is said; {EXAMPLE}.")
    value = value.strip()
    if match := PRONUNCIATION.fullmatch(value):
        to_phonemes(match[1], word)
    elif "/" in (value[0], value[-1]):
        raise TextError(f"The pronunciation of {quoted(word)} must stand between two slashes, as in “/sˈiːkwəl/”.")
    return value


@lru_cache(maxsize=4096)
def _pattern(word: str) -> re.Pattern[str]:
    """The word as it stands in a text (group 1), with a plural's or a genitive's ending (group 2)."""
    body = r"\s+".join(re.sub(r"\\?['’]", "['’]", re.escape(part)) for part in word.split())
    body = body if _capitals_count(word) else f"(?i:{body})"
    plural = "e?s" if word.lower().endswith(("s", "x", "z", "ch", "sh")) else "s"
    bare = rf"|(?i:{plural})" if len(word) > 2 or (word.isupper() and len(word) > 1) else ""
    return re.compile(rf"({body})((?i:['’]s|s['’]){bare}|(?<=[sS])['’])?(?!\w)")


def _capitals_count(word: str) -> bool:
    """Whether the word in small letters is an ordinary English one, and another."""
    small = word.lower()
    if word == small or not is_known(small):
        return False
    tagger = g2p().tagger
    if word.isupper():  # hibari's readings of these differ: "us" and "US"
        return isinstance(g2p().lexicon.golds.get(word), dict) or small in tagger.tagdict
    return small in tagger.vocab
