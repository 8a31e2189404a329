"""Names on the page: how words are said, one a line, and what a text will sound like with them."""

from __future__ import annotations

import html
from typing import Any

import gradio as gr

from rtvc.errors import RTVCError
from rtvc.lexicon import Lexicon, parse
from rtvc.page.inputs import check_text
from rtvc.page.results import problem
from rtvc.page.serving import COMPUTES, QUIET, computing
from rtvc.say import what_is_said

EXAMPLE = "Nguyen = win\nSQL = /sˈiːkwəl/"


def lexicon_of(names: Any) -> Lexicon:
    """The lines of the box, or of who writes in its place.

    Raises:
        TextError: one of them is no entry.
    """
    check_text(names or "")
    return parse(names or "", "the list of names")


def preview(words: Any, names: Any) -> str:
    """What will be said, as HTML: each sentence's words and phonemes, and the markup that is left out."""
    try:
        check_text(words)
        said = what_is_said(words, lexicon_of(names))
    except RTVCError as error:
        return problem(error)
    rows = [f"{html.escape(one.words)}<br><small>{html.escape(one.phonemes)}</small>" for one in said if one.words]
    rows += [problem(warning["message"]) for warning in said.warnings]
    return "".join(f"<p>{row}</p>" for row in rows)


def build(words: gr.Textbox) -> gr.Textbox:
    """The box, and what will be said, anew with every change; returns the box."""
    with gr.Accordion("Names: how words are said", open=False, elem_id="names-more") as fold:
        names = gr.Textbox(
            "",
            label="One word a line: other words that sound so, or IPA between slashes",
            placeholder=EXAMPLE,
            lines=3,
            elem_id="names",
        )
        gr.Markdown("What will be said:")
        said = gr.HTML(elem_id="will-be-said")
    gr.on(
        [fold.expand, names.change, words.blur],
        computing(preview),
        [words, names],
        said,
        trigger_mode="always_last",
        **QUIET,
        **COMPUTES,
    )
    return names
