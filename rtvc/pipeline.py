"""The "voice-cloning" pipeline: text and a voice in, speech in that voice out."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from itertools import chain, islice
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from transformers import Pipeline

from . import audio
from .audio import Recording
from .errors import CheckpointError, RTVCError, TextError, VoiceError, quoted
from .model_files import WEIGHTS, read_json
from .processing import VoiceCloningProcessor
from .text import pause_seconds, split_sentences
from .voice import SUFFIXES, Voice, cosine
from .voice_cloning import MAXIMUM_ENROLLED_SECONDS, VoiceCloningConfig, VoiceCloningModel
from .watermark import PROVENANCE, Marker

TASK = "voice-cloning"
CHECKPOINT = Path(__file__).parent / "checkpoint"
PAUSE = 0.2  # seconds of silence between two sentences
ONE_EACH = "A list of voices needs a list of as many texts; give one voice, or the texts as a list."
LONGEST_TEXT = 200_000  # characters in one string, about four hours of speech; an iterator may go on for ever
RANGES = {"speed": (0.25, 4.0), "pitch": (-24.0, 24.0), "variation": (0.0, 2.0)}
AnyVoice = Voice | Recording
Line = tuple[float, torch.Tensor | None]  # seconds of silence and the ids of the sentence after it, if one follows
KEPT_VOICES = 64  # enrolled voices in memory, the newest; each has about 2 kB
BATCH = 4  # sentences that are said at once where several texts are given

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
    provenance = PROVENANCE  # what a file of its speech should say of itself

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._enrolled: OrderedDict[bytes, Voice] = OrderedDict()  # by what was heard and how
        self._enrolled_lock = threading.Lock()

    def __call__(
        self, text: str | Iterable[str], voice: AnyVoice | list[AnyVoice] | None = None, **options: Any
    ) -> Any:
        """Say a text, or several.

        Args:
            text: one line of English or more, `[pause 0.5s]` where it shall pause; a list gives a list, another
                iterable gives an iterator.
            voice: a `Voice`, a recording (a path or `(samples, rate)`), or the path of a saved voice. With a list of
                texts a list has one for each; with a single text it is recordings of one person.
            speed: 1 is the voice's own tempo, 2 twice as fast (0.25 to 4).
            pitch: semitones up (−24 to 24).
            variation: 0 says a line the same way each time; about 0.5 varies it (0 to 2).
            seed: makes a call with variation repeatable.
            enhance: clean a recording given as `voice` (True), do not (False), or only if it is noisy ("auto").
            watermark: False leaves out the inaudible mark by which `rtvc verify` knows a clone.

        Returns:
            `{"audio": float32 (samples,), "sampling_rate": int}`, or a list of them.

        Raises:
            VoiceError, TextError: what is wrong with the voice or the text, and what to do.
        """
        if isinstance(text, str) or not isinstance(text, Iterable):
            return super().__call__(text, voice=self._one_voice(voice, options.get("enhance")), **options)
        if not isinstance(text, Sequence):
            if isinstance(voice, list):
                raise VoiceError(ONE_EACH)
            shared = self._one_voice(voice, options.get("enhance"))
            return (self(line, voice=shared, **options) for line in text)
        options = self._merged(options)
        voices = self._voices(voice, len(text), options.pop("enhance", None))
        return self._speak_together([self._lines(one) for one in text], voices, options)

    def stream(self, text: str | Iterable[str], voice: AnyVoice | None = None, **options: Any) -> Iterator[dict]:
        """Say a text piece by piece: the first is heard while the rest is being made. The arguments are a call's.

        The text may also come in pieces, as a language model writes it, which are joined as they are: words need their
        spaces. A sentence is begun when the next one begins or the text ends. Who stops early, stops the work.

        Returns:
            chunks `{"audio", "sampling_rate", "sentence"}`; behind one another they are what a call gives. `sentence`
            counts from 0; the silence before a sentence is in its first chunk.
        """
        options = self._merged(options)
        voice = self._one_voice(voice, options.pop("enhance", None))
        if not isinstance(text, str):
            return self._chunks(_pieces(text, self._tokens), voice, options)
        _check_length(text)
        lines = _pieces([text], self._tokens)
        return self._chunks(chain([next(lines)], lines), voice, options)  # a text without words is refused at once

    # -- voices and recordings

    def enroll(self, recordings: Recording | Sequence[Recording], enhance: bool | str | None = None) -> Voice:
        """A voice from one recording or several of one person; `Voice.report` says what was heard.

        The newest are kept in memory: what has been heard before, under whatever name, is not worked out again.

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
        names = tuple(names) if all(names) else ()
        key = _digest(waves, enhance)
        with self._enrolled_lock:
            voice = self._enrolled.get(key)
        voice = voice or self.model.enroll(waves, enhance, names)
        with self._enrolled_lock:
            self._enrolled[key] = voice
            self._enrolled.move_to_end(key)
            while len(self._enrolled) > KEPT_VOICES:
                self._enrolled.popitem(last=False)
        return replace(voice, report=replace(voice.report, files=names))

    def embed(self, recording: Recording) -> np.ndarray:
        """Who speaks in a recording: float32 (256,), unit length. Half a second of speech is enough."""
        return self.model.embed(audio.read(recording, max_seconds=MAXIMUM_ENROLLED_SECONDS))

    def similarity(self, one: AnyVoice, other: AnyVoice) -> float:
        """The probability that two recordings or voices are of one person, 0 … 1; near ½ where too little is said."""
        embeddings, seconds = zip(*(self._heard(some) for some in (one, other)), strict=True)
        return self.model.probability(cosine(*embeddings), seconds)

    def enhance(self, recording: Recording, progress: Callable[[int, int], None] | None = None) -> np.ndarray:
        """The recording without its noise: float32 (samples,) at 16 kHz. `progress(samples done, samples in all)`."""
        wave = audio.read(recording)
        audio.check_sound(wave)
        return self.model.enhance(wave, progress)

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Upload the model as a complete repository; returns its address. `options`: see :func:`rtvc.hub.push`."""
        return _hub().push_model(self.model, self.processor, repo_id, **options)

    def _heard(self, voice: AnyVoice) -> tuple[np.ndarray, float]:
        """Its speaker embedding, and the seconds of speech behind it: three at least where no report says."""
        if _is_voice(voice) or _is_saved(voice):
            voice = self._one_voice(voice)
            seconds = voice.report.used_seconds if voice.report else audio.MINIMUM_VOICED_SECONDS
            return voice.speaker_embedding, seconds
        wave = audio.read(voice, max_seconds=MAXIMUM_ENROLLED_SECONDS)
        return self.model.embed(wave), audio.voiced_seconds(wave)

    def _one_voice(self, voice: Any, enhance: bool | str | None = None) -> Voice:
        voice = self._preprocess_params.get("voice") if voice is None else voice
        if _is_voice(voice):
            return voice
        if voice is None:
            raise VoiceError("No voice was given; pass voice=, a recording or an enrolled voice.")
        if isinstance(voice, list) and any(map(_is_voice, voice)):
            raise VoiceError(ONE_EACH)
        return Voice.load(voice) if _is_saved(voice) else self.enroll(voice, enhance)

    def _voices(self, voice: Any, count: int, enhance: bool | str | None) -> list[Voice]:
        """A voice for each of `count` texts."""
        if not isinstance(voice, list):
            return [self._one_voice(voice, enhance)] * count if count else []
        if len(voice) != count:
            raise VoiceError(f"There are {count} texts but {len(voice)} voices; give one for each, or one for all.")
        return [self._one_voice(one, enhance) for one in voice]

    # -- transformers' steps

    def _sanitize_parameters(self, voice: Any = None, enhance: Any = None, **options: Any) -> tuple[dict, dict, dict]:
        unknown = set(options) - {*RANGES, "seed", "watermark"}
        if unknown:
            known = ", ".join(["voice", "enhance", *RANGES, "seed", "watermark"])
            raise TypeError(f"voice-cloning does not know {', '.join(sorted(unknown))}; it takes {known}.")
        prepare = {} if voice is None else {"voice": voice}
        if enhance is not None:
            prepare["enhance"] = _checked_enhance(enhance)
        return prepare, {name: _checked(name, value) for name, value in options.items() if value is not None}, {}

    def preprocess(self, text: str, voice: Voice, enhance: Any = None) -> dict[str, Any]:
        """Text → its sentences. `enhance` has served its purpose when the voice was made."""
        return {"sentences": self._lines(text), "voice": self._one_voice(voice, enhance)}

    def _merged(self, options: dict[str, Any]) -> dict[str, Any]:
        """A call's options, checked, over those the pipeline was made with."""
        prepare, forward, _ = self._sanitize_parameters(**options)
        return {**self._forward_params, **prepare, **forward}

    def _forward(self, inputs: dict[str, Any], **options: Any) -> dict[str, Any]:
        numbers, rate = _numbers(options), self.model.config.sampling_rate
        pieces = []
        for (silence, ids), generator in zip(inputs["sentences"], _generators(options), strict=False):
            pieces.append(_silent(silence, rate))
            if ids is not None:
                pieces.append(self.model.synthesize(ids, inputs["voice"], generator, **numbers))
        return {"chunks": self._marked(pieces, options)}

    def postprocess(self, outputs: dict[str, Any]) -> dict[str, Any]:
        """The chunks as one."""
        speech = np.concatenate([chunk["audio"] for chunk in outputs["chunks"]])
        return {"audio": speech, "sampling_rate": self.model.config.sampling_rate}

    def _speak_together(self, texts: list[list[Line]], voices: list[Voice], options: dict) -> list[dict[str, Any]]:
        """Texts as their sentences, said in batches of about equal length."""
        numbers, rate = _numbers(options), self.model.config.sampling_rate
        said = [[_silent(silence, rate) for silence, _ in lines] for lines in texts]
        jobs = [
            (ids, voice, generator, pieces, place)
            for lines, voice, pieces in zip(texts, voices, said, strict=True)
            for place, ((_, ids), generator) in enumerate(zip(lines, _generators(options), strict=False))
            if ids is not None
        ]
        jobs.sort(key=lambda job: job[0].numel())
        for start in range(0, len(jobs), BATCH):
            ids, some, generators, pieces, places = zip(*jobs[start : start + BATCH], strict=True)
            waves = self.model.synthesize_batch(ids, some, generators, **numbers)
            for wave, mine, place in zip(waves, pieces, places, strict=True):
                mine[place] = np.concatenate([mine[place], wave])
        return [self.postprocess({"chunks": self._marked(pieces, options)}) for pieces in said]

    def _marker(self, options: dict) -> Callable[[np.ndarray], np.ndarray]:
        """What writes the watermark into the pieces of one text, in turn."""
        return Marker(self.model.config.sampling_rate) if options.get("watermark", True) else lambda wave: wave

    def _marked(self, pieces: list[np.ndarray], options: dict) -> list[dict[str, np.ndarray]]:
        marker = self._marker(options)
        return [{"audio": marker(piece)} for piece in pieces]

    def _chunks(self, lines: Iterable[Line], voice: Voice, options: dict) -> Iterator[dict[str, Any]]:
        """The lines as they are said, each piece as soon as it is made."""
        numbers, rate, marker = _numbers(options), self.model.config.sampling_rate, self._marker(options)
        for place, ((silence, ids), generator) in enumerate(zip(lines, _generators(options), strict=False)):
            said = iter(()) if ids is None else self.model.stream(ids, voice, generator, **numbers)
            first = np.concatenate([_silent(silence, rate), *islice(said, 1)])
            for piece in chain([first], said):
                yield {"audio": marker(piece), "sampling_rate": rate, "sentence": place}

    def _lines(self, text: str) -> list[Line]:
        if not isinstance(text, str):
            raise TextError(f"The text must be a string, not {type(text).__name__}; pass the words to say.")
        _check_length(text)
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
        last = sentences[-1] + held[len(held.rstrip()) :] if sentences else ""
        if len(sentences) > 1 and any(character.isspace() for character in last):  # half a word tells nothing yet
            yield from sentences[:-1]
            held = last
    yield from split_sentences(held)


def _is_voice(voice: Any) -> bool:
    """Whether it is a `Voice`. transformers loads a published folder's files as several packages, each with a `Voice`
    of its own, so the class does not tell.
    """
    return type(voice).__name__ == Voice.__name__


def _check_length(text: str) -> None:
    if len(text) > LONGEST_TEXT:
        raise TextError(f"The text has {len(text):,} characters, more than {LONGEST_TEXT:,}; speak it in parts.")


def _digest(waves: list[np.ndarray], enhance: bool | str) -> bytes:
    """What enrolment depends on: SHA-256 of the sound, wherever it came from, and of what shall be done with it."""
    digest = hashlib.sha256(str(enhance).encode())
    for wave in waves:
        digest.update(wave.size.to_bytes(8, "little"))
        digest.update(np.ascontiguousarray(wave))
    return digest.digest()


def _silent(seconds: float, rate: int) -> np.ndarray:
    return np.zeros(round(seconds * rate), np.float32)


def _numbers(options: dict[str, Any]) -> dict[str, float]:
    return {name: options[name] for name in RANGES if name in options}


def _is_saved(voice: Any) -> bool:
    return isinstance(voice, str | os.PathLike) and Path(voice).suffix.lower() in SUFFIXES


def _checked_enhance(enhance: Any) -> bool | str:
    if enhance in (True, False, "auto"):
        return enhance if isinstance(enhance, str) else bool(enhance)  # numpy's truth too
    raise RTVCError(f'enhance must be "auto", True or False, not {enhance!r}.')


def _checked(name: str, value: Any) -> float | int:
    """A call's number, within its range."""
    if name == "watermark":
        if not isinstance(value, bool):
            raise RTVCError(f"watermark must be True or False, not {value!r}.")
        return value
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if name == "seed":
        if not number or not 0 <= value < 2**63 or value != int(value):  # in this order: NaN has no int
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


def _generators(options: dict[str, Any]) -> Iterator[torch.Generator | None]:
    """One for each sentence of a text in turn, so that it matters not in which order, or how many at once, are said."""
    seeds = _generator(options)
    while True:
        seed = None if seeds is None else int(torch.randint(2**62, (), generator=seeds))
        yield None if seed is None else torch.Generator().manual_seed(seed)


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
    folder = model_folder(model, revision)
    _check_folder(folder)
    try:
        loaded = VoiceCloningModel.from_pretrained(folder).eval()
        processor = VoiceCloningProcessor.from_pretrained(folder)
    except CheckpointError:
        raise
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CheckpointError(
            f"The model {quoted(folder.name)} cannot be loaded; check the name or get its files."
        ) from error
    ids, size = processor.tokenizer.get_vocab().values(), loaded.config.rtvc7_config.vocab_size
    if not all(isinstance(index, int) and 0 <= index < size for index in ids):
        raise CheckpointError(f"vocab.json in {quoted(folder.name)} is of another model; get matching model files.")
    return VoiceCloningPipeline(model=loaded, processor=processor, task=TASK, **options)


def model_folder(model: str | os.PathLike | None = None, revision: str | None = None) -> Path:
    """Where a model's files lie, downloaded if they are on the Hub; the arguments are those of :func:`load`."""
    folder = Path(model) if model is not None else CHECKPOINT
    if not folder.exists() and not folder.is_absolute() and str(model).count("/") == 1:
        folder = _hub().download(str(model), revision)
    return folder


def _hub() -> ModuleType:
    """rtvc.hub by its full name: a relative import would make every published repository carry it."""
    try:
        return import_module("rtvc.hub")
    except ModuleNotFoundError as error:
        raise CheckpointError("Publishing and downloading need the package rtvc; install it.") from error


def _check_folder(folder: Path) -> None:
    """That a folder has the files of a voice-cloning model."""
    if folder.is_file():
        raise CheckpointError(f"{quoted(folder.name)} is a file; give the folder of an rtvc model that it lies in.")
    if not folder.is_dir():
        raise CheckpointError(f"The model folder {quoted(folder.name)} does not exist; check its path.")
    for name in ("config.json", WEIGHTS, "processor_config.json", "tokenizer_config.json", "vocab.json"):
        if not (folder / name).is_file():
            raise CheckpointError(f"The model folder {quoted(folder.name)} has no {name}; get its files again.")
    for name in ("processor_config.json", "tokenizer_config.json", "vocab.json"):
        read_json(folder / name)
    kind = read_json(folder / "config.json").get("model_type")
    if kind != VoiceCloningConfig.model_type:
        raise CheckpointError(f"{quoted(folder.name)} holds another kind of model; give the folder of an rtvc model.")


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
