"""The "voice-cloning" pipeline: text and a voice in, speech in that voice out."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from itertools import chain, islice
from pathlib import Path
from types import ModuleType
from typing import Any, TypedDict, overload

import numpy as np
import torch
from transformers import Pipeline
from transformers.dynamic_module_utils import custom_object_save

from . import audio, samples
from .audio import Recording
from .errors import CheckpointError, TextError, VoiceError, quoted
from .options import OPTIONS, RANGES, checked, checked_enhance, checked_size
from .text import as_written, breaths, pause_seconds, split_sentences
from .voice import Voice, cosine, is_saved
from .voice_cloning import MAXIMUM_ENROLLED_SECONDS, VoiceCloningModel
from .watermark import PROVENANCE, Marker

PAUSE_BETWEEN_SENTENCES = 0.3  # seconds of silence; 0.4 with what stands at the edges of sentences, as people pause
ONE_EACH = "A list of voices needs a list of as many texts; give one voice, or the texts as a list."
LONGEST_TEXT = 200_000  # characters in one string, about four hours of speech; an iterator may go on for ever
AnyVoice = Voice | Recording
AnyText = str | Mapping[str, Any]  # words, or {"text": words, "voice": whose}
Tokenised = tuple[float, torch.Tensor | None]  # seconds of silence, and the ids of the sentence after it if one follows
KEPT_VOICES = 64  # enrolled voices in memory, the newest; each has about 2 kB
SENTENCES_AT_ONCE = 4  # where several texts are given


class Speech(TypedDict):
    """What a call gives: audio float32 (samples,), its sampling rate in Hz."""

    audio: np.ndarray
    sampling_rate: int


class SpeechChunk(Speech):
    """What a stream gives: speech, and the number of the sentence that it is of, from 0."""

    sentence: int


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
    model: VoiceCloningModel
    processor: Any
    provenance = PROVENANCE  # what a file of its speech should say of itself

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._enrolled: OrderedDict[bytes, Voice] = OrderedDict()  # by what was heard and how
        self._enrolled_lock = threading.Lock()

    @overload
    def __call__(self, text: AnyText, voice: AnyVoice | list[AnyVoice] | None = None, **options: Any) -> Speech: ...

    @overload
    def __call__(
        self, text: Sequence[AnyText], voice: AnyVoice | list[AnyVoice] | None = None, **options: Any
    ) -> list[Speech]: ...

    @overload
    def __call__(self, text: Iterable[AnyText], voice: AnyVoice | None = None, **options: Any) -> Iterator[Speech]: ...

    def __call__(self, text: Any, voice: Any = None, **options: Any) -> Any:
        """Say a text, or several.

        Args:
            text: one line of English or more, `[pause 0.5s]` where it shall pause, or `{"text": …, "voice": …}`; a list
                of them gives a list, another iterable or a dataset an iterator.
            voice: a `Voice`, a recording (a path or `(samples, rate)`), or the path of a saved voice. With a list of
                texts a list has one for each; with a single text it is recordings of one person.
            speed: 1 is the voice's own tempo, 2 twice as fast (0.25 to 4).
            pitch: semitones up (−12 to 12).
            variation: 0 says a line the same way each time; about 0.5 varies it (0 to 1).
            seed: makes a call with variation repeatable.
            enhance: clean a recording given as `voice` (True), do not (False), or only if it is noisy ("auto").
            watermark: False leaves out the inaudible mark by which `rtvc verify` knows a clone.
            batch_size: how many sentences of several texts are said at once.

        Returns:
            `{"audio": float32 (samples,), "sampling_rate": int}`, or a list of them.

        Raises:
            VoiceError, TextError: what is wrong with the voice or the text, and what to do.
        """
        if isinstance(text, Mapping):
            text, own = _from_row(text)
            voice = voice if own is None else own
        options.pop("num_workers", None)  # of transformers' loaders of data; here is nothing to be fetched
        size = checked_size(options.pop("batch_size", self._batch_size))
        if isinstance(text, str) or not _is_several(text):
            return super().__call__(text, voice=self._one_voice(voice, options.get("enhance")), **options)
        if not isinstance(text, Sequence):
            if isinstance(voice, list):
                raise VoiceError(ONE_EACH)
            return self._as_they_come(text, voice, size or 1, options)
        options = self._merged(options)
        rows = [_from_row(row) for row in text]
        voices = self._voices(voice, [own for _, own in rows], options.pop("enhance", None))
        said = self._speak([self._lines(words) for words, _ in rows], voices, options, size or SENTENCES_AT_ONCE)
        return [self.postprocess({"chunks": self._mark(pieces, options)}) for pieces in said]

    def _as_they_come(self, texts: Iterable[AnyText], voice: Any, size: int, options: dict) -> Iterator[Speech]:
        """Texts of an iterable, so many at a time. A voice for all of them is made, and what is wrong said, at once."""
        shared = None if voice is None else self._one_voice(voice, options.get("enhance"))
        self._sanitize_parameters(**options)
        each = iter(texts) if isinstance(texts, Iterable) else (texts[place] for place in range(len(texts)))
        groups = iter(lambda: list(islice(each, size)), [])
        return chain.from_iterable(self(group, voice=shared, batch_size=size, **options) for group in groups)

    def stream(
        self, text: AnyText | Iterable[str], voice: AnyVoice | None = None, **options: Any
    ) -> Iterator[SpeechChunk]:
        """Say a text piece by piece: the first is heard while the rest is being made. The arguments are a call's.

        The text may also come in pieces, as a language model writes it, which are joined as they are: words need their
        spaces. A sentence is begun when the next one begins or the text ends. Who stops early, stops the work.

        Returns:
            chunks `{"audio", "sampling_rate", "sentence"}`; behind one another they are what a call gives. `sentence`
            counts from 0; the silence before a sentence is in its first chunk.
        """
        if isinstance(text, Mapping):
            text, own = _from_row(text)
            voice = voice if own is None else own
        options = self._merged(options)
        voice = self._one_voice(voice, options.pop("enhance", None))
        if not isinstance(text, str):
            return self._speak_in_pieces(_tokenise(sentences_as_they_come(text), self._tokens), voice, options)
        _check_length(text)
        lines = _tokenise(sentences_as_they_come([text]), self._tokens)
        first = next(lines)  # a text without words is refused at once
        return self._speak_in_pieces(chain([first], lines), voice, options)

    # -- voices and recordings

    def enroll(self, recordings: Recording | Sequence[Recording], enhance: bool | str | None = None) -> Voice:
        """A voice from one recording or several of one person; `Voice.report` says what was heard.

        The newest are kept in memory: what has been heard before, under whatever name, is not worked out again.

        Args:
            recordings: paths or `(samples, rate)`, at least 3 s of speech in all.
            enhance: clean them (True), do not (False), or only noisy ones ("auto").
        """
        enhance = self._preprocess_params.get("enhance", "auto") if enhance is None else checked_enhance(enhance)
        recordings = samples.several(recordings)
        if not recordings:
            raise VoiceError("There is no recording to enrol; give at least one.")
        if saved := [one for one in recordings if is_saved(one)]:
            raise VoiceError(f"{quoted(Path(saved[0]).name)} is a saved voice; pass it alone, as voice=.")
        heard = [audio.heard(one, max_seconds=MAXIMUM_ENROLLED_SECONDS) for one in recordings]
        waves, others = [wave for wave, _ in heard], any(other for _, other in heard)
        names = [Path(one).name if isinstance(one, str | os.PathLike) else "" for one in recordings]
        names = tuple(names) if all(names) else ()
        key = _digest(self.model, waves, enhance)
        with self._enrolled_lock:
            voice = self._enrolled.get(key)
        voice = voice or self.model.enroll(waves, enhance, names)
        with self._enrolled_lock:
            self._enrolled[key] = voice
            self._enrolled.move_to_end(key)
            while len(self._enrolled) > KEPT_VOICES:
                self._enrolled.popitem(last=False)
        several = voice.report.several_voices or others
        return replace(voice, report=replace(voice.report, files=names, several_voices=several))

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

    def save_pretrained(self, save_directory: str | os.PathLike, **options: Any) -> None:
        """Write model and processor to a folder that `rtvc.load` and `pipeline("voice-cloning", model=folder)` accept.

        Args:
            save_directory: the folder, made if it is missing.
            options: of the model's `save_pretrained`.
        """
        if Path(save_directory).is_file():
            raise CheckpointError(f"{quoted(Path(save_directory).name)} is a file; choose a folder for the model.")
        self.model.save_pretrained(save_directory, **options)
        self.processor.save_pretrained(save_directory)
        if getattr(self.model.config, "custom_pipelines", None):  # it came with its code, which goes along
            custom_object_save(self, save_directory)

    def __getstate__(self) -> dict[str, Any]:
        """For copies, pickles and other processes: each keeps voices of its own, under a lock of its own."""
        with self._enrolled_lock:
            return vars(self) | {"_enrolled": self._enrolled.copy(), "_enrolled_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _enrolled_lock=threading.Lock())

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Upload the model as a complete repository; returns its address. `options`: see :func:`rtvc.hub.push`."""
        return _publishing().push_model(self.model, self.processor, repo_id, **options)

    def _heard(self, voice: AnyVoice) -> tuple[np.ndarray, float]:
        """Its speaker embedding, and the seconds of speech behind it: three at least where no report says."""
        if _is_voice(voice) or is_saved(voice):
            voice = self._one_voice(voice)
            seconds = voice.report.used_seconds if voice.report else audio.MINIMUM_VOICED_SECONDS
            return voice.speaker_embedding, seconds
        wave = audio.read(voice, max_seconds=MAXIMUM_ENROLLED_SECONDS)
        return self.model.embed(wave), audio.voiced_seconds(wave)

    def _one_voice(self, voice: Any, enhance: bool | str | None = None) -> Voice:
        voice = self._preprocess_params.get("voice") if voice is None else voice
        voice = samples.several(voice) if isinstance(voice, tuple) else voice
        if _is_voice(voice):
            return voice
        if voice is None:
            raise VoiceError("No voice was given; pass voice=, a recording or an enrolled voice.")
        if isinstance(voice, list) and any(map(_is_voice, voice)):
            raise VoiceError(ONE_EACH)
        return Voice.load(voice) if is_saved(voice) else self.enroll(voice, enhance)

    def _voices(self, voice: Any, own: list[Any], enhance: bool | str | None) -> list[Voice]:
        """A voice for each text: its `own`, or else what was given for it or for all."""
        if isinstance(voice, tuple) and len(several := samples.several(voice)) > 1:
            voice = several
        if not isinstance(voice, list):
            shared = self._one_voice(voice, enhance) if any(mine is None for mine in own) else None
            voice = [shared] * len(own)
        if len(voice) != len(own):
            raise VoiceError(f"There are {len(own)} texts but {len(voice)} voices; give one for each, or one for all.")
        return [self._one_voice(one if mine is None else mine, enhance) for one, mine in zip(voice, own, strict=True)]

    # -- transformers' steps

    def _sanitize_parameters(self, voice: Any = None, enhance: Any = None, **options: Any) -> tuple[dict, dict, dict]:
        unknown = set(options) - OPTIONS
        if unknown:
            known = ", ".join(["voice", "enhance", *RANGES, "seed", "watermark"])
            raise TypeError(f"voice-cloning does not know {', '.join(sorted(unknown))}; it takes {known}.")
        prepare = {} if voice is None else {"voice": voice}
        if enhance is not None:
            prepare["enhance"] = checked_enhance(enhance)
        return prepare, {name: checked(name, value) for name, value in options.items() if value is not None}, {}

    def preprocess(self, text: str, voice: Voice, enhance: Any = None) -> dict[str, Any]:
        """Text → its sentences. `enhance` has served its purpose when the voice was made."""
        return {"sentences": self._lines(text), "voice": self._one_voice(voice, enhance)}

    def _merged(self, options: dict[str, Any]) -> dict[str, Any]:
        """A call's options, checked, over those the pipeline was made with."""
        prepare, forward, _ = self._sanitize_parameters(**options)
        return {**self._forward_params, **prepare, **forward}

    def _forward(self, inputs: dict[str, Any], **options: Any) -> dict[str, Any]:
        (pieces,) = self._speak([inputs["sentences"]], [inputs["voice"]], options, 1)
        return {"chunks": self._mark(pieces, options)}

    def postprocess(self, outputs: dict[str, Any]) -> Speech:
        """The chunks as one."""
        speech = np.concatenate([chunk["audio"] for chunk in outputs["chunks"]])
        return {"audio": speech, "sampling_rate": self.model.config.sampling_rate}

    # -- from text to sound: split → tokenise → speak → mark

    def _lines(self, text: str) -> list[Tokenised]:
        """A text, split and tokenised."""
        if not isinstance(text, str):
            raise TextError(f"The text must be a string, not {type(text).__name__}; pass the words to say.")
        _check_length(text)
        return list(_tokenise(sentences_as_they_come([text]), self._tokens))

    def _speak(
        self, texts: list[list[Tokenised]], voices: list[Voice], options: dict[str, Any], size: int
    ) -> list[list[np.ndarray]]:
        """The sound of each text's lines, said in batches of so many of about equal length."""
        numbers, rate = _numbers(options), self.model.config.sampling_rate
        said = [[_silent(silence, rate) for silence, _ in lines] for lines in texts]
        jobs = [
            (ids, voice, generator, pieces, place)
            for lines, voice, pieces in zip(texts, voices, said, strict=True)
            for place, ((_, ids), generator) in enumerate(zip(lines, _generators(options), strict=False))
            if ids is not None
        ]
        jobs.sort(key=lambda job: job[0].numel())
        for start in range(0, len(jobs), size):
            ids, some, generators, pieces, places = zip(*jobs[start : start + size], strict=True)
            waves = self.model.synthesize_batch(ids, some, generators, **numbers)
            for wave, mine, place in zip(waves, pieces, places, strict=True):
                mine[place] = np.concatenate([mine[place], wave])
        return said

    def _speak_in_pieces(
        self, lines: Iterable[Tokenised], voice: Voice, options: dict[str, Any]
    ) -> Iterator[SpeechChunk]:
        """The lines, said and marked: each piece as soon as it is made."""
        numbers, rate, marker = _numbers(options), self.model.config.sampling_rate, self._marker(options)
        for place, ((silence, ids), generator) in enumerate(zip(lines, _generators(options), strict=False)):
            said = iter(()) if ids is None else self.model.stream(ids, voice, generator, **numbers)
            first = np.concatenate([_silent(silence, rate), *islice(said, 1)])
            for piece in chain([first], said):
                yield {"audio": marker(piece), "sampling_rate": rate, "sentence": place}

    def _mark(self, pieces: list[np.ndarray], options: dict[str, Any]) -> list[dict[str, np.ndarray]]:
        marker = self._marker(options)
        return [{"audio": marker(piece)} for piece in pieces]

    def _marker(self, options: dict[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
        """What writes the watermark into the pieces of one text, in turn."""
        return Marker(self.model.config.sampling_rate) if options.get("watermark", True) else lambda wave: wave

    def _tokens(self, sentence: str) -> torch.Tensor:
        return self.processor(text=sentence)["input_ids"]


def sentences_as_they_come(texts: Iterable[str]) -> Iterator[str]:
    """The sentences of a text that comes in pieces, whole, as soon as they are there: the last one waits for more."""
    held = ""
    for text in texts:
        if not isinstance(text, str):
            raise TextError(f"The text must be a string, not {type(text).__name__}; pass the words to say.")
        held += text
        *sentences, last = as_written(held) or [""]
        if sentences and len(last.split()) > 1:  # two words tell whether the sentence before them has ended
            yield from chain.from_iterable(map(breaths, sentences))
            held = last
    yield from split_sentences(held)


def _tokenise(sentences: Iterable[str], tokens: Callable[[str], torch.Tensor]) -> Iterator[Tokenised]:
    """What is to be said of sentences. Those of punctuation alone are passed over, unless all are.

    Raises:
        TextError: a sentence has letters or digits but none that can be spoken, or no sentence can be.
    """
    spoke, asked, refusal = False, None, None
    for sentence in sentences:
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
        yield (PAUSE_BETWEEN_SENTENCES if spoke else 0.0) if asked is None else asked, ids
        spoke, asked = True, None
    if not spoke:
        raise refusal or TextError("The text is empty; write at least one English word.")
    if asked:
        yield asked, None


def _is_voice(voice: Any) -> bool:
    """Whether it is a `Voice`. transformers loads a published folder's files as several packages, each with a `Voice`
    of its own, so the class does not tell.
    """
    return type(voice).__name__ == Voice.__name__


def _check_length(text: str) -> None:
    if len(text) > LONGEST_TEXT:
        raise TextError(f"The text has {len(text):,} characters, more than {LONGEST_TEXT:,}; speak it in parts.")


def _from_row(row: Any) -> tuple[Any, Any]:
    """The words and, if it has one of its own, the voice of a row: of a text, or a mapping as data sets have them."""
    if not isinstance(row, Mapping):
        return row, None
    if "text" not in row:
        raise TextError("A row needs a “text”: what to say; “voice” may be beside it.")
    if misplaced := sorted(OPTIONS & set(row)):
        raise TextError(f"A row holds “text” and “voice”; pass {', '.join(misplaced)} to the call, for all rows.")
    return row["text"], row.get("voice")


def _is_several(texts: Any) -> bool:
    """Whether it holds texts: an iterable, or what is read by number, as data sets are."""
    return isinstance(texts, Iterable) or (hasattr(texts, "__getitem__") and hasattr(texts, "__len__"))


def _digest(model: VoiceCloningModel, waves: list[np.ndarray], enhance: bool | str) -> bytes:
    """What enrolment depends on, as SHA-256: the sound, what shall be done with it, and what the model is by now."""
    digest = hashlib.sha256(f"{enhance} {model.config.to_dict()}".encode())
    for part in (model.earspeech, model.tuned_ge2e, model.sayen):
        for weight in part.state_dict().values():
            digest.update(weight.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    for wave in waves:
        digest.update(wave.size.to_bytes(8, "little"))
        digest.update(np.ascontiguousarray(wave))
    return digest.digest()


def _publishing() -> ModuleType:
    """rtvc.hub by its full name: a published repository has this file and not that folder."""
    try:
        return import_module("rtvc.hub")
    except ModuleNotFoundError as error:
        raise CheckpointError("Publishing needs the package rtvc; install it.") from error


def _silent(seconds: float, rate: int) -> np.ndarray:
    return np.zeros(round(seconds * rate), np.float32)


def _numbers(options: dict[str, Any]) -> dict[str, float]:
    return {name: options[name] for name in RANGES if name in options}


def _generator(options: dict[str, Any]) -> torch.Generator | None:
    """Without variation none: the same each time. Otherwise seeded, or different at each call."""
    if not options.get("variation"):
        return None
    generator = torch.Generator()
    if options.get("seed") is None:
        generator.seed()
        return generator
    return generator.manual_seed(options["seed"])


def _generators(options: dict[str, Any]) -> Iterator[torch.Generator | None]:
    """One for each sentence of a text in turn, so that it matters not in which order, or how many at once, are said."""
    seeds = _generator(options)
    while True:
        seed = None if seeds is None else int(torch.randint(2**62, (), generator=seeds))
        yield None if seed is None else torch.Generator().manual_seed(seed)
