"""The demo page: five seconds of a voice and a line of text in, that line in that voice out.

    python app.py [FOLDER]     # of a model; the bundled one without

It opens at http://127.0.0.1:7860; GRADIO_SERVER_PORT and GRADIO_SERVER_NAME are respected. Its functions are an API and
an MCP server too. Its files lie in a folder of their own, in GRADIO_TEMP_DIR where that is set, until the page ends.

Everything that it does is in the package `rtvc`; here is only what a person sees. It needs no network. The server
stores no voice: saved ones lie in the visitor's browser, and every call brings the voice that it speaks with. Only the
pipeline remembers the newest that it enrolled, by their sound, until the server ends.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import functools
import html
import inspect
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

try:
    import fcntl
except ImportError:  # Windows: no folder can be locked there, so what a killed process left stays
    fcntl = None

# Nobody else may read this folder, and `claim` makes it this process's own. gradio asks for it when it is imported.
os.environ["GRADIO_TEMP_DIR"] = os.path.join(
    tempfile.mkdtemp(prefix="rtvc-files-", dir=os.environ.get("GRADIO_TEMP_DIR") or None), "gradio"
)
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

try:
    from spaces import GPU as on_gpu  # a Space on ZeroGPU lends its GPU call by call; import it before torch
except ImportError:

    def on_gpu(function: Callable) -> Callable:
        """Elsewhere a call runs where the model is."""
        return function


import gradio as gr
import httpx
import numpy as np
import torch
from fastapi import HTTPException

import rtvc
from rtvc import audio, banking, dialogue, recogniser, watermark
from rtvc.page import consent, picture
from rtvc.pipeline import load
from rtvc.text import split_sentences

CACHE = Path(os.environ["GRADIO_TEMP_DIR"])  # uploads, and gradio's copies of what the page offers
FILES, MADE, OWNER = CACHE.parent, CACHE.parent / "made", os.getpid()
VOICES = Path(__file__).parent / "examples" / "voices"
EXAMPLES = {"Woman, audiobook": "woman.flac", "Man, audiobook": "man.flac", "Young man, British": "young-man.flac"}
WORDS = "Nice to meet you! This is what I sound like when a computer speaks for me."
SCRIPT = """GUARD: Halt! Who goes there?
TRAVELLER: Only a traveller. I have walked for seven days.
GUARD: Then come in, and sit by the fire."""
FORMATS = {"WAV": ".wav", "FLAC": ".flac", "OGG": ".ogg"}
LONGEST_TEXT = 5000  # characters
LARGEST_SHELF = 50  # voices in a browser
CHARACTERS = 6  # in a script
AT_ONCE, WAITING = 2, 32  # calls that compute, whatever they call; calls in the queue
EACH = 2  # of those in the queue, one visitor's
EVERY, KEPT = 600, 3000  # seconds: files older than KEPT are deleted, looked for so often; an hour at the latest
NOTED = 10_000  # uploads remembered
QUIET = {"show_progress": "hidden", "api_visibility": "private"}  # of events that nobody waits for
COMPUTES = {"concurrency_id": "computing", "concurrency_limit": AT_ONCE}  # one queue for all such events
STREAMS = shutil.which("ffmpeg") is not None  # what makes audio that plays while it is made

INTRODUCTION = """# Clone a voice
Five seconds of a voice and a line of English are enough. All of it happens on the computer that runs this page."""
CONSENT = """Use your own voice, or one whose owner agreed. Say that the speech is synthetic where you share it: every
clone carries an inaudible mark by which `rtvc verify` knows it."""
AGREED = "The voice is mine, or its owner allowed me to clone it"
NOT_AGREED = "Tick first the box that says that you may clone this voice."
DAMAGED = "The shelf in this browser is damaged; press “Remove”, then load the voices from their files again."
BANKING = """Read the phrases in a quiet room, in your everyday voice. Each one adds sounds of English and seconds of
speech: more of both make a better voice. Stop whenever you like; three phrases already do well."""
DIALOGUE = """One line is one audio file. Write who speaks, a colon, and what is said; give every character a voice from
the examples or from your shelf."""
CSS = """
.gradio-container { max-width: 860px !important; margin: 0 auto !important; }
.note { padding: 0 .25em; }
#heard { min-height: 1.5em; }
.note .problem { color: var(--error-text-color); }
.pictures { display: flex; flex-wrap: wrap; gap: 16px; }
.pictures figure { flex: 1 1 320px; margin: 0; min-width: 0; }
.pictures .likeness { flex: 1 1 100%; }
.pictures meter { display: block; width: 100%; height: 1.4em; }
svg.speech { width: 100%; height: auto; color: var(--body-text-color); font: 12px system-ui, sans-serif; }
svg.speech text { fill: currentColor; }
svg.speech .heading { font-weight: 600; font-size: 14px; }
svg.speech .grid { stroke: currentColor; opacity: .25; }
svg.speech .pitch { fill: none; stroke: var(--primary-500); stroke-width: 2.2; stroke-linecap: round; }
#phrase { font-size: 1.35em; }
ul.sounds { list-style: none; display: flex; flex-wrap: wrap; gap: 6px; padding: 0; margin: .5em 0; }
ul.sounds li { margin: 0; padding: 2px 10px; border-radius: 12px; border: 1px solid var(--border-color-primary); }
ul.sounds li.covered { background: var(--primary-600); border-color: var(--primary-600); color: #fff; }
ul.sounds li.covered::before { content: "✓ " / ""; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
:focus-visible { outline: 2px solid var(--primary-500) !important; outline-offset: 2px; }
"""
END = object()  # of a stream
Shelf = dict[str, str]  # a voice's name: its file in base64, as the browser keeps it


# ------------------------------------------------------------------------------------------------- what the page calls


class Places:
    """Where a call computes; more calls than that wait here, and more than `waiting` of those are refused.

    gradio's queue alone does not hold to its limit: the place of a call that is cancelled goes to the next one at once,
    while the thread of the first computes on.
    """

    def __init__(self, at_once: int = AT_ONCE, waiting: int = WAITING) -> None:
        self._computing, self._inside = threading.Semaphore(at_once), threading.Semaphore(at_once + waiting)

    def __enter__(self) -> None:
        if not self._inside.acquire(blocking=False):
            raise gr.Error("The queue is full; try again in a minute.", print_exception=False)
        self._computing.acquire()

    def __exit__(self, *_: object) -> None:
        self._computing.release()
        self._inside.release()


PLACES = Places()


def computing(function: Callable) -> Callable:
    """What an event calls if it computes: it waits for one of the places."""

    @functools.wraps(function)
    def call(*given: Any, **named: Any) -> Any:
        with PLACES:
            return function(*given, **named)

    @functools.wraps(function)
    def pieces(*given: Any, **named: Any) -> Iterator[Any]:
        with contextlib.closing(function(*given, **named)) as made:  # a call that is stopped stops its work
            while True:
                with PLACES:  # for one piece: nobody who is slow to take it keeps the others waiting
                    piece = next(made, END)
                if piece is END:
                    return
                yield piece

    return pieces if inspect.isgeneratorfunction(inspect.unwrap(function)) else call


class Page:
    """What the controls call: `hear` when a recording arrives, `speak` when the button is pressed."""

    def __init__(self, clone) -> None:
        self.clone = clone  # it knows the newest recordings by what was heard in them
        self._uploads: dict[tuple[str | None, str], None] = {}  # (visit, path), the newest last
        self._noting = threading.Lock()

    def voice(self, recording: str | None, chosen: str | None, shelf: Shelf) -> rtvc.Voice:
        """The chosen voice of the shelf, else that of the recording."""
        check_shelf(shelf, chosen)
        if chosen in shelf:
            return unpack(shelf[chosen])
        if chosen in EXAMPLES:
            return self.clone.enroll(str(VOICES / EXAMPLES[chosen]))
        if not recording:
            raise rtvc.VoiceError("Record or upload about five seconds of a voice first, or pick an example.")
        if not Path(recording).is_file():
            raise rtvc.VoiceError("The recording has been deleted from the server by now; record or upload it again.")
        return self.clone.enroll(recording)

    def check_agreed(self, recording: str | None, chosen: str | None, shelf: Shelf, agreed: bool) -> None:
        """Refuse to clone a recording before its visitor has said that it may be; the examples' owners have."""
        check_shelf(shelf, chosen)
        if agreed or chosen in shelf or not recording or not Path(recording).is_file():
            return
        content = Path(recording).read_bytes()
        if not any(content == (VOICES / name).read_bytes() for name in EXAMPLES.values()):
            raise rtvc.VoiceError(NOT_AGREED)

    def listen(self, reading: str | None, wanted: str, recording: str | None) -> tuple:
        """The sentence was read → (the recording, whether it may be cloned, the line below, the next sentence)."""
        if not reading:
            return gr.skip(), gr.skip(), gr.skip(), wanted
        try:
            consent.check(self.clone, reading, wanted, recording)
        except rtvc.RTVCError as error:
            return gr.skip(), gr.skip(), problem(error), wanted
        return reading, True, "This is your voice; the reading is the recording now.", consent.sentence()

    def note(self, upload: str | None, request: gr.Request) -> None:
        """Remember an upload until its visitor leaves; the examples stay."""
        if not upload or Path(upload).parent == VOICES:
            return
        with self._noting:
            self._uploads[request.session_hash, str(upload)] = None
            while len(self._uploads) > NOTED:  # of callers who never say that they leave: `sweep` deletes these
                del self._uploads[next(iter(self._uploads))]

    def forget(self, request: gr.Request) -> None:
        """Delete what a visitor who leaves has uploaded, but for what another one has too: it is one file."""
        with self._noting:
            mine = {path for visit, path in self._uploads if visit == request.session_hash}
            self._uploads = {one: None for one in self._uploads if one[0] != request.session_hash}
            others = {path for _, path in self._uploads}
        for upload in mine - others:
            Path(upload).unlink(missing_ok=True)

    # -- cloning

    def hear(self, recording: str | None) -> str:
        """The line below the recording: what was heard in it, or what is wrong with it."""
        if not recording:
            return ""
        try:
            return describe(self.voice(recording, None, {}).report)
        except rtvc.RTVCError as error:
            return problem(error)

    def cleaned(self, recording: str | None) -> Any:
        """The recording without its noise, if it was cleaned for the voice: an update of a player."""
        try:
            is_cleaned = bool(recording) and self.clone.enroll(recording).report.enhanced
        except (rtvc.RTVCError, OSError):
            is_cleaned = False
        if not is_cleaned:
            return gr.update(value=None, visible=False)
        return gr.update(value=(audio.SAMPLING_RATE, to_int16(self.clone.enhance(recording))), visible=True)

    def speak(
        self,
        recording: str | None,
        chosen: str | None,
        shelf: Shelf,
        words: str,
        speed: float = 1.0,
        pitch: float = 0.0,
        variation: float = 0.0,
        kind: str = "WAV",
        agreed: bool = True,
        progress=gr.Progress(),  # noqa: B008
    ) -> Iterator[tuple]:
        """→ (what plays while it is made, the clone's file, the line below the voice, the line below the text, what was
        spoken for `look`: nothing unless it went well).
        """
        heard = ""
        try:
            self.check_agreed(recording, chosen, shelf, agreed)
            progress(0, desc="Listening to the voice")
            voice = self.voice(recording, chosen, shelf)
            heard = describe(voice.report)
            check_text(words)
            yield gr.skip(), gr.skip(), heard, "", None  # an empty stream would be asked for, again only seconds later
            sentences, chunks = len(split_sentences(words)), []
            for chunk in self.clone.stream(words, voice=voice, speed=speed, pitch=pitch, variation=variation):
                chunks.append(chunk)
                progress((min(chunk["sentence"], sentences), sentences), desc="Speaking", unit="sentences")
                piece = (chunk["sampling_rate"], to_int16(chunk["audio"])) if STREAMS else gr.skip()
                yield piece, gr.skip(), gr.skip(), gr.skip(), gr.skip()  # here the call can be stopped
            out = self.clone.postprocess({"chunks": chunks})
            clone = save(out, "clone", FORMATS[kind])
            yield gr.skip(), clone, heard, "", {"recording": recording, "chosen": chosen, "clone": clone}
        except rtvc.VoiceError as error:
            yield gr.skip(), gr.skip(), problem(error), "", None
        except rtvc.RTVCError as error:
            yield gr.skip(), gr.skip(), heard, problem(error), None

    def look(self, spoken: dict[str, str | None] | None, shelf: Shelf) -> Any:
        """The pictures of the recording and the clone made of it, and how alike the two voices are."""
        if not spoken:
            return gr.skip()  # nothing new was said: the pictures are still those of the clone beside them
        try:
            return self._pictures(**spoken, shelf=shelf)
        except rtvc.RTVCError:  # the files are gone, say: the clone can be heard nevertheless
            return ""

    def _pictures(self, recording: str | None, chosen: str | None, clone: str, shelf: Shelf) -> str:
        wave, likeness = audio.read(clone), ""
        with contextlib.suppress(rtvc.RTVCError):  # a clone of one short word cannot be compared
            voice = self.voice(recording, chosen, shelf)
            likeness = gauge(self.clone.similarity(voice, (wave, audio.SAMPLING_RATE)))
        figures = [picture.draw(wave, "The clone")]
        if chosen not in entries(shelf) and recording and Path(recording).is_file():
            figures.insert(0, picture.draw(audio.read(recording), "The recording"))
        return f'<div class="pictures">{likeness}{"".join(f"<figure>{one}</figure>" for one in figures)}</div>'

    def compare(
        self, recording: str | None, chosen: str | None, other: str | None, shelf: Shelf, words: str, speed: float
    ) -> tuple[Any, str]:
        """→ (the same words in another voice, how likely the two voices are one person's)."""
        try:
            if not other:
                raise rtvc.VoiceError("Choose the other voice first.")
            check_text(words)
            voices = self.voice(recording, chosen, shelf), self.voice(None, other, shelf)
            out = self.clone(words, voice=voices[1], speed=speed)
            same = self.clone.similarity(*voices)
            return save(out, "other", ".wav"), f"The two voices are one person's with a probability of {same:.0%}."
        except rtvc.RTVCError as error:
            return gr.skip(), problem(error)

    # -- the shelf

    def choose(self, chosen: str | None, shelf: Shelf) -> tuple:
        """A voice of the shelf was chosen → (the line below the recording, its file)."""
        try:
            check_shelf(shelf, chosen)
            if chosen not in shelf:
                return gr.skip(), gr.update(value=None, interactive=False)
            return describe(unpack(shelf[chosen]).report), gr.update(value=self._file(chosen, shelf), interactive=True)
        except rtvc.RTVCError as error:
            return problem(error), gr.update(value=None, interactive=False)

    def _file(self, name: str, shelf: Shelf) -> str:
        path = own_path(name, ".voice")
        unpack(shelf[name]).save(path)
        return str(path)

    def keep(self, recording: str | None, chosen: str | None, shelf: Shelf, name: str, agreed: bool = True) -> tuple:
        """Put the voice on the shelf → (shelf, choices of a voice, the other choices, the line below, its file)."""
        try:
            self.check_agreed(recording, chosen, shelf, agreed)
            return self._shelve(shelf, name or "My voice", self.voice(recording, chosen, shelf))
        except rtvc.RTVCError as error:
            return shelf, gr.skip(), gr.skip(), problem(error), gr.skip()

    def bring(self, file: str, shelf: Shelf, agreed: bool = True) -> tuple:
        """Put a voice file on the shelf; results as of `keep`. It lets its holder speak, as a recording does."""
        try:
            if not agreed:
                raise rtvc.VoiceError(NOT_AGREED)
            return self._shelve(shelf, Path(file).stem, rtvc.Voice.load(file))
        except rtvc.RTVCError as error:
            return shelf, gr.skip(), gr.skip(), problem(error), gr.skip()

    def remove(self, chosen: str | None, shelf: Shelf) -> tuple:
        """Take a voice off the shelf, and whatever is none; results as of `keep`."""
        shelf = {name: voice for name, voice in entries(shelf).items() if name != chosen}
        said = f"“{html.escape(chosen)}” is gone." if chosen and isinstance(chosen, str) else ""
        return shelf, *choices(shelf), said, gr.update(value=None)

    def _shelve(self, shelf: Shelf, name: str, voice: rtvc.Voice) -> tuple:
        check_shelf(shelf)
        name = plain(name) or "My voice"
        if name not in shelf and len(shelf) >= LARGEST_SHELF:
            raise rtvc.VoiceError(f"The shelf holds {LARGEST_SHELF} voices; remove one first.")
        if name in EXAMPLES:
            raise rtvc.VoiceError(f"“{name}” is an example's name; choose another one.")
        shelf = {**shelf, name: pack(voice)}
        said = f"“{name}” is on your shelf, in this browser."
        return shelf, *choices(shelf, name), said, gr.update(value=self._file(name, shelf), interactive=True)

    # -- banking

    def read(self, recording: str | None, place: int, readings: dict[int, str]) -> tuple:
        """A phrase was read → (place of the next phrase, readings, the line below, the sounds, the player)."""
        if not recording:
            return place, readings, gr.skip(), gr.skip(), gr.skip()
        try:
            seconds = banking.check_reading(recording, banking.PHRASES[place])
        except rtvc.RTVCError as error:
            return place, readings, problem(error), gr.skip(), gr.skip()
        readings = {**readings, place: recording}
        left = [one for one in range(len(banking.PHRASES)) if one not in readings]
        said = f"Heard {seconds:.1f} s; {len(readings)} of {len(banking.PHRASES)} phrases read."
        return left[0] if left else place, readings, said, sounds_heard(readings), None

    def bank(self, readings: dict[int, str], shelf: Shelf, name: str, agreed: bool = True) -> tuple:
        """Make the voice of all readings; results as of `keep`."""
        try:
            if not readings:
                raise rtvc.VoiceError("Read at least one phrase first.")
            if not agreed:
                raise rtvc.VoiceError(NOT_AGREED)
            places = sorted(readings)
            voice = self.clone.enroll([readings[place] for place in places])
            odd = banking.unlike(self.clone, [readings[place] for place in places])
            *updates, said, file = self._shelve(shelf, name or "My voice", voice)
        except rtvc.RTVCError as error:
            return shelf, gr.skip(), gr.skip(), problem(error), gr.skip()
        said = f"{said} It is made of {voice.report.used_seconds:.0f} s of speech from {len(places)} phrases."
        if odd:
            phrases = ", ".join(str(places[one] + 1) for one in odd)
            said += f" Phrase {phrases} sounds unlike the others; read it again for a better voice."
        return *updates, said, file

    # -- dialogue

    def cast(self, script: str, shelf: Shelf) -> tuple:
        """→ (the line below the script, an update of each character's choice of a voice)."""
        try:
            check_text(script)
            check_shelf(shelf)
            names = dialogue.characters(dialogue.parse_script(script))
            if len(names) > CHARACTERS:
                raise rtvc.TextError(f"The page has room for {CHARACTERS} characters, and here are {len(names)}.")
        except rtvc.RTVCError as error:
            return problem(error), *[gr.skip()] * CHARACTERS
        updates = [gr.update(label=f"The voice of {name}", choices=[*EXAMPLES, *shelf], visible=True) for name in names]
        return "", *updates, *[gr.update(visible=False)] * (CHARACTERS - len(names))

    def perform(self, script: str, shelf: Shelf, *chosen: str | None, progress=gr.Progress()) -> Iterator[tuple]:  # noqa: B008
        """→ (one file a line and all of them in one archive, the dialogue as one file, the line below)."""
        try:
            check_text(script)
            lines = dialogue.parse_script(script)
            cast = zip(dialogue.characters(lines), chosen, strict=False)
            voices = {name: self.voice(None, one, shelf) for name, one in cast if one}
            spoken = dialogue.speak_script(self.clone, lines, voices)
            takes = []
            for take in spoken:
                takes.append(take)
                progress((len(takes), len(lines)), desc="Speaking", unit="lines")
                yield gr.skip(), gr.skip(), ""  # here the call can be stopped
        except rtvc.RTVCError as error:
            yield gr.skip(), gr.skip(), problem(error)
            return
        folder = temporary() / "dialogue"
        folder.mkdir()
        files = [save(out, line.stem, ".wav", folder) for line, out in takes]
        archive = shutil.make_archive(str(folder), "zip", folder)
        rate = takes[0][1]["sampling_rate"]
        pause = np.zeros(int(0.3 * rate), np.float32)
        wave = np.concatenate([part for _, out in takes for part in (out["audio"], pause)])
        whole = save({"audio": wave, "sampling_rate": rate}, "dialogue", ".wav")
        yield [archive, *files], whole, f"{len(files)} lines."


class Endpoints:
    """The API and the tools of the MCP server; the docstrings are their documentation."""

    def __init__(self, page: Page) -> None:
        self.clone, self._note = page.clone, page.note

    def clone_voice(
        self,
        text: str,
        voice: str,
        speed: float = 1.0,
        pitch: float = 0.0,
        variation: float = 0.0,
        request: gr.Request | None = None,
    ) -> str:
        """Say a text in the voice of a recording.

        Args:
            text: What to say, in English; "[pause 0.5s]" pauses.
            voice: A recording of at least three seconds of one person's speech, or a saved voice file.
            speed: From 0.25 to 4; 1 is the voice's own tempo.
            pitch: Semitones up, from -24 to 24.
            variation: From 0, the same each time, to 2; 0.5 is lively.

        Returns:
            The speech as a WAV file.
        """
        self._take(request, voice)
        check_text(text)
        numbers = {"speed": speed, "pitch": pitch, "variation": variation}
        if missing := [name for name, value in numbers.items() if value is None]:
            raise rtvc.TextError(f"There is no {missing[0]}; give a number, or leave it out.")
        return save(self.clone(text, voice=voice, **numbers), "clone", ".wav")

    def enroll_voice(self, recording: str, request: gr.Request | None = None) -> str:
        """Make a voice file of a recording; it can be given as the voice later.

        Args:
            recording: At least three seconds of one person's speech.

        Returns:
            The voice file, about 2 kB.
        """
        self._take(request, recording)
        path = own_path(Path(recording).stem, ".voice")
        self.clone.enroll(recording).save(path)
        return str(path)

    def compare_voices(self, one: str, other: str, request: gr.Request | None = None) -> float:
        """The probability that two recordings or voice files are of one person.

        Args:
            one: A recording or a voice file.
            other: Another recording or voice file.

        Returns:
            From 0 to 1.
        """
        self._take(request, one, other)
        return round(self.clone.similarity(one, other), 4)

    def enhance_speech(self, recording: str, request: gr.Request | None = None) -> str:
        """Take the noise out of a recording of speech.

        Args:
            recording: The noisy recording.

        Returns:
            The cleaned speech as a WAV file at 16 kHz.
        """
        self._take(request, recording)
        wave = self.clone.enhance(recording)
        return save({"audio": wave, "sampling_rate": audio.SAMPLING_RATE}, "clean", ".wav", comment="")

    def _take(self, request: gr.Request | None, *files: str | None) -> None:
        """Note what was sent, so that it is deleted when its sender leaves."""
        if not all(files):
            raise rtvc.VoiceError("There is no recording; send one, or a voice file.")
        for file in files if request else ():
            self._note(file, request)


def shown(function: Callable) -> Callable:
    """A function of the API whose refusals reach the caller as one sentence."""

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except rtvc.RTVCError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return call


# ---------------------------------------------------------------------------------------------------------- formatting


def describe(report) -> str:
    """One line on a recording, from its `EnrolmentReport`."""
    if report is None:
        return ""
    cleaned = "noisy, so it was cleaned first" if report.enhanced else "clear enough to be used as it is"
    heard = f"Heard {report.voiced_seconds:.1f} s of speech, {report.snr_db:.0f} dB above the noise: {cleaned}."
    return f"{heard} {report.warning}".strip()


def problem(error: object) -> str:
    """A sentence in the colour of errors (the text may name a file, so it is escaped)."""
    return f'<span class="problem" role="alert">{html.escape(str(error), quote=False)}</span>'


def gauge(probability: float) -> str:
    """How alike the recording and the clone are, as a meter with its meaning in words."""
    words = "one person's" if probability > 0.5 else "two persons'"
    meaning = f"to the speaker model, recording and clone are {words} voices"
    return (
        f'<div class="likeness"><label>Likeness {min(probability, 0.99):.0%}: {meaning}'
        f'<meter min="0" max="1" low="0.3" high="0.7" optimum="1" value="{probability:.3f}"></meter></label></div>'
    )


def sounds_heard(readings: dict[int, str]) -> str:
    """The sounds of English as a list of words, those that were read highlighted."""
    heard = banking.coverage([banking.PHRASES[place] for place in readings])
    items = [
        f'<li class="{"covered" if sound in heard else ""}">{word}'
        f'<span class="unseen"> ({"read" if sound in heard else "not yet"})</span></li>'
        for sound, word in banking.EXAMPLES.items()
    ]
    return (
        f"<p>{len(heard)} of {len(banking.EXAMPLES)} sounds of English read; each word stands for one.</p>"
        f'<ul class="sounds">{"".join(items)}</ul>'
    )


def phrase(place: int) -> str:
    """The phrase to read."""
    return f"{place + 1} of {len(banking.PHRASES)}: **{banking.PHRASES[place]}**"


def choices(shelf: Shelf, chosen: str | None = None) -> tuple:
    """Updates of the choice of a voice, and of another one."""
    names = list(entries(shelf))
    return gr.update(choices=names, value=chosen), gr.update(choices=[*EXAMPLES, *names])


# ------------------------------------------------------------------------------------- what came from who knows where


def entries(shelf: Any) -> Shelf:
    """What of a shelf is one. It comes from the browser, or from whoever writes in its place."""
    pairs = shelf.items() if isinstance(shelf, dict) else ()
    return {name: voice for name, voice in pairs if isinstance(name, str) and isinstance(voice, str)}


def check_shelf(shelf: Any, chosen: Any = None) -> None:
    """Refuse a shelf, or a choice of a voice, that this page has not made."""
    if entries(shelf) != shelf or len(shelf) > LARGEST_SHELF or not isinstance(chosen, str | None):
        raise rtvc.VoiceError(DAMAGED)


def check_text(text: Any) -> None:
    """Refuse what is no text, or more of it than one call may say; the browser's own limit binds nobody."""
    if not isinstance(text, str):
        raise rtvc.TextError("There is no text; write at least one English word.")
    if len(text) > LONGEST_TEXT:
        raise rtvc.TextError(f"The text is longer than {LONGEST_TEXT:,} characters; speak it in parts.")


def plain(name: object, longest: int = 40) -> str:
    """A name without what is not part of names: a path's separators, markup, line breaks. It may leave nothing."""
    return " ".join(re.sub(r"[^\w .'-]", " ", str(name)).split())[:longest].strip()


# --------------------------------------------------------------------------------------------------------------- files


def pack(voice: rtvc.Voice) -> str:
    """A voice as a browser keeps it."""
    with tempfile.TemporaryDirectory(dir=MADE) as folder:
        path = Path(folder) / "saved.voice"
        voice.save(path)
        return base64.b64encode(path.read_bytes()).decode()


def unpack(content: str) -> rtvc.Voice:
    """The voice of what `pack` gave."""
    with tempfile.TemporaryDirectory(dir=MADE) as folder:
        path = Path(folder) / "saved.voice"
        try:
            path.write_bytes(base64.b64decode(content, validate=True))
        except ValueError as error:
            raise rtvc.VoiceError("The voice in this browser is damaged; load it from its file again.") from error
        return rtvc.Voice.load(path)


def temporary() -> Path:
    """A new folder for files that the page is about to offer."""
    return Path(tempfile.mkdtemp(dir=MADE))


def own_path(name: str, suffix: str, folder: Path | None = None) -> Path:
    """Where a file goes that is called after what somebody wrote: the one place where a name becomes part of a path."""
    return (folder or temporary()) / f"{plain(name, 80) or 'voice'}{suffix}"


def save(out: dict, name: str, suffix: str, folder: Path | None = None, comment: str = watermark.PROVENANCE) -> str:
    """Write what the pipeline gave to a file that the page may offer; its metadata says where it comes from."""
    path = own_path(name, suffix, folder)
    audio.write(path, out["audio"], out["sampling_rate"], comment)
    return str(path)


def sweep() -> None:
    """Delete what has lain there too long, whoever put it there: gradio deletes only the files that it knows of."""
    for path in (*MADE.iterdir(), *CACHE.rglob("*")):
        with contextlib.suppress(OSError):  # deleted by now
            if time.time() - path.stat().st_ctime <= KEPT:
                continue
            if path.parent == MADE:
                shutil.rmtree(path)
            elif path.is_file():
                path.unlink()


def sweep_again_and_again() -> None:
    """For as long as the page runs."""
    while True:
        time.sleep(EVERY)
        sweep()


def claim() -> None:
    """Make `FILES` this process's own for as long as it lives, and remove those of processes that were killed.

    A lock tells who lives. The number of a process would not, where two containers share a disk.
    """
    lock(FILES)
    CACHE.mkdir(exist_ok=True)
    MADE.mkdir()  # only now: without it a folder is one of a page that is about to start
    for made in FILES.parent.glob("rtvc-files-*/made"):
        if (held := lock(made.parent)) is not None:
            shutil.rmtree(made.parent, ignore_errors=True)
            os.close(held)


def lock(folder: Path) -> int | None:
    """Lock a folder until the result is closed or this process ends; None if that is impossible or another one did."""
    try:
        held = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
    except (OSError, AttributeError):
        return None
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        return None
    return held


def remove_files() -> None:
    """Leave nothing behind; a process that was forked from this one leaves it alone."""
    if os.getpid() == OWNER:
        shutil.rmtree(FILES, ignore_errors=True)


claim()
atexit.register(remove_files)


def end(number: int, *_: object) -> None:
    """At a signal to end: remove the files, then end as without this."""
    remove_files()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def to_int16(wave: np.ndarray) -> np.ndarray:
    """float32 in [-1, 1] → 16 bit. The page's own conversion would turn every clip up to full scale."""
    return (np.clip(wave, -1, 1) * 32767).astype(np.int16)


# ------------------------------------------------------------------------------------------------------------ controls


def build(page: Page) -> gr.Blocks:
    """The page's controls, top to bottom, and what they call."""
    with gr.Blocks(title="Clone a voice", analytics_enabled=False, delete_cache=(EVERY, KEPT)) as demo:
        gr.Markdown(INTRODUCTION)
        # The secret keeps a shelf readable after a restart, no more: what it holds lies in the visitor's own browser.
        shelf = gr.BrowserState({}, storage_key="rtvc-shelf", secret="rtvc-shelf")
        with gr.Tab("Clone"):
            chosen, other = build_cloning(page, demo, shelf)
        with gr.Tab("Bank a voice"):
            build_banking(page, shelf, chosen, other)
        with gr.Tab("Dialogue"):
            build_dialogue(page, shelf)
        gr.Markdown(CONSENT)
        build_endpoints(Endpoints(page))
        demo.unload(page.forget)
        demo.load(choices, shelf, [chosen, other], show_progress="hidden", api_visibility="private")
    return demo


def build_cloning(page: Page, demo: gr.Blocks, shelf: gr.BrowserState) -> tuple[gr.Dropdown, gr.Dropdown]:
    """The tab for cloning; returns its choices of a voice and of another one."""
    other = gr.Dropdown(list(EXAMPLES), value=None, label="The other voice", elem_id="other", render=False)
    voice, heard = build_voice(page)
    agreed = gr.Checkbox(label=AGREED, value=False, elem_id="agreed", render=False)
    build_consent(page, demo, voice, agreed)
    chosen = build_shelf(page, shelf, voice, heard, other, agreed)
    source = [voice, chosen, shelf]
    words, speed = build_speaking(page, source, heard, agreed)
    build_comparison(page, source, other, words, speed)
    return chosen, other


def build_voice(page: Page) -> tuple[gr.Audio, gr.Markdown]:
    """The recording, and the line below it."""
    voice = gr.Audio(
        type="filepath",
        sources=["microphone", "upload"],
        label="The voice: about five seconds",
        elem_id="voice",
        buttons=[],
    )
    heard = gr.Markdown(elem_id="heard", elem_classes="note")
    cleaned = gr.Audio(
        label="The recording after cleaning", interactive=False, visible=False, buttons=[], elem_id="cleaned"
    )
    gr.set_static_paths(
        [VOICES]
    )  # offered where they lie: gradio would delete its copies after KEPT, or with another page
    gr.Examples(
        [[str(VOICES / name)] for name in EXAMPLES.values()],
        [voice],
        example_labels=list(EXAMPLES),
        label="Or try one of these",
        elem_id="examples",
    )
    voice.change(page.note, voice, **QUIET)
    voice.change(
        computing(on_gpu(page.hear)), voice, heard, show_progress="minimal", api_visibility="private", **COMPUTES
    ).then(computing(on_gpu(page.cleaned)), voice, cleaned, **QUIET, **COMPUTES)
    return voice, heard


def build_consent(page: Page, demo: gr.Blocks, voice: gr.Audio, agreed: gr.Checkbox) -> None:
    """The stronger gate: a sentence made for this visit, read into the microphone."""
    with gr.Accordion("Prove that the voice is yours", open=False, elem_id="consent"):
        if not recogniser.is_available():
            gr.Markdown("The spoken proof is not available on this server; it needs `pip install rtvc[consent]`.")
            return
        wanted = gr.State("")
        asked = gr.Markdown(elem_id="asked")
        reading = gr.Audio(
            type="filepath", sources=["microphone"], label="Read this sentence", elem_id="proof", buttons=[]
        )
        said = gr.Markdown(elem_id="proved", elem_classes="note")
    wanted.change(lambda words: f"**{words}**", wanted, asked, **QUIET)
    reading.change(page.note, reading, **QUIET)
    reading.change(
        computing(on_gpu(page.listen)),
        [reading, wanted, voice],
        [voice, agreed, said, wanted],
        api_visibility="private",
        **COMPUTES,
    )
    demo.load(consent.sentence, None, wanted, **QUIET)


def build_shelf(
    page: Page,
    shelf: gr.BrowserState,
    voice: gr.Audio,
    heard: gr.Markdown,
    other: gr.Dropdown,
    agreed: gr.Checkbox,
) -> gr.Dropdown:
    """The shelf of voices; returns the choice of one."""
    with gr.Accordion("Your shelf of voices", open=False, elem_id="shelf"):
        chosen = gr.Dropdown([], label="A voice from your shelf, instead of the recording", elem_id="chosen")
        name = gr.Textbox(label="Name", placeholder="My voice", max_length=40, elem_id="name")
        with gr.Row():
            keep = gr.Button("Keep this voice", min_width=130, elem_id="keep")
            file = gr.DownloadButton("Save as a file", interactive=False, min_width=130, elem_id="save")
            bring = gr.UploadButton("Load a voice file", file_types=[".voice"], min_width=130, elem_id="bring")
            remove = gr.Button("Remove", min_width=130, elem_id="remove")
        kept = gr.Markdown(
            "Voices stay in this browser. A voice file is about 2 kB; treat it like a recording of the person.",
            elem_id="kept",
            elem_classes="note",
        )
    shelved = [shelf, chosen, other, kept, file]
    voice.change(lambda one, now: None if one else now, [voice, chosen], chosen, **QUIET)  # the newest choice counts
    chosen.change(page.choose, [chosen, shelf], [heard, file], **QUIET)
    keep.click(computing(on_gpu(page.keep)), [voice, chosen, shelf, name, agreed], shelved, **QUIET, **COMPUTES)
    bring.upload(page.note, bring, **QUIET)
    bring.upload(page.bring, [bring, shelf, agreed], shelved, **QUIET)
    remove.click(page.remove, [chosen, shelf], shelved, **QUIET)
    return chosen


def build_speaking(page: Page, source: list, heard: gr.Markdown, agreed: gr.Checkbox) -> tuple[gr.Textbox, gr.Slider]:
    """What is said and how, the clone, its picture; returns the words and the speed."""
    words = gr.Textbox(
        WORDS,
        label="What it should say",
        info="[pause 0.5s] makes a pause",
        lines=3,
        max_length=LONGEST_TEXT,
        elem_id="words",
    )
    read = gr.Markdown(elem_id="read", elem_classes="note")
    with gr.Accordion("Speed, pitch, variation, format", open=False, elem_id="more"):
        speed = gr.Slider(0.5, 2.0, 1.0, step=0.05, label="Speed", elem_id="speed")
        pitch = gr.Slider(-12, 12, 0, step=0.5, label="Pitch, semitones", elem_id="pitch")
        variation = gr.Slider(0, 1, 0, step=0.05, label="Variation: 0 says it the same way each time", elem_id="vary")
        kind = gr.Radio(list(FORMATS), value="WAV", label="Format of the download", elem_id="kind")
    agreed.render()
    with gr.Row():
        button = gr.Button("Speak", variant="primary", size="lg", elem_id="speak", scale=4)
        stop = gr.Button("Stop", size="lg", elem_id="stop", scale=1)
    live = gr.Audio(label="While it is made", streaming=True, autoplay=True, visible=STREAMS, elem_id="live")
    result = gr.Audio(label="The clone", type="filepath", interactive=False, buttons=["download"], elem_id="result")
    pictures, spoken = gr.HTML(elem_id="pictures"), gr.State(None)
    words.input(lambda: "", outputs=read, **QUIET)
    speaking = button.click(
        computing(on_gpu(page.speak)),
        [*source, words, speed, pitch, variation, kind, agreed],
        [live, result, heard, read, spoken],
        show_progress_on=result,
        api_visibility="private",
        **COMPUTES,
    )
    *_, shelf = source
    speaking.then(computing(on_gpu(page.look)), [spoken, shelf], pictures, **QUIET, **COMPUTES)
    stop.click(None, cancels=[speaking], api_visibility="private")
    return words, speed


def build_comparison(page: Page, source: list, other: gr.Dropdown, words: gr.Textbox, speed: gr.Slider) -> None:
    """The same words in another voice."""
    voice, chosen, shelf = source
    with gr.Accordion("Compare with another voice", open=False, elem_id="compare"):
        other.render()
        both = gr.Button("Say it in the other voice too", elem_id="both")
        difference = gr.Markdown(elem_id="difference", elem_classes="note")
        result = gr.Audio(label="The other voice", interactive=False, buttons=["download"], elem_id="result-other")
    both.click(
        computing(on_gpu(page.compare)),
        [voice, chosen, other, shelf, words, speed],
        [result, difference],
        show_progress_on=result,
        api_visibility="private",
        **COMPUTES,
    )


def build_banking(page: Page, shelf: gr.BrowserState, chosen: gr.Dropdown, other: gr.Dropdown) -> None:
    """The tab for voice banking."""
    place, readings = gr.State(0), gr.State({})
    gr.Markdown(BANKING)
    shown_phrase = gr.Markdown(phrase(0), elem_id="phrase")
    reading = gr.Audio(
        type="filepath", sources=["microphone", "upload"], label="Read this phrase", elem_id="reading", buttons=[]
    )
    said = gr.Markdown(elem_id="said", elem_classes="note")
    with gr.Row():
        back = gr.Button("Previous phrase", elem_id="back")
        skip = gr.Button("Next phrase", elem_id="skip")
    sounds = gr.HTML(sounds_heard({}), elem_id="sounds")
    agreed = gr.Checkbox(label=AGREED, value=False, elem_id="bank-agreed")
    with gr.Row():
        name = gr.Textbox(label="Name of the voice", placeholder="My voice", max_length=40, elem_id="bank-name")
        make = gr.Button("Make my voice", variant="primary", elem_id="make")
    made = gr.Markdown(elem_id="made", elem_classes="note")
    file = gr.DownloadButton("Save as a file", interactive=False, elem_id="bank-save")

    reading.change(page.note, reading, **QUIET)
    reading.change(
        computing(page.read),
        [reading, place, readings],
        [place, readings, said, sounds, reading],
        **QUIET,
        **COMPUTES,
    )
    place.change(phrase, place, shown_phrase, **QUIET)
    for control, step in ((back, -1), (skip, 1)):
        control.click(lambda now, step=step: (now + step) % len(banking.PHRASES), place, place, **QUIET)
    make.click(
        computing(on_gpu(page.bank)),
        [readings, shelf, name, agreed],
        [shelf, chosen, other, made, file],
        api_visibility="private",
        **COMPUTES,
    )


def build_dialogue(page: Page, shelf: gr.BrowserState) -> None:
    """The tab for game dialogue."""
    gr.Markdown(DIALOGUE)
    script = gr.Textbox(SCRIPT, label="The script", lines=8, max_length=LONGEST_TEXT, elem_id="script")
    read = gr.Markdown(elem_id="script-read", elem_classes="note")
    names = dialogue.characters(dialogue.parse_script(SCRIPT))
    examples = list(EXAMPLES)
    voices = [
        gr.Dropdown(
            examples,
            value=examples[place % len(examples)],
            label=f"The voice of {names[place]}" if place < len(names) else "A voice",
            visible=place < len(names),
            elem_id=f"cast-{place}",
        )
        for place in range(CHARACTERS)
    ]
    with gr.Row():
        perform = gr.Button("Speak the script", variant="primary", size="lg", elem_id="perform", scale=4)
        stop = gr.Button("Stop", size="lg", elem_id="perform-stop", scale=1)
    whole = gr.Audio(label="The dialogue", interactive=False, buttons=["download"], elem_id="dialogue")
    files = gr.File(label="One file a line, and all in one archive", interactive=False, elem_id="files")

    gr.on([script.change, shelf.change], page.cast, [script, shelf], [read, *voices], **QUIET)
    performing = perform.click(
        computing(on_gpu(page.perform)),
        [script, shelf, *voices],
        [files, whole, read],
        show_progress_on=whole,
        api_visibility="private",
        **COMPUTES,
    )
    stop.click(None, cancels=[performing], api_visibility="private")


def build_endpoints(endpoints: Endpoints) -> None:
    """What a program or an agent may call; the page shows nothing of it."""
    with gr.Column(visible=False):
        text, number = gr.Textbox(), gr.Number()
        speed, pitch, variation = gr.Number(1.0), gr.Number(0.0), gr.Number(0.0)
        one, other, file, sound = gr.File(), gr.File(), gr.File(), gr.Audio(type="filepath")
        button = gr.Button()
    for function, inputs, output in (
        (endpoints.clone_voice, [text, one, speed, pitch, variation], sound),
        (endpoints.enroll_voice, [one], file),
        (endpoints.compare_voices, [one, other], number),
        (endpoints.enhance_speech, [one], sound),
    ):
        button.click(computing(on_gpu(shown(function))), inputs, output, api_name=function.__name__, **COMPUTES)


def fetch_nothing() -> None:
    """gradio would fetch a file from a URL that a caller gives in its place; this server asks nobody for anything.

    A file of the page's own, such as the voice that an agent got from another tool, is taken from the disk.
    """

    async def take_own(url: str) -> httpx.Response:
        path = Path(unquote(urlsplit(url).path.partition("/gradio_api/file=")[2])).resolve()
        if Path(gr.utils.get_upload_folder()).resolve() not in path.parents or not path.is_file():
            raise gr.Error("Send the file itself; nothing is fetched from a URL.", print_exception=False)
        return httpx.Response(200, content=path.read_bytes())

    gr.processing_utils.async_ssrf_protected_get = take_own


def limit_each(queue: Any) -> None:
    """No visitor fills the queue: while `EACH` calls of a visit wait, another is refused. gradio has no such limit.

    What the page calls after another call (`cleaned`, `look`) is counted by itself, so that it is never refused there.
    """
    push = queue.push

    async def push_few(body: Any, **named: Any) -> tuple:
        called, computing = queue.blocks.fns.get(body.fn_index), COMPUTES["concurrency_id"]
        if called and called.concurrency_id == computing and computing in queue.event_queue_per_concurrency_id:
            mine = [
                one
                for one in queue.event_queue_per_concurrency_id[computing].queue
                if one.session_hash == body.session_hash
                and (one.fn.trigger_after is None) == (called.trigger_after is None)
            ]
            if len(mine) >= EACH:
                raise HTTPException(429, f"{EACH} calls of yours are waiting already; try again when one is done.")
        return await push(body=body, **named)

    queue.push = push_few


def launch(demo: gr.Blocks, **options):
    """Start the server; options as of `gradio.Blocks.launch`."""
    fetch_nothing()
    theme = gr.themes.Default(primary_hue="indigo", font=["system-ui", "sans-serif"], font_mono=["monospace"]).set(
        body_text_color_subdued="*neutral_500"  # gradio's own grey is too pale to read on white
    )
    # Not open: gradio would let a program call the functions directly, past the queue.
    demo.queue(max_size=WAITING, default_concurrency_limit=AT_ONCE, api_open=False)
    limit_each(demo._queue)
    return demo.launch(
        theme=theme, css=CSS, max_file_size="50mb", run_history=False, footer_links=["api"], mcp_server=True, **options
    )


def main(arguments: list[str]) -> int:
    """Load the model and open the page."""
    signal.signal(signal.SIGTERM, end)
    threading.Thread(target=sweep_again_and_again, daemon=True).start()
    try:
        page = Page(load(*arguments[:1], device=0 if torch.cuda.is_available() else -1))
    except rtvc.RTVCError as error:
        print(error, file=sys.stderr)
        return 2
    launch(build(page))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
