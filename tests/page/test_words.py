"""The words that are highlighted while they are heard."""

from __future__ import annotations

import re

import pytest

from rtvc.page.words import as_html

from .helpers import WOMAN, is_skipped, quiet

SPAN = re.compile(r'<span data-start="([\d.]+)" data-end="([\d.]+)">(.*?)</span>')


def test_each_word_carries_its_time(cloning, tiny):
    text = "Hello there, Anna. How are you?"
    shown = [update[4] for update in cloning.speak(WOMAN, None, {}, text, progress=quiet)]
    assert shown[0] == "", "those of the clone before are gone"
    told = [update for update in shown if not is_skipped(update)]
    assert all(later.startswith(earlier) for earlier, later in zip(told, told[1:], strict=False)), "sent as they come"
    spans = SPAN.findall(told[-1])
    assert [word for *_, word in spans] == text.split()
    for (start, end, _), word in zip(spans, tiny(text, voice=WOMAN)["words"], strict=True):
        assert (float(start), float(end)) == pytest.approx((word["start"], word["end"]), abs=1e-3)


def test_a_word_cannot_carry_markup():
    assert "<img" not in as_html([{"word": "<img src=x>", "spoken": "", "start": 0.0, "end": 1.0}])
