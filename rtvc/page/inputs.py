"""What came from who knows where, checked before it is used. A browser's own limits bind nobody.

`rtvc serve` has the same limits, and no gradio: nothing of it is imported here.
"""

from __future__ import annotations

from typing import Any

from rtvc.errors import TextError, VoiceError

AT_ONCE, WAITING = 2, 32  # calls that compute, whatever they call; calls in the queue
LONGEST_TEXT = 5000  # characters
LARGEST_SHELF = 50  # voices in a browser
DAMAGED = "The shelf in this browser is damaged; press “Remove”, then load the voices from their files again."
Shelf = dict[str, str]  # a voice's name: its file in base64, as the browser keeps it


def valid_entries(shelf: Any) -> Shelf:
    """What of a shelf is one. It comes from the browser, or from whoever writes in its place."""
    pairs = shelf.items() if isinstance(shelf, dict) else ()
    return {name: voice for name, voice in pairs if isinstance(name, str) and isinstance(voice, str)}


def check_shelf(shelf: Any, chosen: Any = None) -> None:
    """Refuse a shelf, or a choice of a voice, that this page has not made.

    Raises:
        VoiceError: with the way to a good one.
    """
    if valid_entries(shelf) != shelf or len(shelf) > LARGEST_SHELF or not isinstance(chosen, str | None):
        raise VoiceError(DAMAGED)


def check_text(text: Any) -> None:
    """Refuse what is no text, or more of it than one call may say.

    Raises:
        TextError: it is no text, or too long.
    """
    if not isinstance(text, str):
        raise TextError("There is no text; write at least one English word.")
    if len(text) > LONGEST_TEXT:
        raise TextError(f"The text is longer than {LONGEST_TEXT:,} characters; speak it in parts.")
