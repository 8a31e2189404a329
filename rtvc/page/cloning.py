"""The tab “Clone”: a voice and a text in, that text in that voice out."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import gradio as gr

from rtvc import audio, recogniser
from rtvc.errors import RTVCError, VoiceError
from rtvc.page import consent, link, names, picture
from rtvc.page.inputs import LONGEST_TEXT, Shelf, check_text, valid_entries
from rtvc.page.link import RANGES
from rtvc.page.results import SUFFIXES, describe, problem, save, to_int16
from rtvc.page.serving import COMPUTES, QUIET, Uploads, computing, on_gpu
from rtvc.page.shelf import Shelving
from rtvc.page.shelf import build as build_shelf
from rtvc.page.voices import AGREED, EXAMPLES, FOLDER, Voices
from rtvc.page.words import FOLLOW, PLAYER, as_html
from rtvc.text import split_sentences

WORDS = "Nice to meet you! This is what I sound like when a computer speaks for me."
SILENCE = f"() => document.querySelector('#{PLAYER} audio')?.pause()"
# gradio would play what takes the stream's place at once; an update of `autoplay` comes too late.
HEARD_ONCE = f"(spoken) => {{ document.querySelector('#{PLAYER} audio').autoplay = false; return [spoken]; }}"


class Spoken(TypedDict):
    """What a clone was made of: a recording, or a chosen voice; and its file."""

    recording: str | None
    chosen: str | None
    clone: str


class Cloning:
    """What the controls call."""

    def __init__(self, voices: Voices) -> None:
        self.voices, self.clone = voices, voices.clone
        self.plays_early = shutil.which("ffmpeg") is not None  # gradio needs it for audio that plays while it is made

    def hear(self, recording: str | None) -> str:
        """The line below the recording: what was heard in it, or what is wrong with it."""
        if not recording:
            return ""
        try:
            return describe(self.voices.find(recording, None, {}).report)
        except RTVCError as error:
            return problem(error)

    def cleaned(self, recording: str | None) -> Any:
        """The recording without its noise, if it was cleaned for the voice: an update of a player."""
        try:
            report = self.clone.enroll(recording).report if recording else None
        except (RTVCError, OSError):
            report = None
        if not recording or not report or not report.enhanced:
            return gr.update(value=None, visible=False)
        return gr.update(value=(audio.SAMPLING_RATE, to_int16(self.clone.enhance(recording))), visible=True)

    def listen(self, reading: str | None, wanted: str, recording: str | None) -> tuple:
        """The sentence was read → (the recording, whether it may be cloned, the line below, the next sentence)."""
        if not reading:
            return gr.skip(), gr.skip(), gr.skip(), wanted
        try:
            consent.check(self.clone, reading, wanted, recording)
        except RTVCError as error:
            return gr.skip(), gr.skip(), problem(error), wanted
        return reading, True, "This is your voice; the reading is the recording now.", consent.sentence()

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
        told: str = "",
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> Iterator[tuple]:
        """→ (the player: what is said, piece by piece if it `plays_early`, else the whole; the clone's file; the line
        below the voice; the line below the text; the words with their times; what was spoken, for `look`: nothing
        unless it went well).
        """
        report = ""
        try:
            self.voices.check_agreed(recording, chosen, shelf, agreed)
            progress(0, desc="Listening to the voice")
            voice = self.voices.find(recording, chosen, shelf)
            report = describe(voice.report)
            check_text(words)
            options = {"speed": speed, "pitch": pitch, "variation": variation, "lexicon": names.lexicon_of(told)}
            pieces = self.clone.stream(words, voice=voice, **options)
            # No stream yet: an empty one would be asked for, again only seconds later.
            yield gr.update(value=None, visible=True), gr.update(interactive=False), report, "", "", None
            sentences, chunks, times = len(split_sentences(words)), [], ""
            for chunk in pieces:
                chunks.append(chunk)
                times = f"{times} {as_html(chunk['words'])}"
                progress((min(chunk["sentence"], sentences), sentences), desc="Speaking", unit="sentences")
                piece = (chunk["sampling_rate"], to_int16(chunk["audio"])) if self.plays_early else gr.skip()
                yield piece, gr.skip(), gr.skip(), gr.skip(), times, gr.skip()  # here the call can be stopped
            speech = self.clone.postprocess({"chunks": chunks})
            file = save(self.voices.files, speech, "clone", SUFFIXES[kind])
            left_out = " ".join(problem(warning["message"]) for warning in speech["warnings"])
            whole = gr.skip() if self.plays_early else gr.update(value=file)
            spoken = {"recording": recording, "chosen": chosen, "clone": file}
            yield whole, gr.update(value=file, interactive=True, visible=True), report, left_out, gr.skip(), spoken
        except VoiceError as error:
            yield gr.skip(), gr.skip(), problem(error), "", gr.skip(), None
        except RTVCError as error:
            yield gr.skip(), gr.skip(), report, problem(error), gr.skip(), None

    def replay(self, spoken: Spoken | None) -> Any:
        """The stream has ended → an update of the player: the clone itself, which is not compressed."""
        return gr.update(value=spoken["clone"]) if spoken else gr.skip()

    def look(self, spoken: Spoken | None, shelf: Shelf) -> Any:
        """The pictures of the recording and the clone made of it, and how alike the two voices are."""
        if not spoken:
            return gr.skip()  # nothing new was said: the pictures are still those of the clone beside them
        try:
            return self._pictures(**spoken, shelf=shelf)
        except RTVCError:  # the files are gone, say: the clone can be heard nevertheless
            return ""

    def _pictures(self, recording: str | None, chosen: str | None, clone: str, shelf: Shelf) -> str:
        wave, likeness = audio.read(clone), ""
        with contextlib.suppress(RTVCError):  # a clone of one short word cannot be compared
            voice = self.voices.find(recording, chosen, shelf)
            likeness = gauge(self.clone.similarity(voice, (wave, audio.SAMPLING_RATE)))
        figures = [picture.draw(wave, "The clone")]
        if not chosen and chosen not in valid_entries(shelf) and recording and Path(recording).is_file():
            figures.insert(0, picture.draw(audio.read(recording), "The recording"))
        return f'<div class="pictures">{likeness}{"".join(f"<figure>{svg}</figure>" for svg in figures)}</div>'

    def compare(
        self, recording: str | None, chosen: str | None, other: str | None, shelf: Shelf, words: str, speed: float
    ) -> tuple[Any, str]:
        """→ (the same words in another voice, how likely the two voices are one person's)."""
        try:
            if not other:
                raise VoiceError("Choose the other voice first.")
            check_text(words)
            voices = self.voices.find(recording, chosen, shelf), self.voices.find(None, other, shelf)
            speech = self.clone(words, voice=voices[1], speed=speed)
            same = self.clone.similarity(*voices)
            file = save(self.voices.files, speech, "other")
            return file, f"The two voices are one person's with a probability of {same:.0%}."
        except RTVCError as error:
            return gr.skip(), problem(error)


def gauge(probability: float) -> str:
    """How alike the recording and the clone are, as a meter with its meaning in words."""
    words = "one person's" if probability > 0.5 else "two persons'"
    meaning = f"to the speaker model, recording and clone are {words} voices"
    return (
        f'<div class="likeness"><label>Likeness {min(probability, 0.99):.0%}: {meaning}'
        f'<meter min="0" max="1" low="0.3" high="0.7" optimum="1" value="{probability:.3f}"></meter></label></div>'
    )


def build(
    cloning: Cloning, shelving: Shelving, uploads: Uploads, demo: gr.Blocks, shelf: gr.BrowserState
) -> tuple[gr.Dropdown, gr.Dropdown]:
    """The way from a voice to its speech, and folded below it what changes or explains it; returns the choices of a
    voice and of another one.
    """
    other = gr.Dropdown(
        list(EXAMPLES),
        value=None,
        label="The other voice, or a mix such as Anna(3)+Ben(1)",
        allow_custom_value=True,
        elem_id="other",
        render=False,
    )
    agreed = gr.Checkbox(label=AGREED, value=False, elem_id="agreed", render=False)
    with gr.Row():
        with gr.Column():
            recording, report = _build_recording(cloning, uploads)
            chosen = build_shelf(shelving, uploads, shelf, recording, report, other, agreed)
        with gr.Column():
            words, message = _build_text()
            agreed.render()
            parts = _build_speaking()
    with gr.Accordion("How alike recording and clone are", open=False, elem_id="alike"):
        pictures = gr.HTML(elem_id="pictures")
    speed, pitch, variation, kind = _build_settings()
    told = names.build(words)
    link.build(demo, [words, speed, pitch, variation, kind, told], message)
    source = [recording, chosen, shelf]
    _build_comparison(cloning, source, other, words, speed)
    _build_consent(cloning, uploads, demo, recording, agreed)
    inputs = [*source, words, speed, pitch, variation, kind, agreed, told]
    _speak_on_click(cloning, parts, inputs, report, message, pictures)
    return chosen, other


def _build_recording(cloning: Cloning, uploads: Uploads) -> tuple[gr.Audio, gr.Markdown]:
    """The recording, and the line below it."""
    recording = gr.Audio(
        type="filepath",
        sources=["microphone", "upload"],
        label="The voice: about five seconds",
        elem_id="voice",
        buttons=[],
    )
    report = gr.Markdown(elem_id="heard", elem_classes="note")
    cleaned = gr.Audio(
        label="The recording after cleaning", interactive=False, visible=False, buttons=[], elem_id="cleaned"
    )
    # Offered where they lie: gradio would delete its copies after a while, or with another page.
    gr.set_static_paths([FOLDER])
    gr.Examples(
        [[str(FOLDER / name)] for name in EXAMPLES.values()],
        [recording],
        example_labels=list(EXAMPLES),
        label="Or try one of these",
        elem_id="examples",
    )
    recording.change(uploads.note, recording, **QUIET)
    recording.change(
        computing(on_gpu(cloning.hear)),
        recording,
        report,
        show_progress="minimal",
        show_progress_on=recording,
        api_visibility="private",
        **COMPUTES,
    ).then(computing(on_gpu(cloning.cleaned)), recording, cleaned, **QUIET, **COMPUTES)
    return recording, report


def _build_consent(
    cloning: Cloning, uploads: Uploads, demo: gr.Blocks, recording: gr.Audio, agreed: gr.Checkbox
) -> None:
    """The stronger gate: a sentence made for this visit, read into the microphone."""
    with gr.Accordion("Prove that the voice is yours", open=False, elem_id="consent"):
        if not recogniser.is_available():
            gr.Markdown(f"The spoken proof is not available on this server; it needs `{recogniser.INSTALL}`.")
            return
        wanted = gr.State("")
        sentence = gr.Markdown(elem_id="asked")
        reading = gr.Audio(
            type="filepath", sources=["microphone"], label="Read this sentence", elem_id="proof", buttons=[]
        )
        message = gr.Markdown(elem_id="proved", elem_classes="note")
    wanted.change(lambda words: f"**{words}**", wanted, sentence, **QUIET)
    reading.change(uploads.note, reading, **QUIET)
    reading.change(
        computing(on_gpu(cloning.listen)),
        [reading, wanted, recording],
        [recording, agreed, message, wanted],
        show_progress_on=reading,
        api_visibility="private",
        **COMPUTES,
    )
    demo.load(consent.sentence, None, wanted, **QUIET)


def _build_text() -> tuple[gr.Textbox, gr.Markdown]:
    """What is said, and the line below it."""
    words = gr.Textbox(
        WORDS,
        label="What it should say",
        info=f"Up to {LONGEST_TEXT:,} characters; [pause 0.5s] makes a pause",
        lines=2,
        max_lines=8,
        elem_id="words",
    )
    message = gr.Markdown(elem_id="read", elem_classes="note")
    words.input(lambda: "", outputs=message, **QUIET)
    return words, message


def _build_settings() -> list[gr.components.Component]:
    """How it is said, and in what file."""
    with gr.Accordion("Speed, pitch, variation, format", open=False, elem_id="more"):
        return [
            gr.Slider(*RANGES["speed"], 1.0, step=0.05, label="Speed", elem_id="speed"),
            gr.Slider(*RANGES["pitch"], 0, step=0.5, label="Pitch, semitones", elem_id="pitch"),
            gr.Slider(
                *RANGES["variation"], 0, step=0.05, label="Variation: 0 says it the same way each time", elem_id="vary"
            ),
            gr.Radio(list(SUFFIXES), value="WAV", label="Format of the download", elem_id="kind"),
        ]


class Speaking(NamedTuple):
    """The buttons, how far the work is, and where the clone is heard and read."""

    button: gr.Button
    stop: gr.Button
    progress: gr.HTML
    player: gr.Audio
    words: gr.HTML
    file: gr.DownloadButton


def _build_speaking() -> Speaking:
    """The buttons, the one player and the words that it says."""
    with gr.Row():
        button = gr.Button("Speak", variant="primary", size="lg", elem_id="speak", scale=4, min_width=180)
        stop = gr.Button("Stop", size="lg", elem_id="stop", scale=1, min_width=90)
    # By itself: a reader of the screen would say every tenth of a second in a line that it reads.
    progress = gr.HTML(elem_id="progress")
    # The browser's own player: it plays a stream and a file alike, and is known to every screen reader.
    player = gr.Audio(
        label="The clone",
        interactive=False,
        streaming=True,
        autoplay=True,
        visible=False,
        buttons=[],
        waveform_options=gr.WaveformOptions(show_recording_waveform=False),
        elem_id=PLAYER,
    )
    words = gr.HTML(elem_id="heard-words", js_on_load=FOLLOW)
    file = gr.DownloadButton("Save the sound as a file", visible=False, size="md", elem_id="download")
    return Speaking(button, stop, progress, player, words, file)


def _speak_on_click(
    cloning: Cloning, parts: Speaking, inputs: list, report: gr.Markdown, message: gr.Markdown, pictures: gr.HTML
) -> None:
    """What the buttons do. `inputs`: as of `Cloning.speak`."""
    spoken, shelf = gr.State(None), inputs[2]
    speaking = parts.button.click(
        computing(on_gpu(cloning.speak)),
        inputs,
        [parts.player, parts.file, report, message, parts.words, spoken],
        show_progress_on=parts.progress,
        api_visibility="private",
        **COMPUTES,
    )
    speaking.then(computing(on_gpu(cloning.look)), [spoken, shelf], pictures, **QUIET, **COMPUTES)
    parts.player.stop(cloning.replay, spoken, parts.player, js=HEARD_ONCE, **QUIET)
    parts.stop.click(None, cancels=[speaking], js=SILENCE, api_visibility="private")


def _build_comparison(cloning: Cloning, source: list, other: gr.Dropdown, words: gr.Textbox, speed: gr.Slider) -> None:
    """The same words in another voice."""
    recording, chosen, shelf = source
    with gr.Accordion("Compare with another voice", open=False, elem_id="compare"):
        other.render()
        both = gr.Button("Say it in the other voice too", elem_id="both")
        difference = gr.Markdown(elem_id="difference", elem_classes="note")
        result = gr.Audio(label="The other voice", interactive=False, buttons=["download"], elem_id="result-other")
    both.click(
        computing(on_gpu(cloning.compare)),
        [recording, chosen, other, shelf, words, speed],
        [result, difference],
        show_progress_on=result,
        api_visibility="private",
        **COMPUTES,
    )
