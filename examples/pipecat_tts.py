"""Pipecat speaks through `rtvc serve`: python examples/pipecat_tts.py "Hello there." VOICE OUTPUT.wav [URL]

In a pipeline `RTVCTTSService(voice="anna")` stands where any of Pipecat's own services does. It needs Pipecat alone
(`pip install pipecat-ai`) and may run on another machine than the server; URL is http://127.0.0.1:8000/v1 without it,
and a key of the server is read from RTVC_API_KEY.
"""

from __future__ import annotations

import asyncio
import os
import sys
import wave
from collections.abc import AsyncGenerator

from openai import APIError, AsyncOpenAI
from pipecat.frames.frames import EndFrame, ErrorFrame, Frame, TTSAudioRawFrame, TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService
from pipecat.workers.runner import WorkerRunner

URL = "http://127.0.0.1:8000/v1"


class RTVCTTSService(TTSService):
    """Text to speech by `rtvc serve`.

    Args:
        voice: one of the server's, or a mix.
        url: of the server, with /v1.
        options: of Pipecat's TTSService, such as `sample_rate`.
    """

    def __init__(self, voice: str, url: str = URL, **options) -> None:
        settings = TTSSettings(model="rtvc", voice=voice, language=None)
        super().__init__(push_start_frame=True, push_stop_frames=True, settings=settings, **options)
        self._client = AsyncOpenAI(base_url=url, api_key=os.environ.get("RTVC_API_KEY", "none"))

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame, None]:
        """The sound of a text, in frames, while it is made; what is refused is an ErrorFrame."""
        asked = {"model": "rtvc", "voice": self._settings.voice, "input": text, "response_format": "pcm"}
        try:
            async with self._client.audio.speech.with_streaming_response.create(**asked) as response:
                await self.start_tts_usage_metrics(text)
                rate, sound = int(response.headers["X-Sample-Rate"]), response.iter_bytes()
                async for frame in self._stream_audio_frames_from_iterator(
                    sound, in_sample_rate=rate, context_id=context_id
                ):
                    await self.stop_ttfb_metrics()
                    yield frame
        except APIError as error:
            yield ErrorFrame(error=f"rtvc did not speak: {error.message}")


class Recorder(FrameProcessor):
    """Keeps what is spoken; in an application a transport stands here."""

    def __init__(self) -> None:
        super().__init__()
        self.sound, self.rate = b"", 0

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass every frame on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSAudioRawFrame):
            self.sound, self.rate = self.sound + frame.audio, frame.sample_rate
        await self.push_frame(frame, direction)


async def main(text: str, voice: str, output: str, url: str = URL) -> None:
    recorder = Recorder()
    worker = PipelineWorker(Pipeline([RTVCTTSService(voice, url), recorder]))
    await worker.queue_frames([TTSSpeakFrame(text), EndFrame()])
    await WorkerRunner(handle_sigint=False).run(worker)
    if not recorder.sound:
        sys.exit("Nothing was spoken; what is wrong stands above.")
    with wave.open(output, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(recorder.rate)
        file.writeframes(recorder.sound)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
