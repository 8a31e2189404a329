"""The stronger gate: whoever owns a voice reads a sentence made for this visit, and that reading becomes the reference.

A recording found somewhere else does not hold the sentence, and another person's reading is not the recording's voice.
What was read is heard by the recogniser of the extra `rtvc-voice[consent]`, on this computer.
Limits: a clone of the voice that reads the sentence passes, unless it is one of rtvc (it carries the watermark); the
recogniser errs in noise and with strong accents.
"""

from __future__ import annotations

import re
import secrets
from difflib import SequenceMatcher

from rtvc import audio, recogniser, watermark
from rtvc.audio import Recording
from rtvc.errors import VoiceError, quoted
from rtvc.pipeline import VoiceCloningPipeline

ENOUGH = 0.75  # share of the words that has to be heard, in order: the recogniser mistakes about one in twenty
ALIKE = 0.5  # probability of one person from which the reading is the recording's voice
LONGEST = 60.0  # seconds
_WHO = "my brother,the doctor,a farmer,our teacher,the painter,a sailor,the singer,my neighbour,a hunter,the baker"
_DOES = "carries,washes,paints,remembers,follows,opens,sells,borrows,repairs,watches"
_KIND = "yellow,wooden,heavy,broken,silver,empty,ancient,tiny,beautiful,purple"
_THING = "boats,windows,bottles,baskets,gardens,mirrors,pictures,ladders,kettles,curtains"
_WHERE = "behind the river,near the station,under the bridge,on the mountain,in the kitchen,before the winter"


def sentence() -> str:
    """A sentence that nobody has read before: one of 600,000, by a generator that cannot be foreseen."""
    choice = secrets.SystemRandom().choice
    who, does, kind, thing, other, where = (
        choice(words.split(",")) for words in (_WHO, _DOES, _KIND, _THING, _THING, _WHERE)
    )
    return f"This is my voice, and {who} {does} {kind} {thing} and {other} {where}."


def check(clone: VoiceCloningPipeline, reading: Recording, wanted: str, recording: Recording | None = None) -> None:
    """Refuse a reading that is not of this sentence, or not by the person of the recording.

    Args:
        clone: compares the voices.
        reading: of the sentence, at least three seconds of speech.
        wanted: the sentence, from :func:`sentence`.
        recording: of the voice that shall be cloned; none where the reading itself will be the reference.

    Raises:
        VoiceError: it is another sentence, another voice, or a clone; or the recogniser is not installed.
    """
    wave = audio.read(reading, max_seconds=LONGEST)
    audio.check_speech(wave, name="The reading")
    if watermark.detect(wave) >= watermark.THRESHOLD:
        raise VoiceError("The reading was made by rtvc itself; read the sentence with your own voice.")
    said = recogniser.transcribe(wave)
    if share_said(wanted, said) < ENOUGH:
        raise VoiceError(f"Another sentence was heard: {quoted(said)}; read the one that is shown, in a quiet place.")
    if recording is not None and clone.similarity((wave, audio.SAMPLING_RATE), recording) < ALIKE:
        raise VoiceError("The reading is not in the recording's voice; the person in the recording has to read it.")


def share_said(wanted: str, said: str) -> float:
    """The share of the wanted words that were said, in order, 0 … 1."""
    wanted_words, said_words = (re.findall("[a-z']+", words.lower()) for words in (wanted, said))
    blocks = SequenceMatcher(None, wanted_words, said_words, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) / max(len(wanted_words), 1)  # of no sentence nothing is heard
