"""The visitor's shelf of voices: it lies in their browser, and the server only says what belongs on it."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import gradio as gr

from rtvc.errors import RTVCError, VoiceError
from rtvc.page.files import plain_name
from rtvc.page.inputs import LARGEST_SHELF, Shelf, check_shelf, valid_entries
from rtvc.page.results import describe, problem
from rtvc.page.serving import COMPUTES, QUIET, Uploads, computing, on_gpu
from rtvc.page.voices import EXAMPLES, NOT_AGREED, Voices, check_chosen
from rtvc.voice import Voice


class Shelving:
    """What the controls call."""

    def __init__(self, voices: Voices) -> None:
        self.voices = voices

    def choose(self, chosen: str | None, shelf: Shelf) -> tuple:
        """A voice of the shelf was chosen → (the line below the recording, its file)."""
        try:
            check_shelf(shelf, chosen)
            if chosen not in shelf:
                if chosen:
                    check_chosen(chosen, shelf)
                return gr.skip(), gr.update(value=None, interactive=False)
            voice = self.voices.unpack(shelf[chosen])
            return describe(voice.report), gr.update(value=self._file(chosen, voice), interactive=True)
        except RTVCError as error:
            return problem(error), gr.update(value=None, interactive=False)

    def keep(self, recording: str | None, chosen: str | None, shelf: Shelf, name: str, agreed: bool = True) -> tuple:
        """Put the voice on the shelf → (shelf, choices of a voice, the other choices, the line below, its file)."""
        try:
            self.voices.check_agreed(recording, chosen, shelf, agreed)
            return self.add(shelf, name, self.voices.find(recording, chosen, shelf))
        except RTVCError as error:
            return unchanged(shelf, error)

    def bring(self, file: str, shelf: Shelf, agreed: bool = True) -> tuple:
        """Put a voice file on the shelf; results as of `keep`. It lets its holder speak, as a recording does."""
        try:
            if not agreed:
                raise VoiceError(NOT_AGREED)
            return self.add(shelf, Path(file).stem, Voice.load(file))
        except RTVCError as error:
            return unchanged(shelf, error)

    def remove(self, chosen: str | None, shelf: Shelf) -> tuple:
        """Take a voice off the shelf, and whatever is none; results as of `keep`."""
        shelf = {name: voice for name, voice in valid_entries(shelf).items() if name != chosen}
        message = f"“{html.escape(chosen)}” is gone." if chosen and isinstance(chosen, str) else ""
        return shelf, *choices(shelf), message, gr.update(value=None)

    def add(self, shelf: Shelf, name: str, voice: Voice) -> tuple:
        """A voice under a name that a visitor wrote; results as of `keep`.

        Raises:
            VoiceError: the shelf is full or damaged, or the name is an example's.
        """
        check_shelf(shelf)
        name = plain_name(name or "My voice") or "My voice"
        if name not in shelf and len(shelf) >= LARGEST_SHELF:
            raise VoiceError(f"The shelf holds {LARGEST_SHELF} voices; remove one first.")
        if name in EXAMPLES:
            raise VoiceError(f"“{name}” is an example's name; choose another one.")
        shelf = {**shelf, name: self.voices.pack(voice)}
        message = f"“{name}” is on your shelf, in this browser."
        return shelf, *choices(shelf, name), message, gr.update(value=self._file(name, voice), interactive=True)

    def _file(self, name: str, voice: Voice) -> str:
        path = self.voices.files.new_path(name, ".voice")
        voice.save(path)
        return str(path)


def choices(shelf: Shelf, chosen: str | None = None) -> tuple[Any, Any]:
    """Updates of the choice of a voice, and of another one."""
    names = list(valid_entries(shelf))
    return gr.update(choices=names, value=chosen), gr.update(choices=[*EXAMPLES, *names])


def unchanged(shelf: Shelf, error: Exception) -> tuple:
    """Results as of `Shelving.keep` where something was refused: nothing is lost."""
    return shelf, gr.skip(), gr.skip(), problem(error), gr.skip()


def build(
    shelving: Shelving,
    uploads: Uploads,
    shelf: gr.BrowserState,
    recording: gr.Audio,
    report: gr.Markdown,
    other: gr.Dropdown,
    agreed: gr.Checkbox,
) -> gr.Dropdown:
    """The shelf below the recording; returns the choice of a voice."""
    with gr.Accordion("Your shelf of voices", open=False, elem_id="shelf"):
        chosen = gr.Dropdown(
            [],
            label="A voice from your shelf, or a mix such as Anna(3)+Ben(1), instead of the recording",
            allow_custom_value=True,
            elem_id="chosen",
        )
        name = gr.Textbox(label="Name", placeholder="My voice", max_length=40, elem_id="name")
        with gr.Row():
            keep = gr.Button("Keep this voice", min_width=130, elem_id="keep")
            file = gr.DownloadButton("Save as a file", interactive=False, min_width=130, elem_id="save")
            bring = gr.UploadButton("Load a voice file", file_types=[".voice"], min_width=130, elem_id="bring")
            remove = gr.Button("Remove", min_width=130, elem_id="remove")
        message = gr.Markdown(
            "Voices stay in this browser. A voice file is about 30 kB; treat it like a recording of the person.",
            elem_id="kept",
            elem_classes="note",
        )
    shelved = [shelf, chosen, other, message, file]
    # The newest choice counts: a recording takes the place of a voice of the shelf.
    recording.change(lambda new, current: None if new else current, [recording, chosen], chosen, **QUIET)
    chosen.change(shelving.choose, [chosen, shelf], [report, file], **QUIET)
    keep.click(computing(on_gpu(shelving.keep)), [recording, chosen, shelf, name, agreed], shelved, **QUIET, **COMPUTES)
    bring.upload(uploads.note, bring, **QUIET)
    bring.upload(shelving.bring, [bring, shelf, agreed], shelved, **QUIET)
    remove.click(shelving.remove, [chosen, shelf], shelved, **QUIET)
    return chosen
