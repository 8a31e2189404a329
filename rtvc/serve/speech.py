"""A request for speech, checked, and what is sent for it: sound, or events that hold sound."""

from __future__ import annotations

import base64
import json
from collections.abc import Generator, Iterable, Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rtvc.errors import RTVCError
from rtvc.lexicon import Lexicon
from rtvc.lexicon import checked as checked_lexicon
from rtvc.lines import pieces
from rtvc.markup import Warnings
from rtvc.page.inputs import check_text
from rtvc.pipeline import SpeechChunk, VoiceCloningPipeline
from rtvc.sentences import pause_seconds
from rtvc.serve import refusals
from rtvc.serve.encoding import Encoder
from rtvc.serve.voices import VoiceFolder

LONGEST_NAME = 1000  # characters, of a mix
MOST_NAMES = 1000  # in a lexicon


class VoiceId(BaseModel):
    """A voice, in the longer of OpenAI's two ways to name one."""

    id: str = Field(max_length=LONGEST_NAME)


class Manner(BaseModel):
    """Whose voice, and how it speaks. What else a client sends, such as `model` and `instructions`, is passed over."""

    model_config = ConfigDict(allow_inf_nan=False)
    voice: Annotated[str, Field(max_length=LONGEST_NAME)] | VoiceId
    response_format: Literal["mp3", "opus", "flac", "wav", "pcm"] = "mp3"
    speed: float = 1.0
    pitch: float = 0.0
    variation: float = 0.0
    seed: int | None = None
    lexicon: dict[str, str] = Field(default_factory=dict, max_length=MOST_NAMES)

    def options(self) -> dict[str, Any]:
        """Of a call of the pipeline, which checks them."""
        numbers = {name: getattr(self, name) for name in ("speed", "pitch", "variation", "seed")}
        return numbers | ({"lexicon": self.lexicon} if self.lexicon else {})

    @property
    def voice_name(self) -> str:
        """Of a voice, or a mix."""
        return self.voice.id if isinstance(self.voice, VoiceId) else self.voice


class SpeechRequest(Manner):
    """A request for speech."""

    input: str
    stream_format: Literal["audio", "sse"] = "audio"


def chunks(
    clone: VoiceCloningPipeline, voices: VoiceFolder, speech: SpeechRequest, encoder: Encoder
) -> Iterator[SpeechChunk]:
    """What is said, as it is made. What can be known to be wrong anywhere in the text is said before any of it.

    Args:
        clone, voices: who speaks.
        speech: what is asked for.
        encoder: is told how long it will be if it has to know.

    Raises:
        RTVCError: a voice, a text or a setting that cannot be used.
    """
    check_text(speech.input)
    lexicon = checked_lexicon(speech.lexicon)
    voice, options = voices.find(speech.voice_name), speech.options()
    said = clone.stream(speech.input, voice=voice, **options)
    check_marks(speech.input, lexicon)
    if encoder.wants_length:
        seconds = clone.duration(speech.input, voice=voice, **options)
        encoder.expect(round(seconds * clone.model.config.sampling_rate))
    yield from said


def check_marks(text: str, lexicon: Lexicon) -> None:
    """Refuse a pause or a pronunciation that cannot be, wherever in the text it stands.

    Raises:
        TextError: which one.
    """
    for piece in pieces([text], lexicon, Warnings()):
        pause_seconds(piece.text)


def as_audio(said: Iterable[SpeechChunk], encoder: Encoder) -> Generator[bytes]:
    """The bytes of a sound file; of a piece of speech it may be none."""
    for chunk in said:
        yield encoder.add(chunk["audio"])
    yield encoder.end()


def as_events(said: Iterable[SpeechChunk], encoder: Encoder) -> Generator[bytes]:
    """Server-sent events as OpenAI's: `speech.audio.delta` with a piece of the same file in base64, and
    `speech.audio.done`. A piece also has the words that begin in it, with their times. What goes wrong after the first
    piece is an event too."""
    begun = False
    try:
        for chunk in said:
            yield _delta(encoder.add(chunk["audio"]), chunk["words"])
            begun = True
    except RTVCError as error:
        if not begun:
            raise
        yield _event(refusals.body(refusals.as_refusal(error)) | {"type": "error"})
        return
    yield _delta(encoder.end(), [])
    nothing = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}  # rtvc counts none, and clients want numbers
    yield _event({"type": "speech.audio.done", "usage": nothing})


def _delta(sound: bytes, words: list[Any]) -> bytes:
    return _event({"type": "speech.audio.delta", "audio": base64.b64encode(sound).decode(), "words": words})


def _event(content: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(content)}\n\n".encode()
