"""The International Phonetic Alphabet → the sounds of English that the model has, in misaki's alphabet.

A sound that English lacks goes to its nearest: by PanPhon's weighted articulatory features (D. Mortensen et al., COLING
2016), and where those name no speaker's habit (r-sounds, uvulars, palatals, front rounded vowels) to what speakers of
English say for it in names and loanwords (J. C. Wells, Longman Pronunciation Dictionary).
"""

from __future__ import annotations

import unicodedata

from .errors import TextError, quoted
from .phonemes import CONSONANTS, REDUCED, SOUNDS, STRESSES, VOWELS

LONGEST = 200  # characters of one pronunciation
# Several letters that are one sound of English, or of which one is not said by itself. The longest is looked for first.
TOGETHER = {
    "eɪ": "A", "ei": "A", "ɛɪ": "A", "ɛi": "A", "e:": "A", "aɪ": "I", "ai": "I", "ɑɪ": "I", "ɑi": "I",
    "aʊ": "W", "au": "W",
    "ɑʊ": "W", "oʊ": "O", "ou": "O", "əʊ": "O", "əu": "O", "o:": "O", "ɔɪ": "Y", "ɔi": "Y", "oɪ": "Y", "oi": "Y",
    "ɒɪ": "Y",
    "ɔʏ": "Y", "ɔø": "Y",
    "tʃ": "ʧ", "dʒ": "ʤ", "tɕ": "ʧ", "dʑ": "ʤ", "tʂ": "ʧ", "dʐ": "ʤ", "ɜɹ": "ɜɹ", "ɜ:ɹ": "ɜɹ",
}  # fmt: skip
NEAREST = {
    # written otherwise, in IPA or by misaki
    "g": "ɡ", "r": "ɹ", "ʦ": "ts", "ʣ": "dz", "ʨ": "ʧ", "ʥ": "ʤ", "ɫ": "l", "ɚ": "əɹ", "ɝ": "ɜɹ", "ɾ": "T", "e": "ɛ",
    "o": "O", "a": "ɑ", "ɒ": "ɑ", "ɩ": "ɪ", "ɷ": "ʊ", "Q": "O",
    # consonants, by features
    "ɸ": "f", "β": "v", "ɱ": "m", "ʈ": "t", "ɖ": "d", "ɳ": "n", "ɭ": "l", "ɽ": "ɹ", "ʂ": "ʃ", "ʐ": "ʒ", "ɕ": "ʃ",
    "ʑ": "ʒ",
    "c": "k", "ɟ": "ɡ", "x": "k", "ɣ": "ɡ", "q": "k", "ɢ": "ɡ", "ɴ": "ŋ", "ɦ": "h", "ɓ": "b", "ɗ": "d",
    "ʄ": "ɡ", "ɠ": "ɡ",
    "ʛ": "ɡ", "ɺ": "l", "ʟ": "l", "ʙ": "b", "ⱱ": "v", "ɧ": "ʃ",
    # consonants, by the habit of loanwords
    "ɲ": "nj", "ʎ": "lj", "ç": "h", "ʝ": "j", "χ": "k", "ʁ": "ɹ", "ʀ": "ɹ", "ɻ": "ɹ", "ħ": "h", "ʜ": "h",
    "ʕ": "", "ʢ": "",
    "ʡ": "", "ʔ": "t", "ʋ": "v", "ɥ": "w", "ɰ": "w", "ʍ": "w", "ɬ": "l", "ɮ": "l", "ʘ": "p", "ǀ": "t",
    "ǃ": "k", "ǂ": "k",
    "ǁ": "k",
    # vowels, by features
    "y": "u", "ʏ": "ʊ", "ɨ": "ɪ", "ʉ": "u", "ɯ": "ʊ", "ɤ": "ʌ", "ɘ": "ə", "ɶ": "æ",
    # vowels, by the habit of loanwords
    "ø": "ɜ", "œ": "ɜ", "ɞ": "ɜ", "ɵ": "ʊ",
}  # fmt: skip
# What says how long, how high or how strongly a sound is made; English does not tell words apart by it.
UNSAID = frozenset("ˑ:.‿|‖()-ˠˤʰʱʷʲⁿˡʼ˥˦˧˨˩ꜛꜜ↗↘’")
NASAL, SYLLABIC, CEDILLA, RHOTIC = "\u0303", "\u0329\u030d", "\u0327", "˞"


def to_phonemes(written: str, of: str) -> str:
    """The phonemes of a pronunciation in IPA, or in misaki's alphabet, without its slashes. A word without a stress
    mark is stressed where its first full vowel is.

    Raises:
        TextError: a character that is no IPA symbol, none that can be heard, or too many. of: the word it is for.
    """
    if len(written) > LONGEST:
        raise TextError(
            f"The pronunciation of {quoted(of)} has more than {LONGEST} characters; give each word its own."
        )
    words = [_stressed(_sounds(word, of)) for word in written.split()]
    if not any(character in SOUNDS for word in words for character in word):
        raise TextError(f"The pronunciation “/{written}/” of {quoted(of)} has no sound; write it in IPA.")
    return " ".join(word for word in words if word)


def _sounds(word: str, of: str) -> str:
    """The phonemes of one word, with the stress marks that it has."""
    rest = unicodedata.normalize("NFD", word).replace("c" + CEDILLA, "ç").replace("ː", ":")
    rest = "".join(c for c in rest if c in (NASAL, *SYLLABIC) or unicodedata.category(c) != "Mn")
    sounds = ""
    while rest:
        size = next((size for size in (3, 2) if rest[:size] in TOGETHER), 1)
        sounds, rest = _with_sound(sounds, rest[:size], word, of), rest[size:]
    return sounds


def _with_sound(before: str, symbol: str, word: str, of: str) -> str:
    """What was read before, and one more symbol."""
    if symbol in TOGETHER:
        return before + TOGETHER[symbol]
    if symbol in ("'", "ˈ", "ˌ"):
        return before + symbol.replace("'", "ˈ")
    if symbol == NASAL:
        return before + "n"
    if symbol == RHOTIC:
        return before + "ɹ"
    if symbol in SYLLABIC:
        return before[:-1] + "ᵊ" + before[-1:]
    if symbol in UNSAID:
        return before
    if symbol in NEAREST:
        return before + NEAREST[symbol]
    if symbol in CONSONANTS or symbol in VOWELS or symbol in REDUCED:
        return before + symbol
    raise TextError(f"{quoted(symbol)} in the pronunciation “/{word}/” of {quoted(of)} is no IPA symbol; replace it.")


def _stressed(sounds: str) -> str:
    if any(mark in sounds for mark in STRESSES[1:]):
        return sounds
    place = next((place for place, character in enumerate(sounds) if character in VOWELS), None)
    return sounds if place is None else f"{sounds[:place]}{STRESSES[1]}{sounds[place:]}"
