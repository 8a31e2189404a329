"""Serve voices over HTTP, in the form of OpenAI's speech API: python examples/serve.py VOICES_FOLDER [PORT]

    curl -s localhost:8000/v1/audio/speech -H 'Content-Type: application/json' \\
        -d '{"input": "Hello there.", "voice": "woman"}' -o hello.wav

A voice is named after its file in the folder. It needs the extra `demo`, for FastAPI.
"""

import io
import sys
from pathlib import Path
from typing import Literal

import soundfile
import uvicorn
from fastapi import FastAPI, HTTPException, Response
from pydantic import BaseModel, Field
from transformers import pipeline

from rtvc import RTVCError


class Speech(BaseModel):
    """A request."""

    input: str = Field(max_length=5000)
    voice: str
    speed: float = 1.0
    response_format: Literal["wav", "flac"] = "wav"


def build(folder: str) -> FastAPI:
    """The service, with every voice of the folder enrolled."""
    clone, voices, app = pipeline("voice-cloning"), {}, FastAPI(title="rtvc")
    for path in sorted(Path(folder).iterdir()):
        if path.suffix in (".wav", ".flac", ".mp3", ".ogg"):
            voices[path.stem] = clone.enroll(path)

    @app.get("/v1/audio/voices")
    def list_voices() -> list[str]:
        return sorted(voices)

    @app.post("/v1/audio/speech")
    def speak(request: Speech) -> Response:
        if request.voice not in voices:
            raise HTTPException(404, f"There is no voice “{request.voice}”; choose one of {', '.join(voices)}.")
        try:
            speech = clone(request.input, voice=voices[request.voice], speed=request.speed)
        except RTVCError as error:
            raise HTTPException(400, str(error)) from error
        file = io.BytesIO()
        with soundfile.SoundFile(file, "w", speech["sampling_rate"], 1, format=request.response_format) as sound:
            sound.comment = clone.provenance
            sound.write(speech["audio"])
        return Response(file.getvalue(), media_type=f"audio/{request.response_format}")

    return app


if __name__ == "__main__":
    uvicorn.run(build(sys.argv[1]), port=int(sys.argv[2]) if len(sys.argv) > 2 else 8000)
