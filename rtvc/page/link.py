"""A link that carries what is said and how, for whoever opens it; never a voice."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import quote, urlencode

import gradio as gr

from rtvc.errors import RTVCError, TextError, quoted
from rtvc.page.inputs import check_text
from rtvc.page.names import lexicon_of
from rtvc.page.results import SUFFIXES, problem
from rtvc.page.serving import QUIET

RANGES = {"speed": (0.5, 2.0), "pitch": (-12.0, 12.0), "variation": (0.0, 1.0)}  # of the page's sliders
SETTINGS = ("text", *RANGES, "format", "names")  # as a link calls them
# Only the browser knows the page's address. Behind the inputs gradio hands over what the outputs show.
WITH_ADDRESS = f"(...shown) => [...shown.slice(0, {len(SETTINGS)}), location.origin + location.pathname]"


def share(*values: Any) -> tuple[str, str]:
    """Values of `SETTINGS`, and the page's address → (the link, or nothing; the line below it)."""
    *settings, address = values
    try:
        query = {name: checked(name, value) for name, value in zip(SETTINGS, settings, strict=True)}
    except RTVCError as error:
        return "", problem(error)
    return f"{address}?{urlencode({name: value for name, value in query.items() if value != ''}, quote_via=quote)}", ""


def read(request: gr.Request) -> tuple:
    """The page was opened by a link → (an update of each of `SETTINGS`, the line below the text)."""
    values, refusals = {}, []
    for name in SETTINGS:
        if name in request.query_params:
            try:
                values[name] = checked(name, request.query_params[name])
            except RTVCError as error:
                refusals.append(problem(f"{error} It was left out."))
    told = [name for name in values if name != "text"]
    message = [f"The link that you followed set {', '.join(told)}."] if told else []
    return *(values.get(name, gr.skip()) for name in SETTINGS), " ".join([*message, *refusals])


def checked(name: str, value: Any) -> Any:
    """The value of a setting, a number where it is one.

    Raises:
        TextError: it is no such value.
    """
    if name in RANGES:
        return _number(name, value)
    check_text(value)
    if name == "names":
        lexicon_of(value)
    if name == "format" and value not in SUFFIXES:
        raise TextError(f"The link's format must be one of {', '.join(SUFFIXES)}, not {quoted(value, 40)}.")
    return value


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    low, high = RANGES[name]
    if not low <= number <= high:
        raise TextError(f"The link's {name} must be a number from {low:g} to {high:g}, not {quoted(value, 40)}.")
    return number


def build(demo: gr.Blocks, settings: list[gr.components.Component], message: gr.Markdown) -> None:
    """The button, and the link that it makes. `settings`: the controls, in the order of `SETTINGS`."""
    with gr.Accordion("Share the text and settings by a link", open=False, elem_id="share-more"):
        button = gr.Button("Make a link", elem_id="share")
        # gradio's button that copies takes the label: a reader of the screen would not know what the link is.
        link = gr.Textbox("", label="The link; no voice is part of it", elem_id="link")
        note = gr.Markdown(elem_id="shared", elem_classes="note")
    button.click(share, [*settings, link], [link, note], js=WITH_ADDRESS, **QUIET)
    demo.load(read, None, [*settings, message], **QUIET)
