"""A line of English → words as spoken → the symbols of their phonemes.

The dictionary, the tagger and the network for unknown words are hibari's; the alphabet is misaki's.
"""

from __future__ import annotations

import re

from .capitals import is_loud, quiet, recase
from .characters import plain, unaccented
from .dictionary import accented_phonemes, converted, hibari_g2p, reading, without_needless_accents
from .errors import TextError
from .homographs import mark_homographs
from .number_words import LETTER_A
from .spoken import write_out

PAD, START, END, BOUNDARY = "_", "^", "$", " "
PAUSES = (",", ".", "?", "!", ";", ":", "—", "…")
CONSONANTS = tuple("bdfhjklmnpstvwzðŋɡɹʃʒʤʧθT")  # T: the flapped t of "water"
VOWELS = tuple("AIOWYiuæɑɔɛɜɪʊʌ")  # A I O W Y: the diphthongs of day, my, no, now, boy
REDUCED = tuple("əɐᵊᵻ")  # never stressed
STRESSES = ("", "ˈ", "ˌ")  # none, primary, secondary
# The order is the model's: append, never insert.
SYMBOLS: tuple[str, ...] = (
    (PAD, START, END, BOUNDARY)
    + PAUSES
    + CONSONANTS
    + tuple(stress + vowel for vowel in VOWELS for stress in STRESSES)
    + REDUCED
)
SOUNDS = frozenset(CONSONANTS + VOWELS + REDUCED)
IDS: dict[str, int] = {symbol: index for index, symbol in enumerate(SYMBOLS)}

# What the network for unknown words may emit outside of the inventory, and its nearest neighbour inside.
NEIGHBOURS = {"a": "ɑ", "y": "i", "ʀ": "ɹ", "ɾ": "T", "ʔ": "t", "Q": "O", "g": "ɡ", "r": "ɹ", "e": "ɛ", "o": "O"}
STRESSED_NEIGHBOURS = {"ə": "ʌ", "ɐ": "ʌ", "ᵊ": "ʌ", "ᵻ": "ɪ"}

ASKING = "who|whom|whose|what|which|when|where|why|how"
FALLING = re.compile(rf"^\W*(?:(?:and|but|so|well|then|oh|now)\W+)*(?:\w+\W+)?(?:{ASKING})\b|\bor\b", re.I)
NOTHING = "There is nothing to say in this text: write at least one English word or number."
TOO_LONG = "A sentence of {:,} characters is too long to speak; split the text into sentences."
LONGEST_LINE = 10_000  # characters that are spoken as one sentence
LONGEST_SPOKEN = 20_000  # of its words: those of a row of digits are five times as long
ACCENTED = re.compile(r"[^\W\d_]*[À-ɏ][^\W\d_]*")
ACCENTED_WORD = re.compile(rf"({ACCENTED.pattern})('s)?")
LOUD_WORD = re.compile(r"(?<![\w\[])[A-Z]{2,}(?![\w\]])")


def normalize(text: str) -> str:
    """A text as it is spoken: English words and the pauses , . ? ! ; : — … ("$5.20" → "five dollars and twenty cents").

    Text in capitals only is lower-cased, acronyms and spelled letters excepted. Accents stay where they change the
    reading. May come out empty.
    """
    return quiet(_spoken(text)).replace(LETTER_A, "A")


def _spoken(text: str) -> str:
    """As `normalize` gives it, but words said loudly are in capitals and the letter A is Ⓐ."""
    if not isinstance(text, str):
        raise TextError(f"The text must be a string, not {type(text).__name__}: pass the words to say.")
    text = ACCENTED.sub(lambda match: without_needless_accents(match.group()), plain(text))
    return write_out(recase(text))


# -- words → symbols -------------------------------------------------------------------------------------------------


def phonemize(text: str) -> list[str]:
    """The symbols of a text, from "^" to "$", with a pause before the end. "?" stands where the voice rises only.

    Raises:
        TextError: there is nothing to say, or more than one breath can: `split_sentences` comes first.
    """
    if isinstance(text, str) and len(text) > LONGEST_LINE:
        raise TextError(TOO_LONG.format(len(text)))
    words = _spoken(text)
    if len(words) > LONGEST_SPOKEN:
        raise TextError(TOO_LONG.format(len(text)))
    symbols = _symbols(_phonemes(_falling_questions(words)))
    if len(symbols) <= 3:
        raise TextError(NOTHING)
    return symbols


def _falling_questions(words: str) -> str:
    """Questions that ask who, what or where, or offer a choice, end like statements: their "?" becomes "."."""
    return re.sub(r"[^.?!…]+\?", lambda match: match[0][:-1] + "." if FALLING.search(match[0]) else match[0], words)


def question_rise(ids: list[int]) -> list[float]:
    """How far the voice has risen to the top of its range at the end of each token, 0…1: in a question from the last
    stressed vowel on. The corpora hardly hold a question, so the network has not learned it.
    """
    symbols, rise, nucleus = [SYMBOLS[index] for index in ids], [0.0] * len(ids), None
    for index, symbol in enumerate(symbols):
        if symbol[0] == STRESSES[1]:
            nucleus = index
        elif symbol == "?" and nucleus is not None:
            for place in range(nucleus, index):
                rise[place] = (place - nucleus + 1) / (index - nucleus)
            rise[index] = 1.0
        if symbol in PAUSES:
            nucleus = None
    return rise


def _phonemes(words: str) -> str:
    """Normalised words → a string in misaki's alphabet. A word without a reading is spelled, never dropped."""
    words = LOUD_WORD.sub(_loud, mark_homographs(words))
    words = ACCENTED_WORD.sub(_accented, words)
    parts = []
    for token in converted(words):
        phonemes = token.phonemes or ""
        letters = re.sub("[^A-Za-z]", "", token.text)
        if letters and not any(NEIGHBOURS.get(character, character) in SOUNDS for character in phonemes):
            phonemes = " ".join(map(reading, letters.upper()))
        parts.append(phonemes + (BOUNDARY if token.whitespace else ""))
    return "".join(parts)


def _loud(match: re.Match[str]) -> str:
    """AND → with the stress that small words do not have."""
    if not is_loud(match.group()):
        return match.group()
    word = match.group().lower()
    phonemes = "ðˈi" if word == "the" else hibari_g2p().apply_stress(reading(word), 2)
    return f"[{word}](/{phonemes}/)"


def _accented(match: re.Match[str]) -> str:
    phonemes = accented_phonemes(match[1])
    if not phonemes:
        return unaccented(match[1]) + (match[2] or "")
    return f"[{unaccented(match[1])}](/{phonemes}{'z' if match[2] else ''}/)"


def _symbols(phonemes: str) -> list[str]:
    """A string in misaki's alphabet → model symbols: stress joins the vowel after it, one separator at a time."""
    symbols, stress = [START], ""
    for character in phonemes:
        if character in "ˈˌ":
            stress = character
        elif character == BOUNDARY or character in PAUSES:
            stress = ""
            _separate(symbols, character)
        else:
            character = NEIGHBOURS.get(character, character)
            if stress:
                character = STRESSED_NEIGHBOURS.get(character, character)
            if character in VOWELS:
                symbols.append(stress + character)
                stress = ""
            elif character in IDS:
                symbols.append(character)
    if symbols[-1] == BOUNDARY:
        symbols.pop()
    if symbols[-1] == "…":
        symbols[-1] = "."
    return symbols + ([END] if symbols[-1] in PAUSES else [".", END])


def _separate(symbols: list[str], separator: str) -> None:
    """Append a separator; a pause takes the place of a word boundary, and the first pause of several stays."""
    if symbols[-1] == BOUNDARY:
        symbols[-1] = separator
    elif symbols[-1] != START and symbols[-1] not in PAUSES:
        symbols.append(separator)
