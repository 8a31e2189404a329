"""A WebSocket for text that is still being written, by a language model say: each sentence is spoken once it is there.

The client sends JSON: `{"type": "session.config", "voice": …, "response_format": "pcm", …}`, then any number of
`{"type": "input.text", "text": "…"}`, and `{"type": "input.done"}`. For each sentence it gets `audio.start`, binary
messages that are one sound file together, and `audio.done` with the words and their times in the session; at the end
`session.done`. What is refused comes as `{"type": "error", "error": {…}}`, and ends the session.
"""

from __future__ import annotations

import json
import queue
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any, Literal

import anyio
from anyio import from_thread
from fastapi import WebSocket
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.websockets import WebSocketDisconnect

from rtvc.errors import RTVCError
from rtvc.pipeline import LONGEST_TEXT, VoiceCloningPipeline
from rtvc.serve import refusals
from rtvc.serve.computing import END, STALLED, Computing
from rtvc.serve.encoding import Encoder
from rtvc.serve.refusals import Refusal
from rtvc.serve.speech import Manner
from rtvc.serve.voices import VoiceFolder
from rtvc.times import TimedWord

IDLE = 300.0  # seconds without text: the session is given up
GONE: Any = object()  # in the place of text: the client is not there any more
REFUSED, FAILED = 1008, 1011  # WebSocket's codes: what was sent cannot be used; the server's fault


class Settings(Manner):
    """What a session begins with."""

    type: Literal["session.config"]
    response_format: Literal["mp3", "opus", "flac", "wav", "pcm"] = "pcm"


class Gone(Exception):
    """There is nobody to speak to."""


class Dictated(Iterator[str]):
    """The text so far, and then what comes. Whoever waits for it in a thread has no place meanwhile."""

    def __init__(self, computing: Computing, pause: Any) -> None:
        self._texts: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._places, self._pause = computing.places, pause
        self._written = self._read = 0  # characters, each counted by one thread

    def put(self, text: str) -> None:
        """More text.

        Raises:
            Refusal: too much of it has not been spoken yet.
        """
        self._written += len(text)
        if self._written - self._read > LONGEST_TEXT:
            raise Refusal(f"More than {LONGEST_TEXT:,} characters are waiting to be spoken; send the rest later.")
        self._texts.put(text)

    def end(self, how: Any = END) -> None:
        """There will be no more."""
        self._texts.put(how)

    def __next__(self) -> str:
        try:
            text = self._texts.get_nowait()
        except queue.Empty:
            from_thread.run(self._pause)  # all that was complete has been said
            from_thread.run_sync(self._places.release_on_behalf_of, self)
            text = self._wait()
            if text is not GONE:
                from_thread.run(self._places.acquire_on_behalf_of, self)
        if text is GONE:
            raise Gone
        if text is END:
            raise StopIteration
        self._read += len(text)
        return text

    def _wait(self) -> Any:
        try:
            return self._texts.get(timeout=IDLE)
        except queue.Empty:
            return GONE


class Dictation:
    """One session."""

    def __init__(
        self, socket: WebSocket, clone: VoiceCloningPipeline, voices: VoiceFolder, computing: Computing
    ) -> None:
        self._socket, self._clone, self._voices, self._computing = socket, clone, voices, computing
        self._dictated = Dictated(computing, self._end_sentence)
        self._encoder: Encoder | None = None
        self._sentence, self._words = -1, list[TimedWord]()

    async def run(self) -> None:
        """From its settings to its end."""
        await self._socket.accept()
        try:
            self._computing.begin()
        except Refusal as refusal:
            return await self._refuse(refusal)
        try:
            with anyio.fail_after(IDLE):
                settings = _settings(await self._receive())
            await self._converse(settings)
        except (RTVCError, RequestValidationError) as error:
            await self._refuse(error)
        except (WebSocketDisconnect, TimeoutError, Gone):
            await self._close(REFUSED)
        finally:
            self._computing.open -= 1

    async def _converse(self, settings: Settings) -> None:
        """Hear and speak at once, until both have ended or either fails."""
        failures: list[Exception] = []

        async def either(part: Any, *arguments: Any) -> None:
            try:
                await part(*arguments)
            except Exception as error:  # a group would wrap it
                failures.append(error)
                self._dictated.end(GONE)
                group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(either, self._hear)
            await either(self._speak, settings)
            group.cancel_scope.cancel()
        if failures:
            raise failures[0]
        await self._tell({"type": "session.done"})
        await self._close(1000)

    async def _receive(self) -> dict[str, Any]:
        try:
            message = json.loads(await self._socket.receive_text())
        except (KeyError, TypeError, ValueError, RecursionError):  # bytes, or no JSON
            message = None
        if not isinstance(message, dict):
            raise Refusal("A message must be a JSON object with a “type”.")
        return message

    async def _hear(self) -> None:
        while True:
            message = await self._receive()
            if message.get("type") == "input.done":
                self._dictated.end()
            elif message.get("type") == "input.text" and isinstance(message.get("text"), str):
                self._dictated.put(message["text"])
            else:
                raise Refusal('A message must be {"type": "input.text", "text": "…"} or {"type": "input.done"}.')

    async def _speak(self, settings: Settings) -> None:
        with closing(self._said(settings)) as said:
            while (chunk := await self._computing.run(next, said, END, holder=self._dictated)) is not END:
                if chunk["sentence"] != self._sentence:
                    await self._end_sentence()
                    await self._begin_sentence(chunk, settings.response_format)
                self._words += chunk["words"]
                if self._encoder:
                    await self._send(self._encoder.add(chunk["audio"]))
        await self._end_sentence()

    def _said(self, settings: Settings) -> Generator[Any]:
        voice = self._voices.find(settings.voice_name)
        yield from self._clone.stream(self._dictated, voice=voice, **settings.options())

    async def _begin_sentence(self, chunk: Any, form: str) -> None:
        self._sentence, rate = chunk["sentence"], chunk["sampling_rate"]
        self._encoder = Encoder(form, rate, self._clone.provenance)
        await self._tell({"type": "audio.start", "sentence_index": self._sentence, "format": form, "sample_rate": rate})

    async def _end_sentence(self) -> None:
        """The rest of the sentence that is being sent, if one is."""
        if self._encoder is None:
            return
        await self._send(self._encoder.end())
        self._encoder, words, self._words = None, self._words, []
        await self._tell({"type": "audio.done", "sentence_index": self._sentence, "words": words})

    async def _send(self, sound: bytes) -> None:
        if sound:
            with anyio.fail_after(STALLED):
                await self._socket.send_bytes(sound)

    async def _tell(self, message: dict[str, Any]) -> None:
        with anyio.fail_after(STALLED):
            await self._socket.send_text(json.dumps(message))

    async def _refuse(self, error: Exception) -> None:
        refusal = refusals.as_refusal(error)
        try:
            await self._tell({"type": "error"} | refusals.body(refusal))
        except (WebSocketDisconnect, TimeoutError, RuntimeError):
            return
        await self._close(REFUSED)

    async def _close(self, code: int) -> None:
        try:
            with anyio.fail_after(STALLED):
                await self._socket.close(code)
        except (WebSocketDisconnect, TimeoutError, RuntimeError):  # it is closed
            return


def _settings(message: dict[str, Any]) -> Settings:
    try:
        return Settings.model_validate(message)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error
