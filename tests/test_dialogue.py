"""Scripts: who says what, and each line in its character's voice."""

from __future__ import annotations

import numpy as np
import pytest

from rtvc import TextError, VoiceError
from rtvc.dialogue import ScriptLine, characters, parse_script, speak_script


def test_a_script_is_read():
    lines = parse_script("# The gate.\nANN: Hello.\n  And more.\n\nCaptain O'Bob: It is\n10:30 now.\nANN: Bye.")
    assert lines == [
        ScriptLine(1, "ANN", "Hello. And more."),
        ScriptLine(2, "Captain O'Bob", "It is 10:30 now."),
        ScriptLine(3, "ANN", "Bye."),
    ]
    assert characters(lines) == ["ANN", "Captain O'Bob"]
    assert lines[1].stem == "002-captain-o-bob"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("", "The script is empty"),
        ("# nothing\n", "The script is empty"),
        ("\nHello.", "Line 2 does not say who speaks"),
        ("ANN: Hi.\nBOB:\n", "BOB says nothing in line 2"),
    ],
)
def test_what_is_wrong_with_a_script(script, words):
    with pytest.raises(TextError, match=words):
        parse_script(script)


def test_each_line_in_its_characters_voice(tiny, woman, man):
    voices = {"ANN": tiny.enroll(woman), "BOB": tiny.enroll(man)}
    lines = parse_script("ANN: Hello there.\nBOB: Hello there.")
    spoken = [out["audio"] for _, out in speak_script(tiny, lines, voices)]
    for one, name in zip(spoken, voices, strict=True):
        np.testing.assert_array_equal(one, tiny("Hello there.", voice=voices[name])["audio"])
    with pytest.raises(VoiceError, match="BOB has no voice yet"):
        speak_script(tiny, lines, {"ANN": voices["ANN"]})
