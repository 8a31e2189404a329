"""The demo page: five seconds of a voice and a line of text in, that line in that voice out.

    python app.py [FOLDER]     # of a model; the bundled one without

It opens at http://127.0.0.1:7860; GRADIO_SERVER_PORT and GRADIO_SERVER_NAME are respected.

Everything that it does is in the package `rtvc`; here is only what a person sees. It needs no network.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from threading import Lock

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import gradio as gr
import numpy as np

import rtvc
from rtvc.pipeline import load
from rtvc.text import split_sentences

VOICES = Path(__file__).parent / "examples" / "voices"
EXAMPLES = {"Woman, audiobook": "woman.flac", "Man, audiobook": "man.flac", "Young man, British": "young-man.flac"}
WORDS = "Nice to meet you! This is what I sound like when a computer speaks for me."
KEPT_VOICES = 16  # enrolled voices in memory, the newest
LONGEST_TEXT = 5000  # characters

INTRODUCTION = """# Clone a voice
Five seconds of a voice and a line of English are enough. All of it happens on the computer that runs this page."""
CONSENT = "Use your own voice, or one whose owner agreed. Say that the speech is synthetic where you share it."
CSS = """
.gradio-container { max-width: 720px !important; margin: 0 auto !important; }
.note { padding: 0 .25em; }
#heard { min-height: 1.5em; }
.note .problem { color: var(--error-text-color); }
footer { opacity: .6; }
"""


class Page:
    """What the controls call: `hear` when a recording arrives, `speak` when the button is pressed."""

    def __init__(self, clone) -> None:
        self.clone = clone
        self._voices: dict[str, rtvc.Voice] = {}  # by the recording's content
        self._lock = Lock()

    def enroll(self, recording: str) -> rtvc.Voice:
        """The voice of a recording, made once for each content."""
        key = hashlib.sha256(Path(recording).read_bytes()).hexdigest()
        with self._lock:
            if key not in self._voices:
                self._voices[key] = self.clone.enroll(recording)
            while len(self._voices) > KEPT_VOICES:
                self._voices.pop(next(iter(self._voices)))
            return self._voices[key]

    def hear(self, recording: str | None) -> str:
        """The line below the recording: what was heard in it, or what is wrong with it."""
        if not recording:
            return ""
        try:
            return describe(self.enroll(recording).report)
        except rtvc.RTVCError as error:
            return problem(error)

    def speak(self, recording: str | None, words: str, speed: float, progress=gr.Progress()):  # noqa: B008
        """→ (audio, the line below the recording, the line below the text)."""
        if not recording:
            return None, problem("Record or upload about five seconds of a voice first, or pick an example."), ""
        heard = ""
        try:
            progress(0, desc="Listening to the voice")
            voice = self.enroll(recording)
            heard = describe(voice.report)
            sentences = len(split_sentences(words))
            chunks = []
            for chunk in self.clone.stream(words, voice=voice, speed=speed):
                chunks.append(chunk)
                progress((min(chunk["sentence"] + 1, sentences), sentences), desc="Speaking", unit="sentences")
            out = self.clone.postprocess({"chunks": chunks})
            return (out["sampling_rate"], to_int16(out["audio"])), heard, ""
        except rtvc.VoiceError as error:
            return None, problem(error), ""
        except rtvc.RTVCError as error:
            return None, heard, problem(error)


def describe(report) -> str:
    """One line on a recording, from its `EnrolmentReport`."""
    cleaned = "noisy, so it was cleaned first" if report.enhanced else "clear enough to be used as it is"
    heard = f"Heard {report.voiced_seconds:.1f} s of speech, {report.snr_db:.0f} dB above the noise: {cleaned}."
    return f"{heard} {report.warning}".strip()


def problem(error: object) -> str:
    """A sentence in the colour of errors (the text may name a file, so it is escaped)."""
    sentence = str(error).replace("&", "&amp;").replace("<", "&lt;")
    return f'<span class="problem" role="alert">{sentence}</span>'


def to_int16(wave: np.ndarray) -> np.ndarray:
    """float32 in [-1, 1] → 16 bit. The page's own conversion would turn every clip up to full scale."""
    return (np.clip(wave, -1, 1) * 32767).astype(np.int16)


def build(page: Page) -> gr.Blocks:
    """The page's controls, top to bottom, and what they call."""
    with gr.Blocks(title="Clone a voice", analytics_enabled=False, delete_cache=(3600, 3600)) as demo:
        gr.Markdown(INTRODUCTION)
        voice = gr.Audio(
            type="filepath",
            sources=["microphone", "upload"],
            label="The voice: about five seconds",
            elem_id="voice",
            buttons=[],
        )
        heard = gr.Markdown(elem_id="heard", elem_classes="note")
        gr.Examples(
            [[str(VOICES / name)] for name in EXAMPLES.values()],
            [voice],
            example_labels=list(EXAMPLES),
            label="Or try one of these",
            elem_id="examples",
        )
        words = gr.Textbox(WORDS, label="What it should say", lines=3, max_length=LONGEST_TEXT, elem_id="words")
        read = gr.Markdown(elem_id="read", elem_classes="note")
        speed = gr.Slider(0.5, 2.0, 1.0, step=0.05, label="Speed", elem_id="speed")
        button = gr.Button("Speak", variant="primary", size="lg", elem_id="speak")
        gr.Markdown(CONSENT)
        result = gr.Audio(label="The clone", interactive=False, buttons=["download"], elem_id="result")

        voice.change(page.hear, voice, heard, show_progress="minimal", api_visibility="private")
        words.input(lambda: "", outputs=read, show_progress="hidden", api_visibility="private")
        button.click(
            page.speak, [voice, words, speed], [result, heard, read], show_progress_on=result, api_name="clone"
        )
    return demo


def launch(demo: gr.Blocks, **options):
    """Start the server; options as of `gradio.Blocks.launch`."""
    theme = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["monospace"])
    return demo.queue().launch(
        theme=theme, css=CSS, max_file_size="50mb", run_history=False, footer_links=[], **options
    )


def main(arguments: list[str]) -> int:
    """Load the model and open the page."""
    try:
        page = Page(load(*arguments[:1]))
    except rtvc.RTVCError as error:
        print(error, file=sys.stderr)
        return 2
    launch(build(page))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
