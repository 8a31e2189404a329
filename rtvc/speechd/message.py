"""What Speech Dispatcher wants said → a document for the pipeline, and where the index marks stand in it.

A screen reader's text is what stands on a screen: none of it is markup but what is an element of SSML, and where that
is broken its words are said without it. Nothing that can be said is left out.
"""

from __future__ import annotations

import re
import unicodedata
from html import unescape
from typing import NamedTuple
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from rtvc.symbol_names import IN_ADDRESSES

GUARD = (
    "\N{WORD JOINER}"  # has no sound; between a bracket and a word it keeps "[laugh]" and "(sighs)" from being markup
)
GUARDED = re.compile(r"(?<=[\[(*])(?=\s{0,3}[A-Za-z/|])|(?<=\])(?=\()")
OPENED = re.compile(r"<(?=[A-Za-z/|])")  # "<b>" on a screen: its word is read, whatever the sign means elsewhere
UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # is in no XML
MARK = re.compile(r"<mark\s+name\s*=\s*(\"[^\"<]*\"|'[^'<]*')\s*/>")
TAG = re.compile(r"</?[A-Za-z][^<>]*>|<[?!][^<>]*>")
LETTERS = '<say-as interpret-as="characters">{}</say-as>'
NAMES = {" ": "space", "\n": "new line", "\t": "tab", "\r": "return"} | IN_ADDRESSES


class Mark(NamedTuple):
    """An index mark: how many characters of the text, white space not counted, are before it; whether it belongs to
    what is before it, as at a sentence's end, rather than to the word that follows."""

    name: str
    place: int
    leans_back: bool


class Message(NamedTuple):
    """SSML without index marks, the text in it, and the marks in order."""

    document: str
    text: str
    marks: tuple[Mark, ...] = ()


def of_text(text: str, spelled: bool = False) -> Message:
    """A text message, as the daemon sends it: in SSML, with index marks.

    Args:
        text: SSML; broken one is read without its elements.
        spelled: letter by letter.
    """
    text = UNPRINTABLE.sub(" ", text)
    try:
        return _read(text, spelled)
    except ElementTree.ParseError:
        return _read(_repaired(text), spelled)


def of_words(words: str) -> Message:
    """Words that are no SSML."""
    return _read(f"<speak>{escape(UNPRINTABLE.sub(' ', words))}</speak>", spelled=False)


def of_characters(characters: str, say_capital: bool = False) -> Message:
    """A character, or a few, by their names.

    Args:
        characters: which; such as "a", "?" or "é".
        say_capital: "capital A" for "A".
    """
    names = [_named(character, say_capital) for character in characters]
    return Message(f"<speak>{' '.join(names)}</speak>", characters)


def of_key(name: str, say_capital: bool = False) -> Message:
    """A key as the daemon calls it: "a", "space", "control_a", "shift_Return", "underscore"."""
    if len(name) == 1:
        return of_characters(name, say_capital)
    parts = [part for part in name.split("_") if part]
    said = [_named(part, say_capital) if len(part) == 1 else escape(UNPRINTABLE.sub(" ", part)) for part in parts]
    return Message(f"<speak>{' '.join(said)}</speak>", " ".join(parts))


def of_unspeakable(text: str) -> Message | None:
    """Something for a text in which nothing is English: its characters' names if they are few, or its script's name.
    None for a row of signs."""
    characters = "".join(text.split())
    if len(characters) <= 3:
        return of_characters(characters)
    letter = next((character for character in characters if character.isalnum()), None)
    return None if letter is None else of_words(f"{unicodedata.name(letter, 'unknown').split()[0].capitalize()} text")


def _named(character: str, say_capital: bool) -> str:
    """Its name in SSML. unicodedata knows what has no name of its own here: "»"."""
    if character.isalnum() and (character.isascii() or unicodedata.normalize("NFD", character)[0].isascii()):
        capital = "capital " if say_capital and character.isupper() else ""
        return capital + LETTERS.format(character)
    return escape(NAMES.get(character) or unicodedata.name(character, "unknown character").lower().replace("-", " "))


def _repaired(text: str) -> str:
    """Its words and its marks, well-formed."""
    pieces = MARK.split(text)  # texts and names in turn
    words = [escape(unescape(TAG.sub(" ", piece))) for piece in pieces[::2]]
    marks = [f"<mark name={quoteattr(unescape(name[1:-1]))}/>" for name in pieces[1::2]]
    return f"<speak>{''.join(part for pair in zip(words, [*marks, ''], strict=True) for part in pair)}</speak>"


def _read(document: str, spelled: bool) -> Message:
    """Raises ParseError where it is not well-formed, or not simple enough to be harmless."""
    if "<!DOCTYPE" in document:
        raise ElementTree.ParseError
    reader = _Reader(spelled)
    parser = ElementTree.XMLParser(target=reader)
    parser.feed(document.strip())
    parser.close()
    return Message("".join(reader.document), "".join(reader.text), tuple(reader.marks))


class _Reader:
    """Target of an XML parser: writes the document again, without its marks and with its brackets guarded."""

    def __init__(self, spelled: bool) -> None:
        self.document: list[str] = []
        self.text: list[str] = []
        self.marks: list[Mark] = []
        self.waiting: set[int] = set()  # numbers of marks that nothing has followed yet
        self._spelled, self._length = spelled, 0
        self._pieces: list[str] = []  # of text: the parser makes one of each "&lt;"

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._end_text()
        if _local(name) == "mark":
            self.waiting.add(len(self.marks))
            self.marks.append(Mark(attributes.get("name", ""), self._length, False))
            return
        given = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items() if "}" not in key)
        self.document.append(f"<{_local(name)}{given}>")

    def end(self, name: str) -> None:
        self._end_text()
        if _local(name) != "mark":
            self.document.append(f"</{_local(name)}>")

    def data(self, piece: str) -> None:
        self._pieces.append(piece)

    def close(self) -> None:
        """Marks at the end belong to what is before them."""
        self._lean(" ")

    def _end_text(self) -> None:
        text, self._pieces = "".join(self._pieces), []
        if not text:
            return
        self._lean(text)
        self._length += len("".join(text.split()))
        self.text.append(text)
        spelled = re.sub(r"\S+", lambda word: LETTERS.format(escape(word[0])), text) if self._spelled else None
        self.document.append(spelled or escape(OPENED.sub(" ", GUARDED.sub(GUARD, text))))

    def _lean(self, text: str) -> None:
        """What follows the last marks tells where they belong."""
        for number in self.waiting if text[:1].isspace() else ():
            self.marks[number] = self.marks[number]._replace(leans_back=True)
        self.waiting.clear()


def _local(name: str) -> str:
    """Of a name in a namespace, the name; the pipeline's SSML knows no namespaces."""
    return name.rpartition("}")[2]
