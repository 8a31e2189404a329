"""The tab for dialogue: what its controls call."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from rtvc import audio, mix, watermark
from rtvc.page.dialogue import SCRIPT

from .helpers import MAN, WOMAN, perform


def test_a_dialogue(dialogue):
    said, *casting = dialogue.cast(SCRIPT, {"Anna": "x"})
    assert said == ""
    assert [update["visible"] for update in casting] == [True, True, False, False, False, False]
    assert "TRAVELLER" in casting[1]["label"]
    assert "Anna" in casting[0]["choices"]
    files, whole, said = perform(dialogue, SCRIPT, {}, "Woman, audiobook", "Man, audiobook")
    names = [Path(file).name for file in files]
    assert names == ["dialogue.zip", "001-guard.wav", "002-traveller.wav", "003-guard.wav"]
    expected = dialogue.clone("Halt! Who goes there?", voice=WOMAN)["audio"]
    np.testing.assert_allclose(soundfile.read(files[1])[0], expected, atol=1e-4)
    assert sum(soundfile.info(file).frames for file in files[1:]) < soundfile.info(whole).frames
    assert {audio.comment_of(file) for file in [whole, *files[1:]]} == {watermark.PROVENANCE}
    assert "TRAVELLER has no voice yet" in perform(dialogue, SCRIPT, {}, "Woman, audiobook", None)[2]
    crowd = "\n".join(f"{name}: Hi." for name in ("A", "B", "C", "D", "E", "F", "G"))
    assert "room for 6" in dialogue.cast(crowd, {})[0]


def test_a_long_script_is_refused_where_it_stands(dialogue):
    """The limit was one of the browser only."""
    longest, other = f"ANN: {'Hello. ' * 1000}", "Man, audiobook"
    assert "longer than 5,000" in dialogue.cast(longest, {})[0]
    assert "longer than 5,000" in perform(dialogue, longest, {}, other)[2]
    assert "There is no text" in perform(dialogue, None, {}, other)[2]


def test_a_character_may_speak_in_a_mix(dialogue):
    files, *_ = perform(dialogue, "ANN: Hello there.", {}, "Woman, audiobook(3)+Man, audiobook")
    mixture = mix({dialogue.clone.enroll(WOMAN): 3, dialogue.clone.enroll(MAN): 1})
    expected = dialogue.clone("Hello there.", voice=mixture)["audio"]
    np.testing.assert_allclose(soundfile.read(files[1])[0], expected, atol=1e-4)
    assert "There is no voice “Nobody”" in perform(dialogue, "ANN: Hello.", {}, "Man, audiobook+Nobody")[2]
