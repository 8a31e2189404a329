"""The handler of Hugging Face's Inference Endpoints; the service looks for this file in the model's repository.

A request is JSON: `{"inputs": "What to say.", "parameters": {"voice": …, "speed": 1.1, "format": "flac"}}`. The voice
is the name of one in the repository's folder `voices`, or a recording or saved voice in base64. The answer is
`{"audio": base64, "sampling_rate": Hz, "format": "flac"}`; what is refused comes as one sentence.
"""

import base64
import binascii
import io
import tempfile
from pathlib import Path
from typing import Any

import soundfile
import torch
from transformers import pipeline

FORMATS = ("wav", "flac", "ogg")
MAXIMUM_BYTES = 50 << 20  # of a voice


class EndpointHandler:
    """Loaded once, called once a request."""

    def __init__(self, path: str = "") -> None:
        device = 0 if torch.cuda.is_available() else -1
        self.clone: Any = pipeline(  # type: ignore[call-overload]  # the task is ours
            "voice-cloning", model=path, trust_remote_code=True, device=device
        )
        folder = Path(path) / "voices"
        self.voices = {file.stem: str(file) for file in sorted(folder.glob("*.voice"))}

    def __call__(self, data: dict[str, Any]) -> dict[str, Any]:
        """Answer a request, see above.

        Raises:
            ValueError: what is wrong with the request, as one sentence; the service answers 400 with it.
        """
        words, options = data.get("inputs", ""), data.get("parameters") or {}
        if not isinstance(words, str) or not isinstance(options, dict):
            raise ValueError("“inputs” must be what to say, a string, and “parameters” an object of options.")
        options = dict(options)
        if "watermark" in options:
            raise ValueError("The mark in the speech cannot be left out here; leave “watermark” away.")
        if not isinstance(options.get("lexicon", {}), dict):  # a path would be one of this machine
            raise ValueError("“lexicon” must be an object of words and how they are said, {“Nguyen”: “win”}.")
        kind = options.pop("format", "wav")
        if kind not in FORMATS:
            raise ValueError(f"The format must be one of {', '.join(FORMATS)}, not {kind!r}.")
        with tempfile.TemporaryDirectory() as folder:
            voice = self._voice(options.pop("voice", None), Path(folder))
            try:
                speech = self.clone(words, voice=voice, **options)
            except TypeError as error:  # an option that the pipeline does not know
                raise ValueError(str(error)) from error
        file = io.BytesIO()
        with soundfile.SoundFile(file, "w", speech["sampling_rate"], 1, format=kind) as sound:
            sound.comment = self.clone.provenance
            sound.write(speech["audio"])
        audio = base64.b64encode(file.getvalue()).decode()
        return {"audio": audio, "sampling_rate": speech["sampling_rate"], "format": kind}

    def _voice(self, voice: Any, folder: Path) -> str:
        """The path of a voice that is given by name or by its content."""
        if isinstance(voice, str) and voice in self.voices:
            return self.voices[voice]
        known = ", ".join(self.voices) or "none here"
        try:
            content = base64.b64decode(voice, validate=True)
        except (TypeError, ValueError, binascii.Error) as error:
            raise ValueError(f"The voice must be a recording in base64, or the name of one of: {known}.") from error
        if len(content) > MAXIMUM_BYTES:
            raise ValueError(f"The voice is larger than {MAXIMUM_BYTES >> 20} MB; send about five seconds of speech.")
        path = folder / "voice"
        path.write_bytes(content)
        return str(path)
