"""LiveKit's agents speak through `rtvc serve`: python examples/livekit_tts.py "Hello there." VOICE OUTPUT.wav [URL]

In an agent `AgentSession(tts=RTVC(voice="anna"), …)` takes it as any of LiveKit's own. It needs LiveKit alone
(`pip install livekit-agents`) and may run on another machine than the server; URL is http://127.0.0.1:8000/v1 without
it, and a key of the server is read from RTVC_API_KEY.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from livekit.agents import APIConnectionError, APIConnectOptions, APIError, APIStatusError, tts, utils
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS
from openai import APIError as OpenAIError
from openai import APIStatusError as Refused
from openai import AsyncOpenAI

URL = "http://127.0.0.1:8000/v1"


class RTVC(tts.TTS):
    """Text to speech by `rtvc serve`.

    Args:
        voice: one of the server's, or a mix.
        url: of the server, with /v1.
        sample_rate: Hz of the server's model, which its /info names; speech of another rate is refused.
    """

    def __init__(self, voice: str, url: str = URL, sample_rate: int = 24_000) -> None:
        without = tts.TTSCapabilities(streaming=False)  # LiveKit then splits what a language model writes
        super().__init__(capabilities=without, sample_rate=sample_rate, num_channels=1)
        self.voice = voice
        self.client = AsyncOpenAI(base_url=url, api_key=os.environ.get("RTVC_API_KEY", "none"), max_retries=0)

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        """The sound of a text, while it is made."""
        return Spoken(tts=self, input_text=text, conn_options=conn_options)

    async def aclose(self) -> None:
        """Hang up."""
        await self.client.close()


class Spoken(tts.ChunkedStream):
    """One answer of the server."""

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        service: RTVC = self._tts
        asked = {"model": "rtvc", "voice": service.voice, "input": self.input_text, "response_format": "pcm"}
        try:
            async with service.client.audio.speech.with_streaming_response.create(**asked) as response:
                rate = int(response.headers["X-Sample-Rate"])
                if rate != service.sample_rate:
                    raise APIStatusError(f"The server speaks at {rate} Hz; give sample_rate={rate}.", retryable=False)
                output_emitter.initialize(
                    request_id=utils.shortuuid(), sample_rate=rate, num_channels=1, mime_type="audio/pcm"
                )
                async for piece in response.iter_bytes():
                    output_emitter.push(piece)
                output_emitter.flush()
        except Refused as error:
            raise APIStatusError(error.message, status_code=error.status_code) from error
        except OpenAIError as error:
            raise APIConnectionError(f"rtvc did not answer: {error}") from error


async def main(text: str, voice: str, output: str, url: str = URL) -> None:
    async with RTVC(voice, url) as service, service.synthesize(text) as spoken:
        try:
            frame = await spoken.collect()
        except APIError as error:
            sys.exit(error.message)
    Path(output).write_bytes(frame.to_wav_bytes())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
