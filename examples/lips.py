"""A game character's mouth: python examples/lips.py RECORDING "What to say." OUTPUT.wav

Writes the sound and prints one line a mouth shape: from, to (seconds), its name. The shapes are the fifteen of
OVRLipSync and of OpenXR's XR_META_face_tracking_visemes, which many characters of games have.
"""

from __future__ import annotations

import sys
from itertools import groupby

from transformers import pipeline

import rtvc  # registers the task

SHAPES = {
    "PP": "pbm", "FF": "fv", "TH": "θð", "DD": "tdT", "kk": "kɡŋh", "CH": "ʧʤʃʒj", "SS": "sz", "nn": "nl", "RR": "ɹɜ",
    "aa": "ɑæʌəɐᵊIW", "E": "ɛA", "ih": "ɪiᵻ", "oh": "ɔOY", "ou": "uʊw",
}  # fmt: skip
GLIDES = {
    "A": "ih",
    "I": "ih",
    "Y": "ih",
    "O": "ou",
    "W": "ou",
}  # where the mouth of a diphthong goes in its second half
SHAPE = {phoneme: shape for shape, phonemes in SHAPES.items() for phoneme in phonemes}


def visemes(phonemes: list[dict]) -> list[tuple[float, float, str]]:
    """The phonemes of a call → (from, to, shape), without a gap; "sil" is the closed mouth."""
    moves = []
    for one in phonemes:
        sound, start, end = one["phoneme"][-1:], one["start"], one["end"]
        middle = (start + end) / 2 if sound in GLIDES else end
        moves.append((start, middle, SHAPE.get(sound, "sil")))
        if sound in GLIDES:
            moves.append((middle, end, GLIDES[sound]))
    held = (list(alike) for _, alike in groupby(moves, lambda move: move[2]))
    return [(alike[0][0], alike[-1][1], alike[0][2]) for alike in held if alike[-1][1] > alike[0][0]]


def main(recording: str, words: str, output: str) -> None:
    clone = pipeline("voice-cloning")
    out = clone(words, voice=recording)
    rtvc.audio.write(output, out["audio"], out["sampling_rate"], clone.provenance)
    for start, end, shape in visemes(out["phonemes"]):
        print(f"{start:.4f}\t{end:.4f}\t{shape}")


if __name__ == "__main__":
    main(*sys.argv[1:])
