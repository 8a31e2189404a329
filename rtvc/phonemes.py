"""A line of English → words as spoken → the symbols of their phonemes.

The dictionary, the tagger and the network for unknown words are hibari's; the alphabet is misaki's.
"""

from __future__ import annotations

import re

from .capitals import is_loud, quiet, recase
from .characters import plain, unaccented
from .dictionary import accented_phonemes, converted, hibari_g2p, is_known, reading, without_needless_accents
from .errors import TextError
from .homographs import mark_homographs
from .number_words import LETTER_A
from .readings import NONE, Readings
from .spoken import write_out
from .tracing import Trace

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
SILENT = BOUNDARY + "".join(PAUSES)  # what stands between words and is no sound
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
DROPPED_G = re.compile(r"(?<![\w\['])([A-Za-z]+in)'(?!\w)")  # makin'
LOUD_WORD = re.compile(r"(?<![\w\[])[A-Z]{2,}(?![\w\]])")


def normalize(text: str) -> str:
    """A text as it is spoken: English words and the pauses , . ? ! ; : — … ("$5.20" → "five dollars and twenty cents").

    Text in capitals only is lower-cased, acronyms and spelled letters excepted. Accents stay where they change the
    reading. May come out empty.
    """
    return shown(spoken_words(text))


def shown(words: str) -> str:
    """What `spoken_words` gives, as people write it."""
    return quiet(words).replace(LETTER_A, "A")


def spoken_words(text: str, trace: Trace | None = None) -> str:
    """As `normalize` gives it, but words said loudly are in capitals and the letter A is Ⓐ.

    trace: keeps which characters come from which.
    """
    if not isinstance(text, str):
        raise TextError(f"The text must be a string, not {type(text).__name__}: pass the words to say.")
    for step in (plain, _with_needed_accents, recase):
        text = trace.change(text, step(text)) if trace else step(text)
    return write_out(text, trace)


def _with_needed_accents(text: str) -> str:
    return ACCENTED.sub(lambda match: without_needless_accents(match.group()), text)


# -- words → symbols -------------------------------------------------------------------------------------------------


def phonemize(text: str) -> list[str]:
    """The symbols of a text, from "^" to "$", with a pause before the end. "?" stands where the voice rises only.

    Raises:
        TextError: there is nothing to say, or more than one breath can: `split_sentences` comes first.
    """
    if isinstance(text, str) and len(text) > LONGEST_LINE:
        raise TextError(TOO_LONG.format(len(text)))
    return symbols_of(spoken_words(text))[0]


def symbols_of(words: str, readings: Readings = NONE) -> tuple[list[str], list[int | None]]:
    """What `spoken_words` gives → its symbols, as `phonemize` has them, and for each sound the number of its word.

    readings: of the invented words among them. Raises TextError where there is nothing to say, or too much.
    """
    if len(words) > LONGEST_SPOKEN:
        raise TextError(TOO_LONG.format(len(words)))
    parts = phoneme_parts(falling_questions(words), readings)
    symbols, places = _symbols("".join(phonemes for phonemes, _ in parts))
    if len(symbols) <= 3:
        raise TextError(NOTHING)
    owners = [number for phonemes, number in parts for _ in phonemes]
    return symbols, [None if place is None else owners[place] for place in places]


def falling_questions(words: str) -> str:
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


def phoneme_parts(words: str, readings: Readings = NONE) -> list[tuple[str, int]]:
    """Normalised words → strings in misaki's alphabet, each with the number of its word, which spaces count.

    A word without a reading is spelled, never dropped.
    """
    words = DROPPED_G.sub(_without_g, LOUD_WORD.sub(_loud, mark_homographs(words)))
    words = readings.linked(ACCENTED_WORD.sub(_accented, words))
    parts, number = [], 0
    for token in converted(words):
        phonemes = token.phonemes or ""
        letters = re.sub("[^A-Za-z]", "", token.text)
        if letters and not any(NEIGHBOURS.get(character, character) in SOUNDS for character in phonemes):
            phonemes = " ".join(map(reading, letters.upper()))
        parts.append((phonemes + (BOUNDARY if token.whitespace else ""), number))
        number += bool(token.whitespace) + token.text.count(" ")
    return parts


def _loud(match: re.Match[str]) -> str:
    """AND → with the stress that small words do not have."""
    if not is_loud(match.group()):
        return match.group()
    word = match.group().lower()
    phonemes = "ðˈi" if word == "the" else hibari_g2p().apply_stress(reading(word), 2)
    return f"[{word}](/{phonemes}/)"


def _without_g(match: re.Match[str]) -> str:
    """makin' → as "making", with an n at the end."""
    whole = match[1].lower() + "g"
    return f"[{match.group()}](/{reading(whole).removesuffix('ŋ')}n/)" if is_known(whole) else match.group()


def _accented(match: re.Match[str]) -> str:
    phonemes = accented_phonemes(match[1])
    if not phonemes:
        return unaccented(match[1]) + (match[2] or "")
    return f"[{unaccented(match[1])}](/{phonemes}{'z' if match[2] else ''}/)"


def _symbols(phonemes: str) -> tuple[list[str], list[int | None]]:
    """A string in misaki's alphabet → model symbols: stress joins the vowel after it, one separator at a time.

    Beside them, for each sound, its place in the string.
    """
    symbols, places, stress = [START], {}, ""
    for place, character in enumerate(phonemes):
        if character in "ˈˌ":
            stress = character
        elif character == BOUNDARY or character in PAUSES:
            stress = ""
            _separate(symbols, character)
        else:
            character = NEIGHBOURS.get(character, character)
            if stress:
                character = STRESSED_NEIGHBOURS.get(character, character)
            if character in IDS:
                places[len(symbols)] = place
                symbols.append(stress + character if character in VOWELS else character)
                stress = "" if character in VOWELS else stress
    if symbols[-1] == BOUNDARY:
        symbols.pop()
    if symbols[-1] == "…":
        symbols[-1] = "."
    symbols += [END] if symbols[-1] in PAUSES else [".", END]
    return symbols, [places.get(number) for number in range(len(symbols))]


def _separate(symbols: list[str], separator: str) -> None:
    """Append a separator; a pause takes the place of a word boundary, and the first pause of several stays."""
    if symbols[-1] == BOUNDARY:
        symbols[-1] = separator
    elif symbols[-1] != START and symbols[-1] not in PAUSES:
        symbols.append(separator)
