"""The tab “Bank a voice”: phrases are read one by one, and all the readings together become a voice of the shelf."""

from __future__ import annotations

from collections.abc import Iterable

import gradio as gr

from rtvc import banking
from rtvc.errors import RTVCError, VoiceError
from rtvc.page.inputs import Shelf
from rtvc.page.results import problem
from rtvc.page.serving import COMPUTES, QUIET, Uploads, computing, on_gpu
from rtvc.page.shelf import Shelving, unchanged
from rtvc.page.voices import AGREED, NOT_AGREED, Voices

INTRODUCTION = """Read the phrases in a quiet room, in your everyday voice. Each one adds sounds of English and seconds
of speech: more of both make a better voice. Stop whenever you like; three phrases already do well."""
Readings = dict[int, str]  # a phrase's index: the recording of it


class Banking:
    """What the controls call."""

    def __init__(self, voices: Voices, shelving: Shelving) -> None:
        self.clone, self.shelving = voices.clone, shelving

    def read(self, recording: str | None, index: int, readings: Readings) -> tuple:
        """A phrase was read → (index of the next phrase, readings, the line below, the sounds, the player)."""
        if not recording:
            return index, readings, gr.skip(), gr.skip(), gr.skip()
        try:
            seconds = banking.check_reading(recording, banking.PHRASES[index])
        except RTVCError as error:
            return index, readings, problem(error), gr.skip(), gr.skip()
        readings = {**readings, index: recording}
        unread = [other for other in range(len(banking.PHRASES)) if other not in readings]
        message = f"Heard {seconds:.1f} s; {len(readings)} of {len(banking.PHRASES)} phrases read."
        return unread[0] if unread else index, readings, message, list_sounds(readings), None

    def bank(self, readings: Readings, shelf: Shelf, name: str, agreed: bool = True) -> tuple:
        """Make the voice of all readings; results as of `Shelving.keep`."""
        try:
            if not readings:
                raise VoiceError("Read at least one phrase first.")
            if not agreed:
                raise VoiceError(NOT_AGREED)
            indices = sorted(readings)
            recordings = [readings[index] for index in indices]
            voice = self.clone.enroll(recordings)
            odd = banking.unlike(self.clone, recordings)
            *updates, message, file = self.shelving.add(shelf, name, voice)
        except RTVCError as error:
            return unchanged(shelf, error)
        if voice.report:
            message += f" It is made of {voice.report.used_seconds:.0f} s of speech from {len(indices)} phrases."
        if odd:
            phrases = ", ".join(str(indices[number] + 1) for number in odd)
            message += f" Phrase {phrases} sounds unlike the others; read it again for a better voice."
        return *updates, message, file


def list_sounds(indices: Iterable[int]) -> str:
    """The sounds of English as a list of words, those of the phrases that were read highlighted."""
    covered = banking.coverage([banking.PHRASES[index] for index in indices])
    items = [
        f'<li class="{"covered" if sound in covered else ""}">{word}'
        f'<span class="unseen"> ({"read" if sound in covered else "not yet"})</span></li>'
        for sound, word in banking.EXAMPLES.items()
    ]
    return (
        f"<p>{len(covered)} of {len(banking.EXAMPLES)} sounds of English read; each word stands for one.</p>"
        f'<ul class="sounds">{"".join(items)}</ul>'
    )


def phrase(index: int) -> str:
    """The phrase to read."""
    return f"{index + 1} of {len(banking.PHRASES)}: **{banking.PHRASES[index]}**"


def build(tab: Banking, uploads: Uploads, shelf: gr.BrowserState, chosen: gr.Dropdown, other: gr.Dropdown) -> None:
    """The controls, top to bottom. `chosen`, `other`: the choices of a voice, which a new one joins."""
    index, readings = gr.State(0), gr.State({})
    gr.Markdown(INTRODUCTION)
    shown_phrase = gr.Markdown(phrase(0), elem_id="phrase")
    reading = gr.Audio(
        type="filepath", sources=["microphone", "upload"], label="Read this phrase", elem_id="reading", buttons=[]
    )
    progress = gr.Markdown(elem_id="said", elem_classes="note")
    with gr.Row():
        back = gr.Button("Previous phrase", elem_id="back")
        skip = gr.Button("Next phrase", elem_id="skip")
    sounds = gr.HTML(list_sounds({}), elem_id="sounds")
    agreed = gr.Checkbox(label=AGREED, value=False, elem_id="bank-agreed")
    with gr.Row():
        name = gr.Textbox(label="Name of the voice", placeholder="My voice", max_length=40, elem_id="bank-name")
        make = gr.Button("Make my voice", variant="primary", elem_id="make")
    message = gr.Markdown(elem_id="made", elem_classes="note")
    file = gr.DownloadButton("Save as a file", interactive=False, elem_id="bank-save")

    reading.change(uploads.note, reading, **QUIET)
    reading.change(
        computing(tab.read),
        [reading, index, readings],
        [index, readings, progress, sounds, reading],
        **QUIET,
        **COMPUTES,
    )
    index.change(phrase, index, shown_phrase, **QUIET)
    for control, step in ((back, -1), (skip, 1)):
        control.click(lambda now, step=step: (now + step) % len(banking.PHRASES), index, index, **QUIET)
    make.click(
        computing(on_gpu(tab.bank)),
        [readings, shelf, name, agreed],
        [shelf, chosen, other, message, file],
        show_progress_on=name,
        api_visibility="private",
        **COMPUTES,
    )
