"""Who has a recording asks the server whether rtvc made it."""

from __future__ import annotations

import io

import httpx
import numpy as np
import pytest
import soundfile

from rtvc import audio, watermark

from .conftest import running


def ask(server: str, content: bytes, **options) -> httpx.Response:
    return httpx.post(f"{server}/v1/audio/verify", files={"file": ("a.wav", content)}, timeout=60, **options)


def sound(wave: np.ndarray, rate: int = audio.SAMPLING_RATE, form: str = "WAV", comment: str = "") -> bytes:
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", rate, 1, format=form) as out:
        if comment:
            out.comment = comment
        out.write(wave)
    return file.getvalue()


def test_a_clone_is_known_by_its_sound_and_a_recording_is_none(server, speech):
    marked = watermark.mark(speech, audio.SAMPLING_RATE)
    for form in ("WAV", "FLAC", "MP3", "OGG"):
        answer = ask(server, sound(marked, form=form)).json()
        assert answer["marked"] is True, form
        assert answer["score"] >= answer["threshold"] == watermark.THRESHOLD
    assert ask(server, sound(marked, comment=watermark.PROVENANCE)).json()["comment"] == watermark.PROVENANCE
    plain = ask(server, sound(speech, comment=watermark.PROVENANCE)).json()
    assert plain["marked"] is False, "what a file says of itself is no mark"
    assert plain["score"] < plain["threshold"]


def test_the_file_may_be_of_any_kind_that_a_recording_is(server, woman):
    assert ask(server, woman.read_bytes()).json()["marked"] is False


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty file"),
        (b"RIFF", "cannot be read as audio"),
        (b"<html>" * 1000, "cannot be read as audio"),
        (sound(np.zeros(0, np.float32)), "no sound"),
        (sound(np.zeros(31 * 60 * 8000, np.float32), 8000, "FLAC"), "longer than 30 minutes"),
        (sound(np.zeros(100, np.float32), 4000), "sampling rate of 4000 Hz"),
    ],
)
def test_what_is_no_recording_is_refused(server, content, words):
    response = ask(server, content)
    error = response.json()["error"]
    assert (response.status_code, error["param"]) == (400, "file")
    assert words in error["message"]
    assert error["message"].endswith(".")


def test_its_limits_are_those_of_all(server, clone, folder):
    assert ask(server, bytes(50_000_001)).status_code == 413
    missing = httpx.post(f"{server}/v1/audio/verify")
    assert (missing.status_code, missing.json()["error"]["param"]) == (400, "file")
    assert httpx.get(f"{server}/v1/audio/verify").status_code == 405
    assert ask(server, b"RIFF", headers={"Origin": "https://evil.example"}).status_code == 403
    assert httpx.get(f"{server}/info").json()["open"] == 0
    with running(clone, folder, keys=("first",)) as locked:
        assert ask(locked, b"RIFF").status_code == 401
        assert ask(locked, b"RIFF", headers={"Authorization": "Bearer first"}).status_code == 400


def test_what_the_server_says_it_finds_again(tiny, folder, tiny_config):
    """In every format that it sends, of a real pipeline."""
    from rtvc import Voice

    Voice(np.ones(tiny_config.rtvc7_config.speaker_size), np.zeros(80), 5.0, 0.2, 4.0).save(folder / "tiny.voice")
    with running(tiny, folder) as server:
        for form in ("wav", "mp3", "opus", "flac"):
            body = {"input": "This is the first sentence of two.", "voice": "tiny", "response_format": form}
            said = httpx.post(f"{server}/v1/audio/speech", json=body, timeout=60)
            answer = ask(server, said.content).json()
            assert answer["marked"], form
            assert answer["comment"] == watermark.PROVENANCE
