"""What synthetic speech is made from and comes with: texts cut to what is read at once, symbols of known lengths."""

from __future__ import annotations

import random
import re

import numpy as np

from rtvc import phonemes

STRESS = "ˈˌ"


def aligned_symbols(characters: str, frames: np.ndarray) -> tuple[list[str], list[float]]:
    """A reader's characters, and its frames of each and of both ends → this project's symbols and their frames.

    Stress joins its vowel, a boundary the pause beside it; what has no symbol here gives its frames to the next.
    """
    symbols, durations, stress, pending = [phonemes.START], [float(frames[0])], "", 0.0
    for character, count in zip(characters, frames[1:-1], strict=True):
        separator = character == phonemes.BOUNDARY or character in phonemes.PAUSES
        if character in STRESS:
            stress, pending = character, pending + float(count)
        elif separator and (symbols[-1] == phonemes.BOUNDARY or symbols[-1] in phonemes.PAUSES or len(symbols) == 1):
            symbols[-1] = character if symbols[-1] == phonemes.BOUNDARY else symbols[-1]
            durations[-1] += float(count)
        else:
            base = phonemes.NEIGHBOURS.get(character, character)
            base = phonemes.STRESSED_NEIGHBOURS.get(base, base) if stress else base
            symbol = stress + base if base in phonemes.VOWELS else base
            if symbol not in phonemes.IDS:
                pending += float(count)
                continue
            symbols.append(symbol)
            durations.append(float(count) + pending)
            stress, pending = (stress if symbol in phonemes.CONSONANTS else ""), 0.0
    return [*symbols, phonemes.END], [*durations, float(frames[-1]) + pending]


def pieces(line: str, generator: random.Random) -> list[str]:
    """The sentences of a text, cut at random to 2–14 words where they have more than 16."""
    found = []
    for sentence in re.split(r"(?<=[.?!])\s+", line.strip()):
        words = sentence.split()
        while len(words) > 16:
            size = generator.randint(2, 14)
            found.append(" ".join(words[:size]))
            words = words[size:]
        found.append(" ".join(words))
    return [piece for piece in found if piece]
