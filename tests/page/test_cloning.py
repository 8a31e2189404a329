"""The tab for cloning: what its controls call."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rtvc import audio, mix, recogniser, watermark

from .helpers import MAN, WOMAN, is_skipped, own_recording, quiet, speak


def test_a_recording_is_described(cloning):
    assert cloning.hear(None) == ""
    assert cloning.hear(WOMAN).startswith("Heard 4.9 s of speech")


def test_a_recording_is_enrolled_once_for_its_content(cloning, monkeypatch, tmp_path):
    model, enrolled = cloning.clone.model, []
    enroll = model.enroll
    monkeypatch.setattr(model, "enroll", lambda *given: enrolled.append(given[-1]) or enroll(*given))
    soundfile.write(tmp_path / "mine.wav", audio.read(WOMAN) * 0.9, 16000)
    copy = shutil.copy(tmp_path / "mine.wav", tmp_path / "copy.wav")
    cloning.hear(str(tmp_path / "mine.wav"))
    speak(cloning, copy, "Hello.")
    assert enrolled == [("mine.wav",)]
    assert cloning.voices.find(copy, None, {}).report.files == ("copy.wav",), "nobody learns another's file name"


def test_speaking(cloning):
    words = "Hello there. How are you?"
    clone, heard, read = speak(cloning, WOMAN, words)
    wave, rate = soundfile.read(clone)
    out = cloning.clone(words, voice=WOMAN)
    assert rate == out["sampling_rate"]
    np.testing.assert_allclose(wave, out["audio"], atol=1e-4)  # the page must not change the loudness
    assert "Heard" in heard
    assert read == ""
    faster, _, _ = speak(cloning, WOMAN, words, 2.0)
    assert soundfile.info(faster).frames < wave.size
    higher, _, _ = speak(cloning, WOMAN, words, 1.0, 6.0, 0.0, "FLAC")
    assert soundfile.info(higher).format == "FLAC"
    assert not np.array_equal(soundfile.read(higher)[0], wave)


def test_speaking_can_be_stopped_after_every_piece(cloning):
    """What plays while it is made is what the file holds, piece by piece; each is a place to stop."""
    words = "One. Two. A rather long sentence is not said in one piece, because nobody wants to wait for its end."
    pieces = [chunk["audio"] for chunk in cloning.clone.stream(words, voice=WOMAN)]
    assert len(pieces) > 3
    spoken = list(cloning.speak(WOMAN, None, {}, words, progress=quiet))
    assert len(spoken) == 1 + len(pieces) + 1
    assert sum(piece.size for piece in pieces) == soundfile.info(spoken[-1][-1]["clone"]).frames


def test_what_is_wrong_stands_at_the_control_it_is_about(cloning, tmp_path):
    silence = tmp_path / "silence.wav"
    soundfile.write(silence, np.zeros(80000), 16000)
    result, heard, read = speak(cloning, None, "Hello.")
    assert (result, read) == (None, "")
    assert "Record or upload" in heard
    result, heard, read = speak(cloning, str(silence), "Hello.")
    assert (result, read) == (None, "")
    assert 'class="problem"' in heard
    assert 'class="problem"' in cloning.hear(str(silence))
    result, heard, read = speak(cloning, WOMAN, "...")
    assert result is None
    assert "Heard" in heard
    assert "write at least one English word" in read
    assert "deleted" in speak(cloning, str(tmp_path / "gone.wav"), "Hello.")[1]


def test_a_noisy_recording_can_be_heard_before_and_after(cloning, tmp_path, monkeypatch):
    assert cloning.cleaned(None)["visible"] is False
    assert cloning.cleaned(WOMAN)["visible"] is False, "it is clean"
    monkeypatch.setattr(cloning.clone.model.config, "enhance_below_snr", 80.0)
    player = cloning.cleaned(own_recording(tmp_path, gain=0.4))  # no other test has enrolled it
    assert player["visible"] is True
    assert player["value"][1].size == audio.read(WOMAN).size


def spoken(recording: str | None, clone: str, chosen: str | None = None) -> dict:
    return {"recording": recording, "chosen": chosen, "clone": clone}


def test_the_stream_gives_way_to_the_clone(cloning):
    """Once it has been heard; nothing does where none was made."""
    assert cloning.replay(spoken(WOMAN, MAN))["value"] == MAN
    assert is_skipped(cloning.replay(None))


def test_a_refusal_leaves_the_clone_of_before(cloning):
    ((player, file, *_, words, _),) = cloning.speak(WOMAN, None, {}, "...", progress=quiet)
    assert all(map(is_skipped, (player, file, words)))


def test_the_pictures_and_the_gauge(cloning):
    shown = cloning.look(spoken(WOMAN, MAN), {})
    assert shown.count("<svg") == 2
    assert shown.count("<title>") == 2, "for screen readers"
    expected = cloning.clone.similarity(WOMAN, MAN)
    assert float(re.search(r'value="([\d.]+)"', shown)[1]) == pytest.approx(expected, abs=0.02)
    hum = speak(cloning, WOMAN, "Hm.")[0]  # the tiny model says nothing that could be compared
    assert "meter" not in cloning.look(spoken(None, hum), {})


def test_only_what_was_spoken_is_looked_at(cloning, tmp_path):
    """After a refusal the page compared the clone of before with the new recording, or failed."""
    seen = [last for *_, last in cloning.speak(WOMAN, None, {}, "Hello there.", progress=quiet)]
    assert seen[0] is None
    assert (seen[-1]["recording"], seen[-1]["chosen"]) == (WOMAN, None)
    assert Path(seen[-1]["clone"]).is_file()
    for refused in (("...", {}), ("Hello.", "no shelf")):
        *_, last = list(cloning.speak(WOMAN, None, refused[1], refused[0], progress=quiet))[-1]
        assert last is None
    assert is_skipped(cloning.look(None, {}))
    assert cloning.look(spoken(WOMAN, str(tmp_path / "gone.wav")), {}) == ""
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no sound")
    assert cloning.look(spoken(str(broken), MAN), {}) == ""


def test_a_text_is_refused_where_it_stands(cloning):
    """The limit was one of the browser only."""
    longest = "Hello. " * 1000
    assert "longer than 5,000 characters" in speak(cloning, WOMAN, longest)[2]
    assert "There is no text" in speak(cloning, WOMAN, None)[2]
    assert "longer than 5,000" in cloning.compare(WOMAN, None, "Man, audiobook", {}, longest, 1.0)[1]


def test_comparing_two_voices(cloning):
    file, said = cloning.compare(WOMAN, None, "Man, audiobook", {}, "Hello there.", 1.0)
    expected = cloning.clone("Hello there.", voice=MAN)["audio"]
    np.testing.assert_allclose(soundfile.read(file)[0], expected, atol=1e-4)
    assert f"{cloning.clone.similarity(WOMAN, MAN):.0%}" in said
    mixture, said = cloning.compare(WOMAN, None, "Woman, audiobook+Man, audiobook(2)", {}, "Hello there.", 1.0)
    woman, man = cloning.clone.enroll(WOMAN), cloning.clone.enroll(MAN)
    assert f"{cloning.clone.similarity(woman, mix({woman: 1, man: 2})):.0%}" in said
    assert Path(mixture).is_file()
    assert "Choose the other voice" in cloning.compare(WOMAN, None, None, {}, "Hello.", 1.0)[1]


def test_the_examples_need_no_consent(cloning):
    """Their owners have agreed."""
    assert list(cloning.speak(WOMAN, None, {}, "Hello.", 1.0, 0.0, 0.0, "WAV", False, progress=quiet))[-1][-1]


def test_without_consent_nothing_is_cloned(cloning, tmp_path):
    mine = own_recording(tmp_path)
    refused = list(cloning.speak(mine, None, {}, "Hello.", 1.0, 0.0, 0.0, "WAV", False, progress=quiet))[-1]
    assert "you may clone this voice" in refused[2]
    assert list(cloning.speak(mine, None, {}, "Hello.", 1.0, 0.0, 0.0, "WAV", True, progress=quiet))[-1][-1]


def test_the_spoken_consent(cloning, tmp_path, monkeypatch):
    mine = own_recording(tmp_path)
    monkeypatch.setattr(recogniser, "transcribe", lambda wave: "This is my voice.")
    recording, agreed, said, following = cloning.listen(mine, "This is my voice.", None)
    assert (recording, agreed) == (mine, True)
    assert "your voice" in said
    assert following != "This is my voice."
    *_, said, following = cloning.listen(mine, "Quite another sentence.", None)
    assert "Another sentence was heard" in said
    assert following == "Quite another sentence."


def test_the_page_says_what_a_clone_is(cloning):
    clone, *_ = speak(cloning, WOMAN, "Hello there. How are you?")
    assert audio.comment_of(clone) == watermark.PROVENANCE
