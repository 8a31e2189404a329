"""Say what trips synthesizers and have it transcribed: is anything skipped, repeated or babbled?

Usage: python benchmarks/robustness.py [--model FOLDER] [--voices FILE …]

Every line in every voice, the worst first. Whisper tiny.en writes words it expects, so single letters and words are
also judged by their length: seconds a syllable. Needs the judges of ``../shared`` (``--shared``).
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import numpy as np
import soxr

RATE = 16_000
ROOT = Path(__file__).parents[1]
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


def words(text: str) -> str:
    """Lower case without punctuation, as one string without spaces: "sea shore" and "seashore" are the same."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="a from_pretrained folder; default: the bundled model")
    parser.add_argument("--voices", type=Path, nargs="*", default=sorted((ROOT / "examples" / "voices").glob("*.flac")))
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    options = parser.parse_args()
    sys.path.insert(0, str(options.shared / "tools"))
    from floors import judges  # noqa: PLC0415  (the judges of ../shared)
    from transformers import pipeline

    import rtvc  # noqa: F401  (registers the task)

    clone = pipeline("voice-cloning", model=str(options.model) if options.model else None)
    rows = []
    for voice in options.voices:
        enrolled = clone.enroll([voice])
        for kind, lines in LINES.items():
            for line in lines:
                out = clone(line, voice=enrolled)
                wave = soxr.resample(out["audio"], out["sampling_rate"], RATE)
                heard = judges.transcribe(np.pad(wave, RATE // 4))
                same = words(line) == words(heard)
                wrong = 0.0 if same else judges.wer([line], [heard])
                rows.append((kind, wrong, len(wave) / RATE, voice.stem, line, heard))
    for kind in LINES:
        mine = [row for row in rows if row[0] == kind]
        print(f"{kind:20s} word error rate {np.mean([row[1] for row in mine]):.3f} of {len(mine)} clips")
    for kind, wrong, seconds, voice, line, heard in sorted(rows, key=lambda row: -row[1])[:25]:
        print(f"{wrong:.2f} {seconds:5.2f} s  {voice}, {kind}: {line!r} heard as {heard!r}")


if __name__ == "__main__":
    main()
