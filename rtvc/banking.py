"""Voice banking: phrases to read that hold every sound of English, and what the readings are worth together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from . import audio
from .errors import VoiceError
from .pipeline import VoiceCloningPipeline
from .text import SOUNDS, STRESSES, VOWELS, phonemize

PHRASES = (
    "The quick brown fox jumps over the lazy dog.",
    "She had your dark suit in greasy wash water all year.",
    "Do you really think that both of the boys should go there?",
    "We usually measure the garage with a good yellow ruler.",
    "My father bought a loud toy, a book and a huge bird.",
    "Yes, I would enjoy a cup of hot tea this evening.",
    "Put the cheese, the fish and five peaches on the kitchen table.",
    "Thank you for the pleasure of your visit, and the long journey.",
    "He told us how the judge laughed and shook his head.",
    "Zoe's voice was smooth, but her singing was always worth hearing.",
    "Nobody noticed the strange noise outside until a quarter to nine.",
    "Why don't they choose a place where the view is better?",
)
EXAMPLES = {  # a sound of the phoneme alphabet: a word that has it
    **{"b": "boy", "d": "day", "f": "five", "h": "house", "j": "yes", "k": "cat", "l": "leaf", "m": "moon"},
    **{"n": "nine", "p": "pen", "s": "sun", "t": "ten", "v": "voice", "w": "water", "z": "zoo", "ð": "this"},
    **{"ŋ": "sing", "ɡ": "go", "ɹ": "red", "ʃ": "ship", "ʒ": "measure", "ʤ": "judge", "ʧ": "cheese", "θ": "think"},
    **{"A": "they", "I": "my", "O": "no", "W": "now", "Y": "toy", "i": "see", "u": "blue", "æ": "hat"},
    **{"ɑ": "father", "ɔ": "law", "ɛ": "bed", "ɜ": "bird", "ɪ": "sit", "ʊ": "book", "ʌ": "cup"},
}
FASTEST = 8.0  # syllables a second: who seems to read faster has not read the whole phrase
ALIKE = 0.5  # probability of one person below which a reading is unlike the others


def sounds(text: str) -> set[str]:
    """The sounds of `EXAMPLES` that a text holds."""
    return {symbol.lstrip("".join(STRESSES)) for symbol in phonemize(text)} & SOUNDS & set(EXAMPLES)


def coverage(texts: Sequence[str]) -> set[str]:
    """The sounds that several texts hold together; all are `EXAMPLES`."""
    return set().union(*map(sounds, texts))


def check_reading(recording: audio.Recording, phrase: str) -> float:
    """Refuse a reading that is too short for its phrase; the seconds of speech in it.

    Raises:
        VoiceError: nothing is heard, or less than the phrase takes.
    """
    seconds = audio.check_speech(audio.read(recording), 0.0)
    syllables = sum(symbol[-1] in VOWELS for symbol in phonemize(phrase))
    if seconds < syllables / FASTEST:
        raise VoiceError(f"Only {seconds:.1f} s of speech were heard; read the whole phrase, then stop.")
    return seconds


def unlike(clone: VoiceCloningPipeline, recordings: Sequence[audio.Recording]) -> list[int]:
    """Which of several readings sound like somebody else than the rest, or are spoilt; their places in the list."""
    if len(recordings) < 3:
        return []  # of two that differ nobody knows which one is wrong
    embeddings = np.stack([clone.embed(one) for one in recordings])
    cosines = embeddings @ embeddings.T
    others = [np.delete(row, place) for place, row in enumerate(cosines)]
    typical = [float(np.quantile(row, 0.5, method="higher")) for row in others]  # of the nearer half of the others
    return [place for place, cosine in enumerate(typical) if clone.model.probability(cosine) < ALIKE]
