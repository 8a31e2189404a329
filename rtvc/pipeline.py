"""The "voice-cloning" pipeline: text and a voice in, speech in that voice out."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from itertools import chain, groupby, islice
from pathlib import Path
from types import ModuleType
from typing import Any, TypedDict, cast, overload
from zlib import crc32

import numpy as np
import torch
from transformers import Pipeline
from transformers.dynamic_module_utils import custom_object_save

from . import audio, samples
from .audio import Recording
from .errors import CheckpointError, TextError, VoiceError, quoted
from .lexicon import Lexicon
from .lexicon import checked as checked_lexicon
from .lines import Line, lines, pieces, prosody, silence_before
from .markup import Warned, Warnings
from .mixing import is_mixture, mixed
from .options import OPTIONS, RANGES, checked, checked_enhance, checked_size
from .times import TimedPhoneme, TimedWord, Times, joined, times, until
from .voice import EnrolmentReport, Voice, cosine, is_saved, is_voice
from .voice_cloning import MAXIMUM_ENROLLED_SECONDS, SpokenLine, VoiceCloningModel
from .watermark import PROVENANCE, Marker

ONE_EACH = "A list of voices needs a list of as many texts; give one voice, or the texts as a list."
LONGEST_TEXT = 200_000  # characters in one string, about four hours of speech; an iterator may go on for ever
AnyVoice = Voice | Recording
AnyText = str | Mapping[str, Any]  # words, or {"text": words, "voice": whose}
Tokenised = tuple[Line, torch.Tensor | None]  # a line, and its ids if it is not silence alone
KEPT_VOICES = 64  # enrolled voices in memory, the newest; each has about 30 kB
SENTENCES_AT_ONCE = 4  # where several texts are given
SILENT = SpokenLine(np.zeros(0, np.float32), [])  # of a line that is silence alone


class Speech(TypedDict):
    """What a call gives: audio float32 (samples,), its sampling rate in Hz; when each word and each phoneme begins and
    ends, seconds from the beginning (see times.py); the markup that was left out of the text, each with a sentence."""

    audio: np.ndarray
    sampling_rate: int
    words: list[TimedWord]
    phonemes: list[TimedPhoneme]
    warnings: list[Warned]


class SpeechChunk(Speech):
    """What a stream gives: speech, and the number of the sentence that it is of, from 0. A word and a phoneme come with
    the chunk in which they begin; their times are from the beginning of the stream."""

    sentence: int


@dataclass
class Text:
    """What is to be said, and what was left out of it. transformers would take a tuple apart."""

    lines: list[Tokenised]
    warnings: Warnings


class VoiceCloningPipeline(Pipeline):
    """Speech in somebody's voice.

    ```python
    clone = pipeline("voice-cloning")
    out = clone("Nice to meet you.", voice="me.wav")  # {"audio": float32 (samples,), "sampling_rate": int, …}
    ```

    One pipeline serves several threads. Speech comes at a loudness of about −23 LUFS and never clips.
    """

    _load_processor: Any = True
    _load_tokenizer: Any = False
    _load_feature_extractor: Any = False
    _load_image_processor: Any = False
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
            text: one line of English or more, `[pause 0.5s]` where it shall pause, `[Siobhan](/ʃəvˈɔːn/)` where a word
                shall sound so, an SSML document (`<speak>…`), or `{"text": …, "voice": …}`; a list of them gives a
                list, another iterable or a dataset an iterator.
            voice: a `Voice`, a recording (a path or `(samples, rate)`), the path of a saved voice, or a mix of paths,
                "a.voice(3)+b.voice(1)". With a list of texts a list has one for each; with a single text it is
                recordings of one person.
            speed: 1 is the voice's own tempo, 2 twice as fast (0.25 to 4).
            pitch: semitones up (−12 to 12).
            variation: 0 says a line the same way each time; about 0.5 varies it (0 to 1).
            seed: makes a call with variation repeatable.
            pause: seconds of silence between sentences (0 to 10), 0.3 unless told.
            enhance: clean a recording given as `voice` (True), do not (False), or only if it is noisy ("auto").
            watermark: False leaves out the inaudible mark by which `rtvc verify` knows a clone.
            lexicon: how words are said, `{"Nguyen": "win", "SQL": "/sˈiːkwəl/"}`, or the path of a .lex file; it adds
                to the one that the pipeline was made with.
            batch_size: how many sentences of several texts are said at once.

        Returns:
            `{"audio": float32 (samples,), "sampling_rate": int, "words", "phonemes", "warnings"}`, see `Speech`, or a
            list of them.

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
        texts = [self._lines(words, options.get("lexicon")) for words, _ in rows]
        return list(map(self._whole, self._speak(texts, voices, options, size or SENTENCES_AT_ONCE)))

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
            chunks `{"audio", "sampling_rate", "sentence", "words", "phonemes", "warnings"}`, see `SpeechChunk`; behind
            one another they are what a call gives. The silence before a sentence is in its first chunk.
        """
        if isinstance(text, Mapping):
            text, own = _from_row(text)
            voice = voice if own is None else own
        options = self._merged(options)
        voice = self._one_voice(voice, options.pop("enhance", None))
        if isinstance(text, str):
            _check_length(text)
        warnings = Warnings()
        tokenised = self._tokenised([text] if isinstance(text, str) else text, options.get("lexicon"), warnings)
        if isinstance(text, str):
            tokenised = chain([next(tokenised)], tokenised)  # a text without words is refused at once
        return self._speak_in_pieces(tokenised, voice, options, warnings)

    def duration(self, text: str, voice: AnyVoice | None = None, **options: Any) -> float:
        """How long a text will be, seconds, exact to the sample: it is planned, and no sound is made. The arguments are
        a call's; raises what a call does."""
        options = self._merged(options)
        voice = self._one_voice(voice, options.pop("enhance", None))
        samples = 0
        for line, ids in self._lines(text, options.get("lexicon")).lines:
            frames = [] if ids is None else self.model.frames(ids, voice, **prosody(line, options))
            samples += silence_before(line, options, self._rate).size + sum(frames) * self._hop
        return samples / self._rate

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
        if saved := [recording for recording in recordings if is_saved(recording)]:
            raise VoiceError(f"{quoted(Path(saved[0]).name)} is a saved voice; pass it alone, as voice=.")
        heard = [audio.heard(recording, max_seconds=MAXIMUM_ENROLLED_SECONDS) for recording in recordings]
        waves, others = [wave for wave, _ in heard], any(other for _, other in heard)
        names = tuple(
            Path(recording).name if isinstance(recording, str | os.PathLike) else "" for recording in recordings
        )
        names = names if all(names) else ()
        key = _digest(self.model, waves, enhance)
        with self._enrolled_lock:
            voice = self._enrolled.get(key)
        voice = voice or self.model.enroll(waves, enhance, names)
        with self._enrolled_lock:
            self._enrolled[key] = voice
            self._enrolled.move_to_end(key)
            while len(self._enrolled) > KEPT_VOICES:
                self._enrolled.popitem(last=False)
        report = cast(EnrolmentReport, voice.report)  # whatever was enrolled has one
        report = replace(report, files=names, several_voices=report.several_voices or others)
        return replace(voice, report=report)

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

    def open_voice(self, voice: Recording, enhance: bool | str | None = None) -> Voice:
        """The voice in a file, a saved one or a recording, or of any other recording; `enhance`: as of `enroll`."""
        return Voice.load(voice) if is_saved(voice) else self.enroll(voice, enhance)

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Upload the model as a complete repository; returns its address. `options`: see :func:`rtvc.hub.push`."""
        return _publishing().push_model(self.model, self.processor, repo_id, **options)

    def _heard(self, voice: Any) -> tuple[np.ndarray, float]:
        """Its speaker embedding, and the seconds of speech behind it: three at least where no report says."""
        if is_voice(voice) or is_saved(voice):
            voice = self._one_voice(voice)
            seconds = voice.report.used_seconds if voice.report else audio.MINIMUM_VOICED_SECONDS
            return voice.speaker_embedding, seconds
        wave = audio.read(voice, max_seconds=MAXIMUM_ENROLLED_SECONDS)
        return self.model.embed(wave), audio.voiced_seconds(wave)

    def _one_voice(self, voice: Any, enhance: bool | str | None = None) -> Voice:
        voice = self._preprocess_params.get("voice") if voice is None else voice
        voice = samples.several(voice) if isinstance(voice, tuple) else voice
        if is_voice(voice):
            return voice
        if voice is None:
            raise VoiceError("No voice was given; pass voice=, a recording or an enrolled voice.")
        if isinstance(voice, list) and any(map(is_voice, voice)):
            raise VoiceError(ONE_EACH)
        if is_mixture(voice):
            return mixed(voice, lambda name: self.open_voice(name, enhance))
        return self.open_voice(voice, enhance)

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

    def _sanitize_parameters(
        self, voice: Any = None, enhance: Any = None, lexicon: Any = None, **options: Any
    ) -> tuple[dict, dict, dict]:
        unknown = set(options) - OPTIONS
        if unknown:
            known = ", ".join(["voice", "enhance", "lexicon", *RANGES, "seed", "watermark"])
            raise TypeError(f"voice-cloning does not know {', '.join(sorted(unknown))}; it takes {known}.")
        prepare = {} if voice is None else {"voice": voice}
        if enhance is not None:
            prepare["enhance"] = checked_enhance(enhance)
        if lexicon is not None:
            prepare["lexicon"] = self._with_own(checked_lexicon(lexicon))
        return prepare, {name: checked(name, value) for name, value in options.items() if value is not None}, {}

    def _with_own(self, given: Lexicon) -> Lexicon:
        """A call's lexicon over the one that the pipeline was made with."""
        own = getattr(self, "_preprocess_params", {}).get("lexicon")
        return given if own is None else own | given

    def preprocess(
        self, text: str, voice: Voice, enhance: Any = None, lexicon: Lexicon | None = None
    ) -> dict[str, Any]:
        """Text → its sentences. `enhance` has served its purpose when the voice was made."""
        return {"text": self._lines(text, lexicon), "voice": self._one_voice(voice, enhance)}

    def _merged(self, options: dict[str, Any]) -> dict[str, Any]:
        """A call's options, checked, over those the pipeline was made with."""
        prepare, forward, _ = self._sanitize_parameters(**options)
        own = {name: value for name, value in self._preprocess_params.items() if name == "lexicon"}
        return {**self._forward_params, **own, **prepare, **forward}

    def _forward(self, inputs: dict[str, Any], **options: Any) -> dict[str, Any]:
        return {"chunks": self._speak([inputs["text"]], [inputs["voice"]], options, 1)[0]}

    def postprocess(self, outputs: dict[str, Any]) -> Speech:
        """The chunks as one."""
        return self._whole(outputs["chunks"])

    def _whole(self, chunks: list[dict[str, Any]]) -> Speech:
        speech = np.concatenate([chunk["audio"] for chunk in chunks])
        warnings = [warning for chunk in chunks for warning in chunk.get("warnings", ())]
        return {"audio": speech, "sampling_rate": self._rate, **joined(chunks), "warnings": warnings}

    # -- from text to sound: split → tokenise → speak → mark

    @property
    def _rate(self) -> int:
        return self.model.config.sampling_rate

    def _lines(self, text: str, words: Lexicon | None) -> Text:
        """A text, split and tokenised."""
        if not isinstance(text, str):
            raise TextError(f"The text must be a string, not {type(text).__name__}; pass the words to say.")
        _check_length(text)
        warnings = Warnings()
        return Text(list(self._tokenised([text], words, warnings)), warnings)

    def _tokenised(self, texts: Iterable[str], words: Lexicon | None, warnings: Warnings) -> Iterator[Tokenised]:
        """The lines of a text that comes in pieces, as soon as they are there."""
        for line in lines(pieces(texts, words or Lexicon({}), warnings)):
            yield line, None if line.said is None else self._tokens(line.said.symbols)

    def _tokens(self, symbols: list[str]) -> torch.Tensor:
        return torch.tensor([self.processor.tokenizer.convert_tokens_to_ids(symbols)])

    def _speak(
        self, texts: list[Text], voices: list[Voice], options: dict[str, Any], size: int
    ) -> list[list[dict[str, Any]]]:
        """Each text's lines, marked and with their times, said in batches of so many of about equal length."""
        said: list[list[SpokenLine]] = [[SILENT] * len(text.lines) for text in texts]
        jobs = [
            (prosody(line, options), ids, voice, generator, spoken, place)
            for text, voice, spoken in zip(texts, voices, said, strict=True)
            for place, ((line, ids), generator) in enumerate(zip(text.lines, _generators(options), strict=False))
            if ids is not None
        ]
        jobs.sort(key=lambda job: (sorted(job[0].items()), job[1].numel()))
        for numbers, alike in groupby(jobs, lambda job: job[0]):
            while some := list(islice(alike, size)):
                _, ids, those, generators, spoken, places = zip(*some, strict=True)
                spoken_lines = self.model.synthesize_batch(ids, those, generators, **numbers)
                for spoken_line, mine, place in zip(spoken_lines, spoken, places, strict=True):
                    mine[place] = spoken_line
        return [self._chunks(text, spoken, options) for text, spoken in zip(texts, said, strict=True)]

    def _chunks(self, text: Text, said: list[SpokenLine], options: dict[str, Any]) -> list[dict[str, Any]]:
        """What was said of a text, marked, each line with its times."""
        marker, start, chunks = self._marker(options), 0, []
        for (line, _), (wave, frames) in zip(text.lines, said, strict=True):
            silence = silence_before(line, options, self._rate)
            timed = self._times(line, frames, start, silence.size)
            chunks.append({"audio": marker(np.concatenate([silence, wave])), "warnings": text.warnings.take(), **timed})
            start += silence.size + wave.size
        return chunks

    def _speak_in_pieces(
        self, tokenised: Iterable[Tokenised], voice: Voice, options: dict[str, Any], warnings: Warnings
    ) -> Iterator[SpeechChunk]:
        """The lines, said and marked: each piece as soon as it is made."""
        marker, start = self._marker(options), 0
        for place, ((line, ids), generator) in enumerate(zip(tokenised, _generators(options), strict=False)):
            frames, said = list[int](), iter(tuple[np.ndarray, ...]())
            if ids is not None:
                frames, said = self.model.stream(ids, voice, generator, **prosody(line, options))
            silence = silence_before(line, options, self._rate)
            timed = self._times(line, frames, start, silence.size)
            first = np.concatenate([silence, *islice(said, 1)])
            ahead = chain([first], said)
            end = start + silence.size + sum(frames) * self._hop
            for piece in ahead:
                start += piece.size
                come = until(timed, None if start >= end else start / self._rate)
                about = {"audio": marker(piece), "sampling_rate": self._rate, "sentence": place}
                yield cast(SpeechChunk, about | come | {"warnings": warnings.take()})

    @property
    def _hop(self) -> int:
        return self.model.config.rtvc7_config.hop_length

    def _times(self, line: Line, frames: list[int], start: int, silence: int) -> Times:
        return times(line.said, frames, self._hop, self._rate, start, silence)

    def _marker(self, options: dict[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
        """What writes the watermark into the pieces of one text, in turn."""
        return Marker(self._rate) if options.get("watermark", True) else lambda wave: wave


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
    weights = 0  # by their content, for what counts a tensor's changes misses those of its .data; CRC is cheap
    for part in (model.earspeech, model.tuned_ge2e, model.sayen):
        for weight in part.state_dict().values():
            weights = crc32(weight.detach().cpu().contiguous().flatten().view(torch.uint8).numpy(), weights)
    digest.update(weights.to_bytes(4, "little"))
    for wave in waves:
        digest.update(wave.size.to_bytes(8, "little"))
        digest.update(np.ascontiguousarray(wave).data)
    return digest.digest()


def _publishing() -> ModuleType:
    """rtvc.hub by its full name: a published repository has this file and not that folder."""
    try:
        return import_module("rtvc.hub")
    except ModuleNotFoundError as error:
        raise CheckpointError("Publishing needs the package rtvc; install it.") from error


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
