"""The real Speech Dispatcher with our module: what programs ask for is heard."""

from __future__ import annotations

import time

import numpy as np
import pytest

from rtvc import Voice, VoiceError
from rtvc.cli import main
from rtvc.speechd.voices import Config, Speaker, chosen


def said(client, daemon, text: str, how: str = "SPEAK") -> int:
    """How many samples are played for a text."""
    before = daemon.played()
    client.events.clear()
    client.say(text) if how == "SPEAK" else client.ask(f"{how} {text}")
    client.until("END")
    return daemon.played() - before


def test_what_is_played_is_what_the_pipeline_says(client, daemon, tiny):
    """Of the usual voice; the daemon's own marks behind sentences change nothing."""
    before, text = daemon.played(), "It costs $5 & more. Is it (really) so?"
    count = said(client, daemon, text)
    expected = tiny(text, voice=Voice.load(daemon.voices / "ben.voice"), watermark=False)["audio"]
    assert count == expected.size
    sound = np.fromfile(daemon.sound, "<i2")[before : before + count]
    assert np.corrcoef(sound, expected)[0, 1] > 0.99
    assert [kind for kind, _, _ in client.events] == ["BEGIN", "END"]


def test_voice_rate_and_pitch_are_the_programs(client, daemon, tiny):
    assert "rtvc" in client.ask("LIST OUTPUT_MODULES")
    assert client.ask("LIST SYNTHESIS_VOICES")[:-1] == ["ben\ten\tnone", "anna\ten\tnone"]
    for command in ("SYNTHESIS_VOICE anna", "RATE 50", "PITCH -25"):
        client.ask(f"SET SELF {command}")
    expected = tiny("Good morning, everybody.", voice=daemon.voices / "anna.voice", speed=2.0, pitch=-3.0)["audio"]
    assert said(client, daemon, "Good morning, everybody.") == expected.size
    for how, name in (("CHAR", "b"), ("CHAR", "space"), ("KEY", "control_a"), ("SOUND_ICON", "new-mail")):
        assert said(client, daemon, name, how) > 1000, name


def test_a_programs_own_marks_come_in_their_order(client, daemon):
    client.ask("SET SELF SSML_MODE on")
    said(client, daemon, '<speak>One <mark name="a"/>two. <mark name="b"/>Three &amp; <mark name="c"/>four.</speak>')
    assert [mark or kind for kind, mark, _ in client.events] == ["BEGIN", "a", "b", "c", "END"]


def test_it_is_silent_at_once_and_speaks_again(client, daemon):
    """That a pause waits for a sentence's end is in `test_protocol.py`: where sound is played as fast as it comes, as
    into this file, Speech Dispatcher 0.11.4 at times waits forever for the end of the mark at which it pauses."""
    client.say("This is a sentence that takes its time. " * 100)
    client.until("BEGIN")
    time.sleep(0.5)
    asked = time.monotonic()
    client.ask("CANCEL SELF")
    client.until("CANCELED")
    assert client.events[-1][2] - asked < 5, "0.05 s on a machine that does nothing else"
    assert "END" not in [kind for kind, _, _ in client.events]
    assert said(client, daemon, "This is a sentence that takes its time.") > 1000


def test_what_cannot_be_used_is_said(tmp_path, capsys):
    """And the daemon takes another module, as it does when this one refuses to start."""
    with pytest.raises(VoiceError, match="holds no voice; put one there"):
        Speaker(Config(tmp_path, "anna"))
    (tmp_path / "anna.voice").touch()
    with pytest.raises(VoiceError, match="no voice “ben”; choose one of anna"):
        chosen(tmp_path, "ben")
    assert main(["speechd", str(tmp_path / "nowhere")]) == 2
    assert "is no folder; give the one" in capsys.readouterr().err
    config = Config(tmp_path / "a folder", "it's me", None, "main")
    config.write(tmp_path / "rtvc.conf")
    assert Config.read(tmp_path / "rtvc.conf") == config
