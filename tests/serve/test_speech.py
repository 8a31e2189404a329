"""Speech over HTTP as OpenAI's clients ask for it: sent while it is made, in every format, or refused in a sentence."""

from __future__ import annotations

import base64
import io
import json
import shutil
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import openai
import pytest
import soundfile

from rtvc import audio, watermark
from rtvc.serve import computing

from .conftest import PIECES, RATE, SECONDS, running, speaker_of, wait_until

TWO = "This is the first sentence. And here comes the second one."
SAMPLES = round(2 * PIECES * SECONDS * RATE)
WHOLE = SAMPLES / RATE  # seconds


@pytest.fixture
def client(server) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server}/v1", api_key="none", max_retries=0)


def ask(server: str, **body) -> httpx.Response:
    return httpx.post(f"{server}/v1/audio/speech", json={"input": TWO, "voice": "voice-3"} | body, timeout=30)


def decoded(content: bytes, form: str) -> tuple[np.ndarray, int]:
    if form == "pcm":
        return np.frombuffer(content, "<i2") / 32768, RATE
    return soundfile.read(io.BytesIO(content))


@pytest.mark.parametrize("form", ["wav", "pcm", "mp3", "opus", "flac"])
def test_openais_client_gets_every_format(client, form, tmp_path):
    path = tmp_path / f"out.{form}"
    with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="voice-3", input=TWO, response_format=form
    ) as response:
        assert response.headers["transfer-encoding"] == "chunked"
        assert "Synthetic speech" in response.headers["x-provenance"]
        response.stream_to_file(path)
    wave, rate = decoded(path.read_bytes(), form)
    assert rate == RATE
    assert wave.size / rate == pytest.approx(WHOLE, abs=0.1)
    middle = np.abs(wave[wave.size // 4 : wave.size // 2])
    if form != "pcm":
        assert audio.read(path).size / 16000 == pytest.approx(WHOLE, abs=0.1), "what is sent is read here too"
        assert audio.comment_of(path) == watermark.PROVENANCE
    if form in ("wav", "pcm", "flac"):  # the others do not carry a constant
        assert speaker_of(middle) == 3


@pytest.mark.parametrize("form", ["wav", "pcm", "mp3", "opus", "flac"])
def test_the_first_bytes_come_before_the_second_sentence_is_made(server, clone, form):
    clone.go_on.clear()
    body = {"input": TWO, "voice": "voice-3", "response_format": form}
    with httpx.stream("POST", f"{server}/v1/audio/speech", json=body, timeout=30) as response:
        pieces = response.iter_raw()
        begun = next(pieces)
        assert len(begun) > 40
        assert not clone.go_on.is_set()
        clone.go_on.set()
        whole = begun + b"".join(pieces)
    assert decoded(whole, form)[0].size / RATE == pytest.approx(WHOLE, abs=0.1)


def test_a_streamed_flac_says_how_long_it_is(server, tmp_path):
    """To the sample: libsndfile reads no more than that, and fails at the end of one that has less."""
    path = tmp_path / "whole.flac"
    path.write_bytes(ask(server, response_format="flac").content)
    assert soundfile.info(path).frames == SAMPLES
    assert np.abs(soundfile.read(path)[0] - 0.03).max() < 1e-4
    if not shutil.which("ffmpeg"):
        pytest.skip("needs ffmpeg")
    command = ["ffmpeg", "-nostdin", "-v", "warning", "-threads", "1", "-i", path, "-f", "s16le", "-"]
    read = subprocess.run(command, capture_output=True, check=True)
    assert (len(read.stdout), read.stderr) == (2 * SAMPLES, b"")


def test_curl_hears_it_at_once(server, clone):
    if not shutil.which("curl"):
        pytest.skip("no curl")
    clone.go_on.clear()
    body = json.dumps({"input": TWO, "voice": "voice-3", "response_format": "pcm"})
    command = ["curl", "-sN", f"{server}/v1/audio/speech", "-H", "Content-Type: application/json", "-d", body]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as curl:
        assert len(curl.stdout.read(1000)) == 1000
        assert not clone.go_on.is_set()
        clone.go_on.set()
        rest = curl.stdout.read()
    assert 1000 + len(rest) == 2 * SAMPLES


def test_events_hold_the_same_file_and_the_words(server):
    response = ask(server, stream_format="sse", response_format="wav")
    assert response.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(line.removeprefix("data: ")) for line in response.text.splitlines() if line]
    assert [event["type"] for event in events[-2:]] == ["speech.audio.delta", "speech.audio.done"]
    sound = b"".join(base64.b64decode(event.get("audio", "")) for event in events)
    assert sound == ask(server, response_format="wav").content
    words = [word["word"] for event in events for word in event.get("words", ())]
    assert " ".join(words) == TWO


def test_a_voice_may_be_a_mix_or_an_id(server):
    for voice, level in (("voice-2(3)+voice-10(1)", 4), ({"id": "voice-7"}, 7)):
        assert speaker_of(decoded(ask(server, voice=voice, response_format="pcm").content, "pcm")[0]) == level


@pytest.mark.parametrize(
    ("body", "status", "field", "words"),
    [
        ({"voice": "nobody"}, 404, "voice", "There is no voice “nobody”; choose one of voice-1, voice-10"),
        ({"voice": "voice-1+nobody"}, 404, "voice", "no voice “nobody”"),
        ({"voice": "voice-1(nan)+voice-2"}, 400, "voice", "weight of “voice-1”"),
        ({"voice": "../../etc/passwd"}, 404, "voice", "There is no voice"),
        ({"voice": "voice-1\0"}, 404, "voice", "There is no voice"),
        ({"voice": ""}, 404, "voice", "There is no voice"),
        ({"voice": "+" * 900}, 400, "voice", "lacks a voice's name"),
        ({"voice": "x" * 9000}, 400, "voice", "voice is not what it should be"),
        ({"voice": 7}, 400, "voice", "voice is not what it should be"),
        ({"input": "x" * 5001}, 400, "input", "longer than 5,000 characters"),
        ({"input": None}, 400, "input", "input is not what it should be"),
        ({"input": "One. [pause 99s] Two."}, 400, "input", "at most 10 seconds"),
        ({"input": "\ud800", "voice": "\ud800"}, 400, "voice", "voice is not what it should be"),
        ({"response_format": "aac"}, 400, "response_format", "'mp3', 'opus'"),
        ({"stream_format": "x"}, 400, "stream_format", "stream_format is not"),
        ({"speed": "fast"}, 400, "speed", "speed is not"),
        ({"lexicon": {"Nguyen": "/q%/"}}, 400, "input", "/q%/"),
    ],
)
def test_what_is_refused_is_refused_in_openais_form(server, body, status, field, words):
    content = json.dumps({"input": TWO, "voice": "voice-3"} | body)
    headers = {"Content-Type": "application/json"}
    response = httpx.post(f"{server}/v1/audio/speech", content=content, headers=headers)
    error = response.json()["error"]
    assert (response.status_code, error["param"], error["type"]) == (status, field, "invalid_request_error")
    assert words in error["message"]
    assert error["message"].endswith(".")
    assert len(error["message"]) < 400


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"7", b'{"input": 1e999}', b"\xff", b'{"speed": NaN}'])
def test_what_is_no_request_is_refused(server, content):
    response = httpx.post(f"{server}/v1/audio/speech", content=content, headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert response.json()["error"]["message"].endswith(".")


def test_the_real_pipelines_refusals_come_before_any_sound(tiny, folder, tiny_config):
    from rtvc import Voice

    size = tiny_config.rtvc7_config.speaker_size
    Voice(np.ones(size), np.zeros(80), 5.0, 0.2, 4.0).save(folder / "tiny.voice")
    with running(tiny, folder) as server:
        for body, words in (
            ({"speed": 9}, "speed must be"),
            ({"seed": -1}, "seed must be"),
            ({"input": "..."}, "at least one English word"),
            ({"voice": "voice-3"}, "another model"),
        ):
            response = ask(server, **{"voice": "tiny"} | body)
            assert response.status_code == 400
            assert words in response.json()["error"]["message"]
        whole = ask(server, voice="tiny", response_format="wav")
        wave, rate = decoded(whole.content, "wav")
        expected = tiny(TWO, voice=str(folder / "tiny.voice"))
        assert rate == expected["sampling_rate"]
        assert np.abs(wave - expected["audio"]).max() < 1e-4, "what the pipeline gives anywhere else"
        compressed, _ = decoded(ask(server, voice="tiny", response_format="flac").content, "flac")
        assert np.abs(compressed - expected["audio"]).max() < 1e-4


def test_what_cannot_be_spoken_later_on_breaks_off(server):
    """Nobody takes what came for the whole; events say what is wrong."""
    text = "All is well here. This is unspeakable."
    with pytest.raises(httpx.RemoteProtocolError):
        ask(server, input=text)
    *_, event = filter(None, ask(server, input=text, stream_format="sse").text.split("\n\n"))
    assert json.loads(event.removeprefix("data: "))["error"]["param"] == "input"


def test_other_addresses(server):
    assert httpx.get(f"{server}/health").json() == {"status": "ok"}
    info = httpx.get(f"{server}/info").json()
    assert (info["sampling_rate"], info["voices"], info["open"]) == (RATE, 10, 0)
    assert httpx.get(f"{server}/v1/models").json()["data"][0]["id"] == "rtvc"
    assert httpx.get(f"{server}/nowhere").json()["error"]["message"].startswith("There is nothing")
    assert httpx.get(f"{server}/v1/audio/speech").status_code == 405


def test_keys(clone, folder):
    with running(clone, folder, keys=("first", "sécond")) as server:
        assert httpx.get(f"{server}/health").status_code == 200
        for key in ("", "wrong", "first "[:4]):
            client = openai.OpenAI(base_url=f"{server}/v1", api_key=key or "-", max_retries=0)
            with pytest.raises(openai.AuthenticationError, match="Send one of the server's keys"):
                client.audio.speech.create(model="x", voice="voice-1", input="Hello.")
        openai.OpenAI(base_url=f"{server}/v1", api_key="first").audio.speech.create(
            model="x", voice="voice-1", input="Hello."
        )
        given = {"Authorization": "bearer sécond".encode()}
        assert httpx.get(f"{server}/v1/audio/voices", headers=given).status_code == 200


def test_a_strangers_web_page_may_not_call_a_server_without_keys(server):
    for origin, status in (("https://evil.example", 403), ("null", 403), (server, 200)):
        response = httpx.get(f"{server}/v1/audio/voices", headers={"Origin": origin})
        assert response.status_code == status


def test_fifty_callers_get_their_own_voice(server, clone):
    """Two compute at once, whoever is too many is told so, and nobody hears another one's voice."""
    clone.pause = 0.005

    def call(number: int) -> float:
        while (response := ask(server, voice=f"voice-{number % 10 + 1}", response_format="pcm")).status_code == 429:
            assert "queue is full" in response.json()["error"]["message"]
            assert response.headers["retry-after"] == "1"
        assert response.status_code == 200
        wave, _ = decoded(response.content, "pcm")
        assert wave.size == SAMPLES
        return speaker_of(wave)

    with ThreadPoolExecutor(50) as callers:
        heard = list(callers.map(call, range(100)))
    assert heard == [number % 10 + 1 for number in range(100)]
    assert clone.most <= 2
    assert httpx.get(f"{server}/info").json()["open"] == 0


def hold(server: str, length: int = 4000, receive: int = 0) -> socket.socket:
    """A caller who asks for much and takes only so many bytes of it."""
    host, port = server.removeprefix("http://").split(":")
    caller = socket.socket()
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    caller.connect((host, int(port)))
    text = ("A sentence of it. " * 400)[:length]
    body = json.dumps({"input": text, "voice": "voice-3", "response_format": "wav"}).encode()
    head = f"POST /v1/audio/speech HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    caller.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    if receive:
        caller.recv(receive)
    return caller


def test_a_caller_who_is_gone_is_not_worked_for(server, clone):
    caller = hold(server, receive=100)
    assert clone.begun
    caller.close()
    wait_until(lambda: clone.closed == 1)
    assert max(clone.begun) < 200, "of 222 sentences"
    assert httpx.get(f"{server}/info").json()["open"] == 0


def test_a_caller_who_leaves_the_queue_is_not_worked_for(server, clone):
    clone.go_on.clear()
    blocking = [hold(server, receive=100) for _ in range(2)]  # both places: their second sentence waits
    wait_until(lambda: sorted(clone.begun) == [0, 0, 1, 1])
    gone = hold(server)
    wait_until(lambda: httpx.get(f"{server}/info").json()["waiting"] == 1)
    gone.close()
    wait_until(lambda: httpx.get(f"{server}/info").json()["waiting"] == 0)
    assert sorted(clone.begun) == [0, 0, 1, 1]
    for caller in blocking:
        caller.close()
    clone.go_on.set()
    wait_until(lambda: clone.closed == 2)


def test_a_stalled_caller_keeps_nobody_waiting_and_is_given_up(server, clone, monkeypatch):
    monkeypatch.setattr(computing, "STALLED", 1.0)
    callers = [hold(server, receive=100) for _ in range(5)]
    assert ask(server, response_format="pcm").status_code == 200, "they hold no place"
    wait_until(lambda: clone.closed == 6)
    assert httpx.get(f"{server}/info").json()["open"] == 0
    for caller in callers:
        caller.close()


def test_a_full_server_says_so(clone, folder, monkeypatch):
    monkeypatch.setattr(computing, "OPEN", 3)
    with running(clone, folder) as server:
        callers = [hold(server, receive=100) for _ in range(3)]
        assert ask(server).status_code == 429
        for caller in callers:
            caller.close()
        wait_until(lambda: ask(server).status_code == 200)
