"""The tab “Dialogue”: a script for several characters, one sound file a line."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import gradio as gr
import numpy as np

from rtvc import dialogue
from rtvc.errors import RTVCError, TextError
from rtvc.page.inputs import Shelf, check_shelf, check_text
from rtvc.page.results import problem, save
from rtvc.page.serving import COMPUTES, QUIET, computing, on_gpu
from rtvc.page.voices import EXAMPLES, Voices
from rtvc.pipeline import Speech

CHARACTERS = 6  # in a script
BETWEEN = 0.3  # seconds from one line to the next
INTRODUCTION = """One line is one audio file. Write who speaks, a colon, and what is said; give every character a voice
from the examples or from your shelf, or write a mix of them: Anna(3)+Ben(1)."""
SCRIPT = """GUARD: Halt! Who goes there?
TRAVELLER: Only a traveller. I have walked for seven days.
GUARD: Then come in, and sit by the fire."""


class Dialogue:
    """What the controls call."""

    def __init__(self, voices: Voices) -> None:
        self.voices, self.clone = voices, voices.clone

    def cast(self, script: str, shelf: Shelf) -> tuple:
        """→ (the line below the script, an update of each character's choice of a voice)."""
        try:
            check_text(script)
            check_shelf(shelf)
            names = dialogue.characters(dialogue.parse_script(script))
            if len(names) > CHARACTERS:
                raise TextError(f"The page has room for {CHARACTERS} characters, and here are {len(names)}.")
        except RTVCError as error:
            return problem(error), *[gr.skip()] * CHARACTERS
        updates = [gr.update(label=f"The voice of {name}", choices=[*EXAMPLES, *shelf], visible=True) for name in names]
        return "", *updates, *[gr.update(visible=False)] * (CHARACTERS - len(names))

    def perform(
        self,
        script: str,
        shelf: Shelf,
        *chosen: str | None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> Iterator[tuple]:
        """→ (one file a line and all of them in one archive, the dialogue as one file, the line below)."""
        try:
            check_text(script)
            lines = dialogue.parse_script(script)
            cast = zip(dialogue.characters(lines), chosen, strict=False)
            voices = {name: self.voices.find(None, voice, shelf) for name, voice in cast if voice}
            takes = []
            for take in dialogue.speak_script(self.clone, lines, voices):
                takes.append(take)
                progress((len(takes), len(lines)), desc="Speaking", unit="lines")
                yield gr.skip(), gr.skip(), ""  # here the call can be stopped
        except RTVCError as error:
            yield gr.skip(), gr.skip(), problem(error)
            return
        yield *self._save(takes), f"{len(takes)} lines."

    def _save(self, takes: list[tuple[dialogue.ScriptLine, Speech]]) -> tuple[list[str], str]:
        """→ (the archive and one file a line, the whole dialogue)."""
        files = self.voices.files
        folder = files.new_folder() / "dialogue"
        folder.mkdir()
        paths = [save(files, speech, line.stem, folder=folder) for line, speech in takes]
        archive = shutil.make_archive(str(folder), "zip", folder)
        rate = takes[0][1]["sampling_rate"]
        pause: np.ndarray = np.zeros(int(BETWEEN * rate), np.float32)
        wave = np.concatenate([part for _, speech in takes for part in (speech["audio"], pause)])
        return [archive, *paths], save(files, {"audio": wave, "sampling_rate": rate}, "dialogue")


def build(tab: Dialogue, shelf: gr.BrowserState) -> None:
    """The controls, top to bottom."""
    gr.Markdown(INTRODUCTION)
    script = gr.Textbox(SCRIPT, label="The script", lines=8, elem_id="script")
    message = gr.Markdown(elem_id="script-read", elem_classes="note")
    names = dialogue.characters(dialogue.parse_script(SCRIPT))
    examples = list(EXAMPLES)
    voices = [
        gr.Dropdown(
            examples,
            value=examples[number % len(examples)],
            label=f"The voice of {names[number]}" if number < len(names) else "A voice",
            visible=number < len(names),
            allow_custom_value=True,
            elem_id=f"cast-{number}",
        )
        for number in range(CHARACTERS)
    ]
    with gr.Row():
        perform = gr.Button("Speak the script", variant="primary", size="lg", elem_id="perform", scale=4, min_width=180)
        stop = gr.Button("Stop", size="lg", elem_id="perform-stop", scale=1, min_width=90)
    whole = gr.Audio(label="The dialogue", interactive=False, buttons=["download"], elem_id="dialogue")
    files = gr.File(label="One file a line, and all in one archive", interactive=False, elem_id="files")

    gr.on([script.change, shelf.change], tab.cast, [script, shelf], [message, *voices], **QUIET)
    performing = perform.click(
        computing(on_gpu(tab.perform)),
        [script, shelf, *voices],
        [files, whole, message],
        show_progress_on=whole,
        api_visibility="private",
        **COMPUTES,
    )
    stop.click(None, cancels=[performing], api_visibility="private")
