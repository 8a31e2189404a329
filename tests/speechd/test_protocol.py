"""The module's side of the protocol: each answer, and that nothing being computed delays a stop."""

from __future__ import annotations

import os
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from rtvc.speechd.protocol import BLOCK, Module, sound

RATE = 24_000


class StandIn:
    """In place of a pipeline: says each word of a text in a piece of its own, when it is let."""

    def __init__(self) -> None:
        self.let = threading.Semaphore(1000)
        self.computing = threading.Event()
        self.given: list[dict] = []

    def stream(self, text, **options):
        self.given.append({"text": text, **options})
        plain = text.replace("<speak>", "").replace("</speak>", "")
        for number, word in enumerate(plain.split()):
            self.computing.set()
            self.let.acquire()
            times = {"word": word, "spoken": word, "start": number * BLOCK, "end": number * BLOCK + BLOCK}
            yield {"audio": np.full(round(RATE * BLOCK), 0.5, np.float32), "sampling_rate": RATE, "words": [times]}


class Daemon:
    """The other end of a module's pipes."""

    def __init__(self) -> None:
        source, self._in = os.pipe()
        self._out, sink = os.pipe()
        self.clone = StandIn()
        self.speaker = SimpleNamespace(
            clone=self.clone, rate=RATE, names=lambda: ["ben", "anna"], find=lambda name: f"voice of {name}"
        )
        self._reader = os.fdopen(self._out, "rb")
        module = Module(self.speaker, os.fdopen(source, "rb"), os.fdopen(sink, "wb"))
        self.thread = threading.Thread(target=module.run, daemon=True)
        self.thread.start()

    def send(self, text: str) -> None:
        os.write(self._in, text.encode())

    def line(self) -> bytes:
        return self._reader.readline()

    def ask(self, text: str) -> str:
        self.send(text + "\n")
        return self.line().decode().rstrip("\n")

    def say(self, text: str, kind: str = "SPEAK") -> str:
        assert self.ask(kind) == "202 OK RECEIVING MESSAGE"
        return self.ask(text + "\n.")

    def events(self) -> list[str]:
        """Up to the last of a message, sounds without their samples; a word is one."""
        found = []
        while not found or found[-1] not in ("702 END", "703 STOP", "704 PAUSE"):
            line = self.line()
            assert line, "the module is still there"
            if not line.startswith(b"705-"):
                found.append(line.decode().rstrip("\n"))
        return found


@pytest.fixture
def daemon():
    one = Daemon()
    yield one
    one.clone.let.release(1000)
    assert one.ask("QUIT") == "210 OK QUIT"
    one.thread.join(20)
    assert not one.thread.is_alive()


def test_the_hand_shakes(daemon):
    assert daemon.ask("AUDIO") == "207 OK RECEIVING AUDIO SETTINGS"
    assert daemon.ask("audio_output_method=server\n.") == "203 OK AUDIO INITIALIZED"
    assert daemon.ask("AUDIO") == "207 OK RECEIVING AUDIO SETTINGS"
    assert daemon.ask("audio_output_method=alsa\n.").startswith("303")
    assert daemon.ask("LOGLEVEL") == "207 OK RECEIVING LOGLEVEL SETTINGS"
    assert daemon.ask("log_level=3\n.") == "203 OK LOGLEVEL SET"
    assert daemon.ask("DEBUG ON /tmp/file ") == "200 OK DEBUGGING ON"
    assert daemon.ask("DEBUG").startswith("300")
    assert daemon.ask("SING").startswith("300")
    assert daemon.ask("SPEAK").startswith("202")
    assert daemon.ask("\n.") == "301 ERROR CANT SPEAK"


def test_voices_are_listed(daemon):
    for of in ("", " en", " en-US", " en none"):
        daemon.send(f"LIST VOICES{of}\n")
        assert [daemon.line() for _ in range(3)] == [
            b"200-ben\ten\tnone\n",
            b"200-anna\ten\tnone\n",
            b"200 OK VOICE LIST SENT\n",
        ]
    assert daemon.ask("LIST VOICES cs").startswith("304")


def test_settings_are_those_of_the_call(daemon):
    assert daemon.ask("SET") == "203 OK RECEIVING SETTINGS"
    settings = "rate=50\npitch=-50\nvolume=0\nsynthesis_voice=anna\nlanguage=en\npunctuation_mode=none\nvoice=male1"
    assert daemon.ask(settings + "\n.") == "203 OK SETTINGS RECEIVED"
    assert daemon.say("<speak>Hello</speak>") == "200 OK SPEAKING"
    assert daemon.events()[-1] == "702 END"
    given = daemon.clone.given[0]
    assert (given["speed"], given["pitch"], given["voice"]) == (2.0, -6.0, "voice of anna")
    for wrong in ("rate=quick", "colour=red"):
        daemon.ask("SET")
        assert daemon.ask(wrong + "\n.").startswith("303")
    daemon.ask("SET")
    assert daemon.ask("rate\n.").startswith("302")


def test_what_is_said_comes_with_its_marks_in_between(daemon):
    assert daemon.say('<speak>..One\n..two<mark name="m"/> three</speak>') == "200 OK SPEAKING"
    audio = ["705 AUDIO"]
    assert daemon.events() == ["701 BEGIN", *audio, *audio, "700-m", "700 INDEX MARK", *audio, "702 END"]
    assert daemon.clone.given[0]["text"] == "<speak>..One\n.two three</speak>", (
        "of a line's two full stops one is the line's"
    )


def test_a_stop_is_obeyed_while_a_piece_is_being_computed(daemon):
    """And the next message does not wait for it."""
    daemon.clone.let = threading.Semaphore(0)
    assert daemon.say("<speak>One two</speak>") == "200 OK SPEAKING"
    assert daemon.line() == b"701 BEGIN\n"
    assert daemon.clone.computing.wait(20)
    begun = time.monotonic()
    daemon.send("STOP\n")
    assert daemon.line() == b"703 STOP\n"
    assert time.monotonic() - begun < 5, "0.05 s on a machine that does nothing else"
    stuck, daemon.clone.let = daemon.clone.let, threading.Semaphore(1000)
    assert daemon.say("<speak>Three</speak>") == "200 OK SPEAKING"
    assert daemon.events() == ["701 BEGIN", "705 AUDIO", "702 END"]
    stuck.release(10)
    daemon.send("STOP\n")  # where nothing is said, nothing is answered
    assert daemon.say("x", "CHAR") == "200 OK SPEAKING"
    assert daemon.events()[0] == "701 BEGIN"


def test_a_stop_is_obeyed_while_nobody_takes_the_sound(daemon):
    """The daemon plays what it has before it reads on, so that little may lie before the stop."""
    daemon.say("<speak>" + "word " * 400 + "</speak>")
    assert daemon.line() == b"701 BEGIN\n"
    assert daemon.clone.computing.wait(20)
    for _ in range(3):
        while daemon.line() != b"705 AUDIO\n":
            pass
        time.sleep(0.2)
    daemon.send("STOP\n")
    time.sleep(1.0)  # it hears it, while what was sent before is still being played
    events = daemon.events()
    assert events[-1] == "703 STOP"
    assert events.count("705 AUDIO") <= 1, "what lay in the pipe"
    assert 2 * BLOCK <= 0.05, "seconds: that, and what is being played"
    assert daemon.ask("LIST VOICES cs").startswith("304")


def test_a_stop_is_obeyed_while_a_voice_is_being_heard(daemon):
    """A recording takes seconds before it can be spoken in."""
    heard = threading.Event()
    daemon.speaker.find = lambda name: heard.wait(60)
    assert daemon.say("<speak>One</speak>") == "200 OK SPEAKING"
    assert daemon.line() == b"701 BEGIN\n"
    daemon.send("STOP\n")
    assert daemon.line() == b"703 STOP\n"
    heard.set()


def test_a_pause_waits_for_the_end_of_the_sentence(daemon):
    daemon.clone.let = threading.Semaphore(0)
    daemon.say('<speak>One <mark name="word"/>two.<mark name="__spd_0"/> Three.<mark name="__spd_1"/> Four.</speak>')
    assert daemon.clone.computing.wait(20)
    daemon.send("PAUSE\nLIST VOICES cs\n")
    assert daemon.line() == b"701 BEGIN\n"
    assert daemon.line().startswith(b"304"), "commands are read meanwhile"
    daemon.clone.let.release(1000)
    assert [line for line in daemon.events() if line.startswith("700-") or line == "704 PAUSE"] == [
        "700-word",
        "700-__spd_0",
        "704 PAUSE",
    ]


def test_a_message_that_fails_is_at_its_end(daemon, capsys):
    daemon.clone.stream = lambda *_, **__: (_ for _ in ()).throw(RuntimeError("broken"))
    assert daemon.say("<speak>One</speak>") == "200 OK SPEAKING"
    assert daemon.events() == ["701 BEGIN", "702 END"]
    assert "broken" in capsys.readouterr().err


def test_sound_is_escaped_and_never_wraps_around():
    """Every line end within would end the event; read back as the daemon reads it."""
    wave = np.concatenate([np.arange(-32767, 32768) / 32767.0, [2.0, -2.0]]).astype(np.float32)
    head, _, rest = sound(wave, RATE).partition(b"705-AUDIO\0")
    data, end = rest.split(b"\n", 1)
    assert end == b"705 AUDIO\n"
    assert f"705-num_samples={wave.size}\n".encode() in head
    plain = bytearray()
    escaped = False
    for byte in data:
        if byte == 0x7D:
            escaped = True
            continue
        plain.append(byte ^ 0x20 if escaped else byte)
        escaped = False
    assert np.abs(np.frombuffer(bytes(plain), "<i2") - np.clip(wave, -1, 1) * 32767).max() <= 1
