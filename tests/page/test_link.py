"""A link with settings: what it carries, and what of a stranger's link is taken."""

from __future__ import annotations

from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest

from rtvc.page.link import SETTINGS, read, share

from .helpers import is_skipped

MINE = ("Fish & chips, 100 %?\nYes!", 1.25, -2.0, 0.5, "FLAC", "Nguyen = win\nSQL = /sˈiːkwəl/")
HERE = "http://127.0.0.1:7860/"


def opened(**query: str) -> tuple:
    """What the page shows of a link: the settings, and the line below the text."""
    return read(SimpleNamespace(query_params=query))


def test_what_is_shared_is_what_is_opened():
    link, said = share(*MINE, HERE)
    assert link.startswith(f"{HERE}?text=Fish%20%26%20chips")
    assert said == ""
    query = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
    *settings, message = opened(**query)
    assert tuple(settings) == MINE
    assert message == "The link that you followed set speed, pitch, variation, format, names."


def test_without_a_link_nothing_changes():
    *settings, message = opened(__theme="dark", voice="http://example.org/voice.wav")
    assert all(is_skipped(update) for update in settings)
    assert message == ""


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("text", "Hello. " * 1000, "longer than 5,000"),
        ("speed", "900", "speed must be a number from 0.5 to 2, not “900”"),
        ("speed", "nan", "not “nan”"),
        ("pitch", "-1e999", "pitch must be a number from -12 to 12"),
        ("variation", "<img src=x>", "“&lt;img src=x&gt;”"),
        ("format", "../../x.exe", "must be one of WAV, FLAC, OGG"),
        ("names", "/etc/passwd", "Line 1 of the list of names is no entry"),
        ("names", "x" * 6000, "longer than 5,000"),
    ],
)
def test_a_hostile_link_is_left_out_and_named(name, value, words):
    """The other settings are taken."""
    good = "pitch" if name != "pitch" else "speed"
    *settings, message = opened(**{name: value, good: "1"})
    assert is_skipped(settings[SETTINGS.index(name)])
    assert settings[SETTINGS.index(good)] == 1.0
    assert words in message
    assert "<img" not in message


def test_what_cannot_be_shared_is_said():
    link, said = share("Hello. " * 1000, *MINE[1:], HERE)
    assert link == ""
    assert "longer than 5,000" in said
