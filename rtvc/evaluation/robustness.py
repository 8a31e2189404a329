"""What trips synthesizers, said and transcribed: is anything skipped, repeated or babbled?

Recognisers write words that they expect, so of single letters and words the seconds are worth a look too.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from rtvc import audio
from rtvc.evaluation.cloning import references
from rtvc.evaluation.session import RATE, Session
from rtvc.evaluation.statistics import mean
from rtvc.spoken import write_out

VOICES = 3  # speakers who say every line
LINES = {
    "one letter": ["A.", "Q.", "W.", "X."],
    "one word": ["Yes.", "No.", "Stop!", "Banana.", "Why?", "Strengths.", "Oh.", "Rhythm."],
    "digits": ["One, two, three, four, five, six, seven, eight, nine, ten.", "Call 555 0123 now.", "It is 10:45."],
    "repeated words": ["No, no, no, no, no.", "She said that that was that.", "Very very very very good.", "Ha ha ha!"],
    "tongue twisters": [
        "She sells sea shells by the sea shore.",
        "Peter Piper picked a peck of pickled peppers.",
        "How much wood would a woodchuck chuck if a woodchuck could chuck wood?",
        "The sixth sick sheikh's sixth sheep is sick.",
        "Red lorry, yellow lorry, red lorry, yellow lorry.",
    ],
    "sixty words": [
        "When the old clock in the hall had struck eleven and the last of the guests had gone down the wet steps to "
        "their carriages, the two sisters sat for a long while beside the dying fire and spoke of the summer that they "
        "had spent by the lake with their mother, before the war had taken the house and everything in it.",
        "Nobody who has walked along that coast in winter will forget how the wind comes over the water and through "
        "the grass, how the gulls hang still above the cliffs as if they were waiting for something, and how the small "
        "boats in the harbour knock against one another all night long while the people in the cottages sleep behind "
        "their shutters.",
    ],
    "spelled and joined": ["The B B C and the F B I.", "Dr. Smith paid $3.50 on 5th Street.", "Twenty-one re-entries."],
}


def robustness(session: Session) -> dict[str, Any]:
    """Every line in the voices of the first speakers: the share of wrong words by kind, and the lines, worst first."""
    voices = {name: session.clone.enroll(path) for name, path in list(references(session.cases.clone).items())[:VOICES]}
    said = [(kind, text, name) for name in voices for kind, texts in LINES.items() for text in texts]
    rows = []
    for kind, text, name in session.watch(said, "robustness"):
        out = session.clone(text, voice=voices[name])
        wave = audio.resample(out["audio"], out["sampling_rate"])
        row = {"kind": kind, "speaker": name, "text": text, "seconds": wave.size / RATE}
        rows.append(row | recognised(session.judges["words"], text, wave))
    found = {}
    for kind in LINES:
        mine = [row for row in rows if row["kind"] == kind]
        found[kind] = mean([row["wrong"] for row in mine], [row["speaker"] for row in mine])
    figures = {kind: figure for kind, figure in found.items() if figure}
    return {"systems": {"rtvc": {"figures": figures}}, "lines": sorted(rows, key=lambda row: -row["wrong"])}


def recognised(judge: Any, text: str, wave: np.ndarray) -> dict[str, Any]:
    """What a recogniser makes of a line, and the share of words that it has wrong."""
    words = judge(np.pad(wave, RATE // 4))
    wanted, understood = write_out(text), write_out(words)  # "1, 2, 3" is "one, two, three", however it is written
    if _letters(understood) == _letters(wanted):
        return {"heard": words, "wrong": 0.0}
    errors = judge.errors(text, words)
    share = errors["word_errors"] / errors["words"] if errors else 0.0
    return {"heard": words, "wrong": min(1.0, share)}


def _letters(text: str) -> str:
    """Lower case without punctuation and spaces: "sea shore" and "seashore" are the same."""
    return re.sub(r"[^a-z0-9]", "", text.lower())
