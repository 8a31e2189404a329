"""Text that is still being written, over a WebSocket: each sentence is heard once it is there."""

from __future__ import annotations

import io
import json

import httpx
import pytest
import soundfile
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from rtvc.serve import computing, dictation

from .conftest import PIECES, RATE, SECONDS, running, speaker_of, wait_until

SENTENCE = round(PIECES * SECONDS * RATE)  # samples


PATIENCE = 90  # seconds, of a machine that is busy with other tests


def opened(server: str, **how) -> ClientConnection:
    return connect(f"{server.replace('http', 'ws')}/v1/audio/speech/stream", max_size=None, **how)


def session(server: str, **settings) -> ClientConnection:
    socket = opened(server, **settings.pop("how", {}))
    tell(socket, type="session.config", **{"voice": "voice-3"} | settings)
    return socket


def tell(socket: ClientConnection, **message) -> None:
    socket.send(json.dumps(message))


def write(socket: ClientConnection, text: str) -> None:
    for word in text.split(" "):
        tell(socket, type="input.text", text=f"{word} ")


def hear(socket: ClientConnection) -> tuple[list[dict], list[bytes]]:
    """A sentence: the messages around it, and its sound."""
    messages, sound = [], []
    while not messages or messages[-1]["type"] not in ("audio.done", "error", "session.done"):
        got = socket.recv(PATIENCE)
        if isinstance(got, str):
            messages.append(json.loads(got))
        else:
            sound.append(got)
    return messages, sound


def test_a_sentence_is_heard_while_the_next_is_written(server, clone):
    with session(server, response_format="wav") as socket:
        for number, text in enumerate(("This is the first one. And", " here comes another. More", " is not to come.")):
            write(socket, text)
            if number == 2:
                tell(socket, type="input.done")
            (start, done), sound = hear(socket)
            assert start == {
                "type": "audio.start",
                "sentence_index": number,
                "format": "wav",
                "sample_rate": RATE,
            }
            wave, rate = soundfile.read(io.BytesIO(b"".join(sound)))
            assert (rate, wave.size, speaker_of(wave)) == (RATE, SENTENCE, 3), "a file by itself"
            assert done["sentence_index"] == number
            assert [word["word"].split()[0] for word in done["words"]] == [["This", "And", "More"][number]]
        assert hear(socket) == ([{"type": "session.done"}], [])


def test_who_waits_for_text_holds_no_place(server, clone):
    """Two compute at once; ten sessions that wait for their model's next word keep nobody from speaking."""
    sessions = [session(server) for _ in range(10)]
    for socket in sessions:
        write(socket, "Hello there, this is one. And")
        hear(socket)
    response = httpx.post(f"{server}/v1/audio/speech", json={"input": "Hello.", "voice": "voice-4"}, timeout=20)
    assert response.status_code == 200
    for socket in sessions:
        socket.close()
    wait_until(lambda: httpx.get(f"{server}/info").json()["open"] == 0)
    assert clone.closed == 11, "the work of those who left has ended"


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        (["x"], "JSON object"),
        (["[" * 100_000], "JSON object"),
        (['{"type": "session.config"}'], "voice is not what it should be"),
        (['{"type": "session.config", "voice": "nobody"}'], "no voice “nobody”"),
        (['{"type": "session.config", "voice": "voice-1", "response_format": "aac"}'], "response_format is not"),
        (['{"type": "input.text", "text": "Hello."}'], "is not what it should be"),
        (['{"type": "session.config", "voice": "voice-1"}', '{"type": "input.text", "text": 7}'], "A message must"),
        (['{"type": "session.config", "voice": "voice-1"}', '{"type": "dance"}'], "A message must"),
    ],
)
def test_what_is_refused_ends_the_session_with_a_sentence(server, messages, words):
    with connect(f"{server.replace('http', 'ws')}/v1/audio/speech/stream") as socket:
        for message in messages:
            socket.send(message)
        error = json.loads(socket.recv(PATIENCE))
        assert error["type"] == "error"
        assert words in error["error"]["message"]
        with pytest.raises(ConnectionClosed):
            socket.recv(PATIENCE)
    wait_until(lambda: httpx.get(f"{server}/info").json()["open"] == 0)


def test_bytes_are_no_text(server):
    with session(server) as socket:
        socket.send(b"\0\1")
        (error,), _ = hear(socket)
        assert "JSON object" in error["error"]["message"]


def test_too_much_at_once(server, clone):
    clone.pause = 0.05
    with session(server) as socket:
        for _ in range(6):
            tell(socket, type="input.text", text="A word or two. " * 3000)
        messages: list[dict] = []
        while not messages or messages[-1]["type"] != "error":
            messages += hear(socket)[0]
        assert "are waiting to be spoken" in messages[-1]["error"]["message"]


def test_who_writes_nothing_is_given_up(server, monkeypatch):
    monkeypatch.setattr(dictation, "IDLE", 0.5)
    with session(server) as socket, pytest.raises(ConnectionClosed):
        socket.recv(PATIENCE)
    wait_until(lambda: httpx.get(f"{server}/info").json()["open"] == 0)


def test_who_does_not_listen_is_given_up(server, clone, monkeypatch):
    monkeypatch.setattr(dictation, "STALLED", 1.0)
    with session(server, how={"compression": None}) as socket:  # the stand-in's sound would be packed into nothing
        socket.recv_bufsize = 1
        for _ in range(40):
            tell(socket, type="input.text", text="A word or two. " * 300)
        wait_until(lambda: clone.closed == 1, 60)
    wait_until(lambda: httpx.get(f"{server}/info").json()["open"] == 0)


def test_keys_and_limits_hold_here_too(clone, folder, monkeypatch):
    monkeypatch.setattr(computing, "OPEN", 1)
    with running(clone, folder, keys=("secret",)) as server:
        with pytest.raises(Exception, match="403"):
            session(server)
        key = {"additional_headers": {"Authorization": "Bearer secret"}}
        with session(server, how=key), opened(server, **key) as second:  # refused before it can say a word
            assert "queue is full" in json.loads(second.recv(PATIENCE))["error"]["message"]


def test_the_real_pipeline_says_what_it_says_anywhere(tiny, folder, tiny_config):
    import numpy as np

    from rtvc import Voice

    Voice(np.ones(tiny_config.rtvc7_config.speaker_size), np.zeros(80), 5.0, 0.2, 4.0).save(folder / "tiny.voice")
    text = "Hello there, my friend. It is a fine day."
    with running(tiny, folder) as server, session(server, voice="tiny") as socket:
        write(socket, text)
        tell(socket, type="input.done")
        heard = [hear(socket), hear(socket)]
    sound = b"".join(piece for _, pieces in heard for piece in pieces)
    expected = tiny(text, voice=str(folder / "tiny.voice"))
    assert np.abs(np.frombuffer(sound, "<i2") / 32767 - expected["audio"]).max() < 1e-4
    words = [word for messages, _ in heard for word in messages[-1]["words"]]
    assert words == expected["words"]
