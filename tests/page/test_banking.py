"""The tab for banking a voice: what its controls call."""

from __future__ import annotations

import soundfile

from rtvc import Voice, audio
from rtvc.banking import PHRASES, sounds

from .helpers import WOMAN


def test_banking_a_voice(banking):
    index, readings, said, listed, player = banking.read(WOMAN, 0, {})
    assert (index, readings, player) == (1, {0: WOMAN}, None)
    assert "1 of 12 phrases" in said
    assert listed.count('class="covered"') == len(sounds(PHRASES[0]))
    assert listed.count('class="unseen"> (read)') == len(sounds(PHRASES[0])), "not by colour alone"
    assert "hidden" not in listed, "what is hidden is hidden from screen readers too"
    shelf, *_, said, file = banking.bank({0: WOMAN, 1: WOMAN}, {}, "Me")
    assert list(shelf) == ["Me"]
    assert "2 phrases" in said
    assert Voice.load(file["value"]) == banking.clone.enroll([WOMAN, WOMAN])
    assert "Read at least one" in banking.bank({}, {}, "Me")[3]
    assert "you may clone this voice" in banking.bank({0: WOMAN}, {}, "Me", False)[3]


def test_a_reading_that_is_too_short_is_refused(banking, tmp_path):
    soundfile.write(tmp_path / "short.wav", audio.read(WOMAN)[:12000], 16000)
    index, readings, said, *_ = banking.read(str(tmp_path / "short.wav"), 3, {0: WOMAN})
    assert (index, readings) == (3, {0: WOMAN})
    assert "read the whole phrase" in said
