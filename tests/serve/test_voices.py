"""Voices are files in one folder; who adds one says that they may."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import openai
import pytest

from rtvc import Voice, VoiceError

from .conftest import running, voice_of


def add(server: str, name: str, content: bytes = b"RIFF", consent: str | None = "true") -> httpx.Response:
    data = {"name": name} | ({} if consent is None else {"consent": consent})
    return httpx.post(f"{server}/v1/audio/voices", data=data, files={"audio_sample": ("a.wav", content)}, timeout=30)


def saved(tmp_path, tempo: float) -> bytes:
    voice_of(tempo).save(tmp_path / "x.tmp.voice")
    content = (tmp_path / "x.tmp.voice").read_bytes()
    (tmp_path / "x.tmp.voice").unlink()
    return content


def test_openais_client_adds_a_voice_and_speaks_in_it(server, folder, man):
    client = openai.OpenAI(base_url=f"{server}/v1", api_key="none", max_retries=0)
    with man.open("rb") as recording:
        made = client.audio.voices.create(name="Anna b", consent="true", audio_sample=recording)
    assert (made.id, made.object, made.name) == ("Anna b", "audio.voice", "Anna b")
    assert Voice.load(folder / "Anna b.voice").tempo == 20
    listed = httpx.get(f"{server}/v1/audio/voices").json()
    assert "Anna b" in {one["id"] for one in listed["voices"]}
    assert listed["data"] == listed["voices"]
    assert client.audio.speech.create(model="x", voice="Anna b", input="Hello.").content
    assert httpx.delete(f"{server}/v1/audio/voices/Anna b").json()["deleted"] is True
    assert not (folder / "Anna b.voice").exists()
    assert httpx.delete(f"{server}/v1/audio/voices/Anna b").status_code == 404


def test_a_voice_file_may_be_sent_too(server, folder, tmp_path):
    assert add(server, "brought", saved(tmp_path, 9)).status_code == 200
    assert Voice.load(folder / "brought.voice") == voice_of(9)


def test_nothing_is_kept_without_consent(server, folder):
    before = sorted(folder.iterdir())
    for consent in (None, "", "false", "no", "perhaps"):
        response = add(server, "anna", consent=consent)
        assert response.status_code == 400
        assert response.json()["error"]["code"] == "consent_required"
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    "name", ["../up", "a/b", "a\\b", "..", ".hidden", "a\0b", "x" * 41, "", " ", "a+b", "a(1)", "a\nb", "-x", "a "]
)
def test_no_name_leads_out_of_the_folder_or_into_a_mix(server, folder, name):
    before = sorted(folder.parent.rglob("*"))
    response = add(server, name)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "name"
    assert sorted(folder.parent.rglob("*")) == before
    assert httpx.delete(f"{server}/v1/audio/voices/{name}" if name.isprintable() else server).status_code in (404, 405)


def test_one_name_one_voice(server, folder, tmp_path):
    """Of many who take a name at once one gets it: nobody speaks in another's voice."""
    contents = [saved(tmp_path, number) for number in range(21, 29)]
    with ThreadPoolExecutor(8) as callers:
        responses = list(callers.map(lambda content: add(server, "mine", content), contents))
    taken = [number for number, response in enumerate(responses) if response.status_code == 200]
    assert len(taken) == 1
    assert Voice.load(folder / "mine.voice").tempo == 21 + taken[0]
    assert {response.status_code for response in responses} == {200, 409}
    assert add(server, "MINE", contents[0]).status_code == 409, "file systems may not tell them apart"


def test_recordings_in_the_folder_are_voices_that_only_its_owner_deletes(server, folder):
    (folder / "woman.flac").write_bytes(b"a recording")
    (folder / "notes.txt").write_text("none")
    assert httpx.get(f"{server}/info").json()["voices"] == 11
    response = httpx.delete(f"{server}/v1/audio/voices/woman")
    assert response.status_code == 403
    assert (folder / "woman.flac").exists()
    body = {"input": "Hello.", "voice": "woman"}
    assert httpx.post(f"{server}/v1/audio/speech", json=body).status_code == 200


def test_what_is_no_recording_is_refused(clone, folder, monkeypatch):
    def refuse(*_):
        raise VoiceError("The recording contains no sound; record or choose it again.")

    monkeypatch.setattr(clone, "enroll", refuse)
    with running(clone, folder) as server:
        response = add(server, "anna")
        assert response.json()["error"] == {
            "message": "The recording contains no sound; record or choose it again.",
            "type": "invalid_request_error",
            "param": "voice",
            "code": None,
        }


def test_an_upload_has_a_limit(server):
    response = add(server, "anna", bytes(50_000_001))
    assert response.status_code == 413
    body = b'{"input": "' + b"x" * 1_000_000 + b'"}'
    headers = {"Content-Type": "application/json"}
    assert httpx.post(f"{server}/v1/audio/speech", content=body, headers=headers).status_code == 413
    chunks = (body[start : start + 1000] for start in range(0, len(body), 1000))  # without a length in its header
    assert httpx.post(f"{server}/v1/audio/speech", content=chunks, headers=headers).status_code == 413
