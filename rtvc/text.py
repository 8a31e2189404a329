"""Words as spoken, their phonemes, and the tokenizer: from a line of English to the ids that RTVC-7 reads.

`normalize` writes a text out as a person would say it, `phonemize` turns that into symbols (hibari's dictionary,
tagger and network for unknown words; the alphabet is misaki's), and a symbol's place in `SYMBOLS` is its id.
"""

from __future__ import annotations

import re
import threading
from functools import lru_cache

from .errors import TextError

PAD, START, END, BOUNDARY = "_", "^", "$", " "
PAUSES = (",", ".", "?", "!", ";", ":", "—", "…")
CONSONANTS = tuple("bdfhjklmnpstvwzðŋɡɹʃʒʤʧθT")  # T: the flapped t of "water"
VOWELS = tuple("AIOWYiuæɑɔɛɜɪʊʌ")  # A I O W Y: the diphthongs of day, my, no, now, boy
REDUCED = tuple("əɐᵊᵻ")  # never stressed
STRESSES = ("", "ˈ", "ˌ")  # none, primary, secondary
SYMBOLS: tuple[str, ...] = (
    (PAD, START, END, BOUNDARY)
    + PAUSES
    + CONSONANTS
    + tuple(stress + vowel for vowel in VOWELS for stress in STRESSES)
    + REDUCED
)
IDS: dict[str, int] = {symbol: index for index, symbol in enumerate(SYMBOLS)}

# What the network for unknown words may emit outside of the inventory, and its nearest neighbour inside.
NEIGHBOURS = {"a": "ɑ", "y": "i", "ʀ": "ɹ", "ɾ": "T", "ʔ": "t", "Q": "O", "g": "ɡ", "r": "ɹ", "e": "ɛ", "o": "O"}
STRESSED_NEIGHBOURS = {"ə": "ʌ", "ɐ": "ʌ", "ᵊ": "ʌ", "ᵻ": "ɪ"}

SMALL_NUMBERS = "ZERO|TWO|THREE|FOUR|FIVE|SIX|SEVEN|EIGHT|NINE|TEN|ELEVEN|TWELVE|[A-Z]+TEEN|(?:TWEN|THIR|FOR|FIF|SIX|SEVEN|EIGH|NINE)TY"
# The letter A, not the article: beside another spelled letter, or a capital amid lower case.
LETTER_A = re.compile(
    r"(?<=\b[B-HJ-Z] )A\b(?![.'])|\bA(?= [A-HJ-Z]\b)|(?<=[a-z] )A(?= [a-z0-9])|(?<=\w )A(?=[,.;:!?]|$)"
)

_lock = threading.Lock()


@lru_cache(maxsize=1)
def _g2p():
    """hibari's grapheme-to-phoneme converter (0.6 s to load, so on first use)."""
    from hibari.g2p import G2P

    return G2P()


def _symbols(phonemes: str) -> list[str]:
    """A string in misaki's alphabet → model symbols: stress joins the vowel after it, one separator at a time."""
    symbols, stress = [START], ""
    for character in phonemes:
        if character in "ˈˌ":
            stress = character
        elif character == BOUNDARY or character in PAUSES:
            stress = ""
            if symbols[-1] == START:
                continue
            if symbols[-1] == BOUNDARY:
                symbols[-1] = character
            elif symbols[-1] not in PAUSES:
                symbols.append(character)
        else:
            character = NEIGHBOURS.get(character, character)
            if stress and character in STRESSED_NEIGHBOURS:
                character = STRESSED_NEIGHBOURS[character]
            if character in VOWELS:
                symbols.append(stress + character)
                stress = ""
            elif character in IDS:
                symbols.append(character)
    if symbols[-1] == BOUNDARY:
        symbols.pop()
    if symbols[-1] not in PAUSES:
        symbols.append(".")
    return symbols + [END]


def normalize(text: str) -> str:
    """A text as it is spoken: words and pauses, nothing else."""
    text = re.sub(r"\s+", " ", text).strip()
    return _recase(text)


def _is_known(word: str) -> bool:
    lexicon = _g2p().lexicon
    return word in lexicon.golds or word in lexicon.silvers


def _recase(text: str) -> str:
    """Text in capitals only → lower case, spelled letters and acronyms excepted."""
    words = re.findall(r"[A-Za-z']+", text)
    if text != text.upper() or not any(len(word) > 1 for word in words):
        return text
    pieces = re.split(r"([A-Z']+)", text)
    letters = [len(piece) == 1 for piece in pieces]

    def spelled(index: int) -> bool:
        neighbours = [
            pieces[j]
            for j in (index - 2, index + 2)
            if 0 <= j < len(pieces) and letters[j] and pieces[(index + j) // 2].strip(" .-") == ""
        ]
        number = pieces[index] == "A" and index + 2 < len(pieces) and re.fullmatch(SMALL_NUMBERS, pieces[index + 2])
        return pieces[index] not in "AIO" or bool(number) or any(neighbour not in "AIO" for neighbour in neighbours)

    for index in range(1, len(pieces), 2):
        piece = pieces[index]
        if letters[index]:
            if piece == "I" or (piece != "'" and spelled(index)):
                continue
        elif not _is_known(piece.lower()) and (_is_known(piece) or not re.search("[AEIOUY]", piece)):
            continue
        pieces[index] = piece.lower()
    return "".join(pieces)


def phonemize(text: str) -> list[str]:
    """The symbols of a text, from "^" to "$", with a pause before the end."""
    text = normalize(text)
    text = LETTER_A.sub("[A](/ˈA/)", text)
    with _lock:
        phonemes = _g2p()(text)
    symbols = _symbols(phonemes)
    if len(symbols) <= 3:
        raise TextError("There is nothing to say in this text: write at least one English word or number.")
    return symbols
