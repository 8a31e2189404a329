"""The addresses of the server."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, File, Form, Request, Response, UploadFile, WebSocket

from rtvc import __version__
from rtvc.page.inputs import AT_ONCE, LONGEST_TEXT, WAITING
from rtvc.pipeline import VoiceCloningPipeline
from rtvc.serve import refusals
from rtvc.serve.computing import Computing
from rtvc.serve.dictation import Dictation
from rtvc.serve.encoding import MEDIA, Encoder
from rtvc.serve.gate import LARGEST_UPLOAD, Gate
from rtvc.serve.speech import SpeechRequest, as_audio, as_events, chunks
from rtvc.serve.verification import verify
from rtvc.serve.voices import VoiceFolder


def build(clone: VoiceCloningPipeline, folder: Path, keys: Collection[str] = ()) -> FastAPI:
    """The app.

    Args:
        clone: the pipeline that speaks.
        folder: of voices, which exists.
        keys: of callers; none: anybody may call.
    """
    app, computing, voices = (
        FastAPI(title="rtvc", docs_url=None, redoc_url=None, redirect_slashes=False),
        Computing(),
        VoiceFolder(folder, clone),
    )
    app.add_middleware(Gate, keys=keys)
    refusals.install(app)
    _add_speech(app, clone, voices, computing)
    _add_voices(app, voices, computing)
    _add_verification(app, computing)
    _add_state(app, clone, voices, computing)
    return app


def _add_speech(app: FastAPI, clone: VoiceCloningPipeline, voices: VoiceFolder, computing: Computing) -> None:
    @app.post("/v1/audio/speech")
    async def speak(speech: SpeechRequest, request: Request) -> Response:
        """Say a text: a sound file, or events, sent while it is made."""
        rate, form = clone.model.config.sampling_rate, speech.response_format
        encoder = Encoder(form, rate, clone.provenance)
        said = chunks(clone, voices, speech, encoder)
        headers = {"X-Provenance": clone.provenance, "X-Sample-Rate": str(rate)}
        if speech.stream_format == "sse":
            return await computing.answer(request, as_events(said, encoder), "text/event-stream", headers)
        return await computing.answer(request, as_audio(said, encoder), MEDIA[form], headers)

    @app.websocket("/v1/audio/speech/stream")
    async def dictate(socket: WebSocket) -> None:
        await Dictation(socket, clone, voices, computing).run()


def _add_voices(app: FastAPI, voices: VoiceFolder, computing: Computing) -> None:
    @app.get("/v1/audio/voices")
    def list_voices() -> dict[str, Any]:
        """The voices, as OpenAI lists things and, once more, where Open WebUI looks for them."""
        entries = voices.entries()
        return {"object": "list", "data": entries, "voices": entries}

    @app.post("/v1/audio/voices")
    async def add_voice(
        audio_sample: Annotated[UploadFile, File()],
        name: Annotated[str, Form(max_length=1000)],
        consent: Annotated[str, Form(max_length=1000)] = "",
    ) -> dict[str, Any]:
        """Keep the voice of a recording, or of a voice file."""
        with computing.counted():
            return await computing.run(voices.add, name, consent, await audio_sample.read())

    @app.delete("/v1/audio/voices/{name}")
    def remove_voice(name: str) -> dict[str, Any]:
        """Delete a voice."""
        voices.remove(name)
        return {"id": name, "object": "audio.voice.deleted", "deleted": True}


def _add_verification(app: FastAPI, computing: Computing) -> None:
    @app.post("/v1/audio/verify")
    async def verify_recording(file: Annotated[UploadFile, File()]) -> dict[str, Any]:
        """Tell whether a recording carries the mark of rtvc."""
        with computing.counted():
            return await computing.run(verify, await file.read())


def _add_state(app: FastAPI, clone: VoiceCloningPipeline, voices: VoiceFolder, computing: Computing) -> None:
    @app.get("/health")
    async def health() -> dict[str, str]:
        """Whether it answers."""
        return {"status": "ok"}

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        """What clients list before they ask for speech; whatever they name as `model`, this one speaks."""
        return {"object": "list", "data": [{"id": "rtvc", "object": "model", "created": 0, "owned_by": "rtvc"}]}

    @app.get("/info")
    def info() -> dict[str, Any]:
        """What it is, what it can, what it allows, and who waits."""
        return {
            "version": __version__,
            "sampling_rate": clone.model.config.sampling_rate,
            "formats": list(MEDIA),
            "voices": len(voices.files()),
            "limits": {"characters": LONGEST_TEXT, "at_once": AT_ONCE, "waiting": WAITING, "upload": LARGEST_UPLOAD},
            "open": computing.open,
            "waiting": computing.waiting,
        }
