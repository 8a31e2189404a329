"""How results are shown."""

from __future__ import annotations

from rtvc.page import results


def test_a_message_cannot_carry_markup():
    assert "<img" not in results.problem("bad file <img src=x>.wav")
