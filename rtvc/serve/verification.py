"""Whether a recording that somebody sends was made by rtvc, as `rtvc verify` tells it at a shell."""

from __future__ import annotations

import io
from typing import Any

from rtvc import audio, watermark
from rtvc.errors import VoiceError
from rtvc.serve.refusals import Refusal
from rtvc.voice_cloning import MAXIMUM_ENROLLED_SECONDS


def verify(content: bytes) -> dict[str, Any]:
    """What the mark in the sound says, and what the file says of itself.

    Args:
        content: of a sound file.

    Returns:
        `marked`; `score` and `threshold`, in standard deviations, of :func:`rtvc.watermark.detect`; `comment`, the
        file's own, which anybody may have written.

    Raises:
        Refusal: it is no recording, or too long.
    """
    try:
        score = watermark.detect(audio.read(content, max_seconds=MAXIMUM_ENROLLED_SECONDS))
    except VoiceError as error:
        raise Refusal(str(error), 400, "file") from error
    return {
        "object": "audio.verification",
        "marked": score >= watermark.THRESHOLD,
        "score": round(score, 2),
        "threshold": watermark.THRESHOLD,
        "comment": audio.comment_of(io.BytesIO(content)),
    }
