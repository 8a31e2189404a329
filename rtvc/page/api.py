"""What a program or an agent may call: the page's API, and the tools of its MCP server."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from rtvc import audio
from rtvc.errors import RTVCError, TextError, VoiceError
from rtvc.page.files import Files
from rtvc.page.inputs import check_text
from rtvc.page.names import lexicon_of
from rtvc.page.results import save
from rtvc.page.serving import COMPUTES, Uploads, computing, on_gpu
from rtvc.pipeline import VoiceCloningPipeline


class Endpoints:
    """The functions; their docstrings are their documentation."""

    def __init__(self, clone: VoiceCloningPipeline, files: Files, uploads: Uploads) -> None:
        self.clone, self._files, self._uploads = clone, files, uploads

    def clone_voice(
        self,
        text: str,
        voice: str,
        speed: float = 1.0,
        pitch: float = 0.0,
        variation: float = 0.0,
        lexicon: str = "",
        request: gr.Request | None = None,
    ) -> str:
        """Say a text in the voice of a recording.

        Args:
            text: What to say, in English; "[pause 0.5s]" pauses.
            voice: A recording of at least three seconds of one person's speech, or a saved voice file.
            speed: From 0.25 to 4; 1 is the voice's own tempo.
            pitch: Semitones up, from -12 to 12.
            variation: From 0, the same each time, to 1; 0.5 is lively.
            lexicon: How words are said, one a line: "Nguyen = win", or in IPA "SQL = /sˈiːkwəl/".

        Returns:
            The speech as a WAV file.
        """
        self._take(request, voice)
        check_text(text)
        numbers = {"speed": speed, "pitch": pitch, "variation": variation}
        if missing := [name for name, value in numbers.items() if value is None]:
            raise TextError(f"There is no {missing[0]}; give a number, or leave it out.")
        speech = self.clone(text, voice=voice, lexicon=lexicon_of(lexicon), **numbers)
        return save(self._files, speech, "clone")

    def enroll_voice(self, recording: str, request: gr.Request | None = None) -> str:
        """Make a voice file of a recording; it can be given as the voice later.

        Args:
            recording: At least three seconds of one person's speech.

        Returns:
            The voice file, about 30 kB.
        """
        self._take(request, recording)
        path = self._files.new_path(Path(recording).stem, ".voice")
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
        return save(self._files, {"audio": wave, "sampling_rate": audio.SAMPLING_RATE}, "clean", comment="")

    def _take(self, request: gr.Request | None, *files: str | None) -> None:
        """Note what was sent, so that it is deleted when its sender leaves."""
        if not all(files):
            raise VoiceError("There is no recording; send one, or a voice file.")
        for file in files if request else ():
            self._uploads.note(file, request)


def with_plain_refusals(function: Callable) -> Callable:
    """A function of the API whose refusals reach the caller as one sentence."""

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except RTVCError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return call


def build(endpoints: Endpoints) -> None:
    """Register the functions; the page shows nothing of it."""
    with gr.Column(visible=False):
        text, number, lexicon = gr.Textbox(), gr.Number(), gr.Textbox("")
        speed, pitch, variation = gr.Number(1.0), gr.Number(0.0), gr.Number(0.0)
        first, second, file, sound = gr.File(), gr.File(), gr.File(), gr.Audio(type="filepath")
        button = gr.Button()
    for function, inputs, output in (
        (endpoints.clone_voice, [text, first, speed, pitch, variation, lexicon], sound),
        (endpoints.enroll_voice, [first], file),
        (endpoints.compare_voices, [first, second], number),
        (endpoints.enhance_speech, [first], sound),
    ):
        button.click(
            computing(on_gpu(with_plain_refusals(function))), inputs, output, api_name=function.__name__, **COMPUTES
        )
