"""The "voice-cloning" pipeline: text and a voice in, speech in that voice out."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from transformers import Pipeline

from . import audio
from .audio import Recording
from .errors import CheckpointError, RTVCError, TextError, VoiceError
from .processing import VoiceCloningProcessor
from .text import pause_seconds, split_sentences
from .voice import SUFFIXES, Voice
from .voice_cloning import MAXIMUM_ENROLLED_SECONDS, VoiceCloningConfig, VoiceCloningModel

TASK = "voice-cloning"
CHECKPOINT = Path(__file__).parent / "checkpoint"
PAUSE = 0.2  # seconds of silence between two sentences
RANGES = {"speed": (0.25, 4.0), "pitch": (-24.0, 24.0), "variation": (0.0, 2.0)}
AnyVoice = Voice | Recording
Line = tuple[float, torch.Tensor | None]  # seconds of silence and the ids of the sentence after it, if one follows

_lock = threading.Lock()


class VoiceCloningPipeline(Pipeline):
    """Speech in somebody's voice.

    ```python
    clone = pipeline("voice-cloning")
    out = clone("Nice to meet you.", voice="me.wav")  # {"audio": float32 (samples,), "sampling_rate": int}
    ```

    One pipeline serves several threads. Speech comes at a loudness of about −23 LUFS and never clips.
    """

    _load_processor = True
    _load_tokenizer = False
    _load_feature_extractor = False
    _load_image_processor = False

    def __call__(
        self, text: str | Iterable[str], voice: AnyVoice | list[AnyVoice] | None = None, **options: Any
    ) -> Any:
        """Say a text, or several.

        Args:
            text: one line of English or more, `[pause 0.5s]` where it shall pause; a list gives a list, another
                iterable gives an iterator.
            voice: a `Voice`, a recording (a path or `(samples, rate)`), or the path of a saved voice; a list has one
                for each text.
            speed: 1 is the voice's own tempo, 2 twice as fast (0.25 to 4).
            pitch: semitones up (−24 to 24).
            variation: 0 says a line the same way each time; about 0.5 varies it (0 to 2).
            seed: makes a call with variation repeatable.
            enhance: clean a recording given as `voice` (True), do not (False), or only if it is noisy ("auto").

        Returns:
            `{"audio": float32 (samples,), "sampling_rate": int}`, or a list of them.

        Raises:
            VoiceError, TextError: what is wrong with the voice or the text, and what to do.
        """
        if isinstance(text, str) or not isinstance(text, Iterable):
            return super().__call__(text, voice=self._one_voice(voice, options.get("enhance")), **options)
        if not isinstance(text, Sequence):
            shared = self._one_voice(voice, options.get("enhance"))
            return (self(line, voice=shared, **options) for line in text)
        voices = self._voices(voice, len(text), options.get("enhance"))
        return [self(line, voice=one, **options) for line, one in zip(text, voices, strict=True)]

    def stream(self, text: str | Iterable[str], voice: AnyVoice | None = None, **options: Any) -> Iterator[dict]:
        """Say a long text sentence by sentence; the arguments are those of a call.

        The text may also come in pieces, as a language model writes it. The chunks behind one another are what a call
        gives: the silence before a sentence is in its chunk.
        """
        _, forward_options, _ = self._sanitize_parameters(**options)
        forward_options = {**self._forward_params, **forward_options}
        voice = self._one_voice(voice, options.get("enhance"))
        lines = self._lines(text) if isinstance(text, str) else _pieces(text, self._tokens)
        generator = _generator(forward_options)
        return (self._speak(*line, voice, generator, forward_options) for line in lines)

    # -- voices and recordings

    def enroll(self, recordings: Recording | Sequence[Recording], enhance: bool | str | None = None) -> Voice:
        """A voice from one recording or several of one person; `Voice.report` says what was heard.

        Args:
            recordings: paths or `(samples, rate)`, at least 3 s of speech in all.
            enhance: clean them (True), do not (False), or only noisy ones ("auto").
        """
        enhance = self._preprocess_params.get("enhance", "auto") if enhance is None else _checked_enhance(enhance)
        recordings = recordings if isinstance(recordings, list) else [recordings]
        if not recordings:
            raise VoiceError("There is no recording to enrol; give at least one.")
        waves = [audio.read(one, max_seconds=MAXIMUM_ENROLLED_SECONDS) for one in recordings]
        names = [Path(one).name if isinstance(one, str | os.PathLike) else "" for one in recordings]
        return self.model.enroll(waves, enhance, names if all(names) else ())

    def embed(self, recording: Recording) -> np.ndarray:
        """Who speaks in a recording: float32 (256,), unit length. Half a second of speech is enough."""
        return self.model.embed(audio.read(recording, max_seconds=MAXIMUM_ENROLLED_SECONDS))

    def similarity(self, one: AnyVoice, other: AnyVoice) -> float:
        """The probability that two recordings or voices are of one person, 0 … 1."""
        embeddings = [self._embedding(some) for some in (one, other)]
        return self.model.probability(float(embeddings[0] @ embeddings[1]))

    def enhance(self, recording: Recording, progress: Callable[[int, int], None] | None = None) -> np.ndarray:
        """The recording without its noise: float32 (samples,) at 16 kHz. `progress(samples done, samples in all)`."""
        wave = audio.read(recording)
        audio.check_sound(wave)
        return self.model.enhance(wave, progress)

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Upload the model as a complete repository; returns its address. `options`: see :func:`rtvc.hub.push`."""
        push = _hub().push
        with tempfile.TemporaryDirectory() as folder:
            self.model.save_pretrained(folder)
            self.processor.save_pretrained(folder)
            return push(folder, repo_id, **options)

    def _embedding(self, voice: AnyVoice) -> np.ndarray:
        if _is_voice(voice) or _is_saved(voice):
            return self._one_voice(voice).speaker_embedding
        return self.embed(voice)

    def _one_voice(self, voice: Any, enhance: bool | str | None = None) -> Voice:
        voice = self._preprocess_params.get("voice") if voice is None else voice
        if _is_voice(voice):
            return voice
        if voice is None:
            raise VoiceError("No voice was given; pass voice=, a recording or an enrolled voice.")
        return Voice.load(voice) if _is_saved(voice) else self.enroll(voice, enhance)

    def _voices(self, voice: Any, count: int, enhance: bool | str | None) -> list[Voice]:
        """A voice for each of `count` texts; a recording that stands there several times is enrolled once."""
        if not isinstance(voice, list):
            return [self._one_voice(voice, enhance)] * count if count else []
        if len(voice) != count:
            raise VoiceError(f"There are {count} texts but {len(voice)} voices; give one for each, or one for all.")
        made: dict[int, Voice] = {}
        for one in voice:
            if id(one) not in made:
                made[id(one)] = self._one_voice(one, enhance)
        return [made[id(one)] for one in voice]

    # -- transformers' steps

    def _sanitize_parameters(self, voice: Any = None, enhance: Any = None, **options: Any) -> tuple[dict, dict, dict]:
        unknown = set(options) - {*RANGES, "seed"}
        if unknown:
            known = ", ".join(["voice", "enhance", *RANGES, "seed"])
            raise TypeError(f"voice-cloning does not know {', '.join(sorted(unknown))}; it takes {known}.")
        prepare = {} if voice is None else {"voice": voice}
        if enhance is not None:
            prepare["enhance"] = _checked_enhance(enhance)
        return prepare, {name: _checked(name, value) for name, value in options.items() if value is not None}, {}

    def preprocess(self, text: str, voice: Voice, enhance: Any = None) -> dict[str, Any]:
        """Text → its sentences. `enhance` has served its purpose when the voice was made."""
        return {"sentences": self._lines(text), "voice": self._one_voice(voice, enhance)}

    def _forward(self, inputs: dict[str, Any], **options: Any) -> dict[str, Any]:
        generator = _generator(options)
        return {"chunks": [self._speak(*line, inputs["voice"], generator, options) for line in inputs["sentences"]]}

    def postprocess(self, outputs: dict[str, Any]) -> dict[str, Any]:
        """The chunks as one."""
        speech = np.concatenate([chunk["audio"] for chunk in outputs["chunks"]])
        return {"audio": speech, "sampling_rate": self.model.config.sampling_rate}

    def _speak(
        self, silence: float, ids: torch.Tensor | None, voice: Voice, generator: torch.Generator | None, options: dict
    ) -> dict:
        rate = self.model.config.sampling_rate
        wave = np.zeros(round(silence * rate), np.float32)
        if ids is not None:
            numbers = {name: options[name] for name in RANGES if name in options}
            wave = np.concatenate([wave, self.model.synthesize(ids, voice, generator=generator, **numbers)])
        return {"audio": wave, "sampling_rate": rate}

    def _lines(self, text: str) -> list[Line]:
        if not isinstance(text, str):
            raise TextError(f"The text must be a string, not {type(text).__name__}; pass the words to say.")
        return list(_pieces([text], self._tokens))

    def _tokens(self, sentence: str) -> torch.Tensor:
        return self.processor(text=sentence)["input_ids"]


def _pieces(texts: Iterable[str], tokens: Callable[[str], torch.Tensor]) -> Iterator[Line]:
    """The sentences of a text that comes in pieces. Those of punctuation alone are passed over, unless all are.

    Raises:
        TextError: a sentence has letters or digits but none that can be spoken, or no sentence can be.
    """
    spoke, asked, refusal = False, None, None
    for sentence in _sentences(texts):
        if (pause := pause_seconds(sentence)) is not None:
            asked = (asked or 0.0) + pause
            continue
        try:
            ids = tokens(sentence)
        except ValueError as error:  # a TextError; in a published folder, of another package
            if any(character.isalnum() for character in sentence):
                raise
            refusal = error
            continue
        yield (PAUSE if spoke else 0.0) if asked is None else asked, ids
        spoke, asked = True, None
    if not spoke:
        raise refusal or TextError("The text is empty; write at least one English word.")
    if asked:
        yield asked, None


def _sentences(texts: Iterable[str]) -> Iterator[str]:
    """Whole sentences as soon as they are there; the last one of what has come waits for what follows."""
    held = ""
    for text in texts:
        if not isinstance(text, str):
            raise TextError(f"The text must be a string, not {type(text).__name__}; pass the words to say.")
        held += text
        sentences = split_sentences(held)
        if len(sentences) > 1:
            yield from sentences[:-1]
            held = sentences[-1] + (" " if held[-1].isspace() else "")
    yield from split_sentences(held)


def _is_voice(voice: Any) -> bool:
    """Whether it is a `Voice`. transformers loads a published folder's files as several packages, each with a `Voice`
    of its own, so the class does not tell.
    """
    return type(voice).__name__ == Voice.__name__


def _is_saved(voice: Any) -> bool:
    return isinstance(voice, str | os.PathLike) and Path(voice).suffix.lower() in SUFFIXES


def _checked_enhance(enhance: Any) -> bool | str:
    if enhance in (True, False, "auto"):
        return enhance
    raise RTVCError(f'enhance must be "auto", True or False, not {enhance!r}.')


def _checked(name: str, value: Any) -> float | int:
    """A call's number, within its range."""
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if name == "seed":
        if not number or value != int(value) or not 0 <= value < 2**63:
            raise RTVCError(f"seed must be a whole number from 0 on, not {value!r}.")
        return int(value)
    low, high = RANGES[name]
    if not number or not low <= value <= high:
        raise RTVCError(f"{name} must be a number from {low:g} to {high:g}, not {value!r}.")
    return float(value)


def _generator(options: dict[str, Any]) -> torch.Generator | None:
    """Seeded, or different at each call where variation is wanted without a seed, or none: the same each time."""
    generator = torch.Generator()
    if options.get("seed") is not None:
        return generator.manual_seed(options["seed"])
    if options.get("variation"):
        generator.seed()
        return generator
    return None


# ---------------------------------------------------------------------------------------------- loading


def load(model: str | os.PathLike | None = None, revision: str | None = None, **options: Any) -> VoiceCloningPipeline:
    """A pipeline from a folder of model files, or a Hub repository, without transformers' log lines.

    Args:
        model: the folder, or "user/name" on the Hub; none means the bundled model.
        revision: a branch, tag or commit of the repository.
        options: of the pipeline, such as `device`.

    Raises:
        CheckpointError: the files are missing, damaged or of another model, or cannot be downloaded.
    """
    folder = Path(model) if model is not None else CHECKPOINT
    if not folder.exists() and not folder.is_absolute() and str(model).count("/") == 1:
        folder = _hub().download(str(model), revision)
    _check_folder(folder)
    try:
        loaded = VoiceCloningModel.from_pretrained(folder).eval()
        processor = VoiceCloningProcessor.from_pretrained(folder)
    except CheckpointError:
        raise
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CheckpointError(
            f"The model “{folder.name}” cannot be loaded; check the name or get its files."
        ) from error
    return VoiceCloningPipeline(model=loaded, processor=processor, task=TASK, **options)


def _hub() -> ModuleType:
    """rtvc.hub by its full name: a relative import would make every published repository carry it."""
    try:
        return import_module("rtvc.hub")
    except ModuleNotFoundError as error:
        raise CheckpointError("Publishing and downloading need the package rtvc; install it.") from error


def _check_folder(folder: Path) -> None:
    """That a folder has the files of a voice-cloning model."""
    if not folder.is_dir():
        raise CheckpointError(f"The model folder “{folder.name}” does not exist; check its path.")
    for name in ("config.json", "model.safetensors", "processor_config.json", "tokenizer_config.json", "vocab.json"):
        if not (folder / name).is_file():
            raise CheckpointError(f"The model folder “{folder.name}” has no {name}; get its files again.")
    try:
        kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type")
    except (OSError, ValueError, AttributeError) as error:
        raise CheckpointError(f"config.json in “{folder.name}” is damaged; get the model files again.") from error
    if kind != VoiceCloningConfig.model_type:
        raise CheckpointError(f"“{folder.name}” holds another kind of model; give the folder of an rtvc model.")


@lru_cache(maxsize=1)
def _bundled() -> VoiceCloningPipeline:
    return load()


def _shared() -> VoiceCloningPipeline:
    with _lock:
        return _bundled()


def embed(recording: Recording) -> np.ndarray:
    """Who speaks in a recording: float32 (256,), unit length, by the bundled model."""
    return _shared().embed(recording)


def similarity(one: AnyVoice, other: AnyVoice) -> float:
    """The probability that two recordings or voices are of one person, 0 … 1, by the bundled model."""
    return _shared().similarity(one, other)


def enhance(recording: Recording, progress: Callable[[int, int], None] | None = None) -> np.ndarray:
    """The recording without its noise: float32 (samples,) at 16 kHz, by the bundled model."""
    return _shared().enhance(recording, progress)
