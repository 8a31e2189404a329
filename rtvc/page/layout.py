"""The page as a whole: its tabs, its looks, its start."""

from __future__ import annotations

from typing import Any

import gradio as gr

from rtvc.page import api, banking, browser, cloning, dialogue
from rtvc.page.files import EVERY, KEPT, Files
from rtvc.page.serving import QUIET, Uploads, launch
from rtvc.page.shelf import Shelving, choices
from rtvc.page.voices import Voices
from rtvc.pipeline import VoiceCloningPipeline

INTRODUCTION = """# Clone a voice
Five seconds of a voice and a line of English are enough. All of it happens on the computer that runs this page."""
CONSENT = """Use your own voice, or one whose owner agreed. Say that the speech is synthetic where you share it: every
clone carries an inaudible mark by which `rtvc verify` knows it."""
CSS = """
.gradio-container { max-width: 1020px !important; margin: 0 auto !important; }
.note { padding: 0 .25em; }
#heard { min-height: 1.5em; }
.note, #heard-words, #will-be-said { overflow-wrap: anywhere; }
#shelf-elsewhere, #no-microphone, #heard-words:not(:has([data-start])) { display: none; }
[role="tab"][aria-selected="true"] { color: var(--primary-600) !important; }
.dark [role="tab"][aria-selected="true"] { color: var(--primary-400) !important; }
.gradio-container time, .gradio-container .playback { color: var(--body-text-color) !important; }
#progress:has(.progress-text) { min-height: 3.5em; }
.note .problem { color: var(--error-text-color); }
#heard-words { font-size: 1.15em; line-height: 1.7; padding: 0 .25em; }
#heard-words .now { color: #fff; background: var(--primary-600); outline: 3px solid var(--primary-600); }
#result audio { color-scheme: light; }
.dark #result audio { color-scheme: dark; }
.pictures { display: flex; flex-wrap: wrap; gap: 16px; }
.pictures figure { flex: 1 1 280px; margin: 0; min-width: 0; }
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

# A reader of the screen is to say what appears in these lines. gradio cannot mark them so, and makes what is folded
# only when it is opened.
LIVE = """() => {
  const mark = () => {
    for (const note of document.querySelectorAll('.note[id]:not([aria-live])')) note.ariaLive = 'polite';
  };
  new MutationObserver(mark).observe(document.body, {childList: true, subtree: true});
  mark();
}"""


def build(clone: VoiceCloningPipeline, files: Files) -> gr.Blocks:
    """The page's controls, top to bottom, and what they call."""
    voices, uploads = Voices(clone, files), Uploads()
    shelving = Shelving(voices)
    with gr.Blocks(title="Clone a voice", analytics_enabled=False, delete_cache=(EVERY, KEPT)) as demo:
        gr.Markdown(INTRODUCTION)
        # The secret keeps a shelf readable after a restart, no more: what it holds lies in the visitor's own browser.
        shelf = gr.BrowserState({}, storage_key="rtvc-shelf", secret="rtvc-shelf")
        with gr.Tab("Clone"):
            chosen, other = cloning.build(cloning.Cloning(voices), shelving, uploads, demo, shelf)
        with gr.Tab("Bank a voice"):
            banking.build(banking.Banking(voices, shelving), uploads, shelf, chosen, other)
        with gr.Tab("Dialogue"):
            dialogue.build(dialogue.Dialogue(voices), shelf)
        gr.Markdown(CONSENT)
        api.build(api.Endpoints(clone, files, uploads))
        demo.unload(uploads.forget)
        demo.load(None, js=LIVE, **QUIET)
        demo.load(choices, shelf, [chosen, other], **QUIET)
        browser.build(demo, shelf, chosen, other)
    return demo


def serve(clone: VoiceCloningPipeline, files: Files, **options: Any) -> gr.Blocks:
    """Open the page and return it, so that it can be closed; options as of `gradio.Blocks.launch`."""
    demo = build(clone, files)
    theme = gr.themes.Default(primary_hue="indigo", font=["system-ui", "sans-serif"], font_mono=["monospace"]).set(
        body_text_color_subdued="*neutral_500",  # gradio's own grey is too pale to read on white
        button_primary_background_fill="*primary_600",  # and its buttons are for what is written on them
        button_primary_background_fill_hover="*primary_700",
    )
    launch(demo, theme=theme, css=CSS, **options)
    return demo
