"""The four components as one model: recording → EarSpeech → Tuned-GE2E → SayEN → Voice; text + Voice → RTVC-7 → wave.

The embedding that drives synthesis is taken again from the cleaned recording; a clean recording is left alone.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedConfig, PreTrainedModel

from . import audio
from .earspeech import EarSpeechConfig, EarSpeechModel
from .errors import CheckpointError, VoiceError, quoted
from .levels import LOUDER, borders, levelled, sentence
from .model_files import WEIGHTS, CheckedModel, file_checksum
from .onnx_part import OnnxPart
from .rtvc7 import ProsodyPlan, RTVC7Config, RTVC7Model
from .rtvc7_signal import curve_over_bands, long_term_average_spectrum, reference_frames
from .sayen import SayENConfig, SayENModel
from .text import question_rise
from .tuned_ge2e import TunedGE2EConfig, TunedGE2EModel
from .voice import EnrolmentReport, Voice, pitch_statistics
from .voice_cloning_config import VoiceCloningConfig

EMBEDDED_SECONDS, EMBEDDED_STEP = (
    6.0,
    3.0,
)  # seconds: what Tuned-GE2E hears at once, and how far apart windows of a long recording start
CHECKED = 2.4  # seconds: the windows in which enrolment looks for somebody else, music, a cough
CLIPPED = 0.05  # share of a recording's loud samples at its limit, from where on the likeness suffers
NARROW = 7_000.0  # Hz: of recordings that reach no higher the embedding is another (cosine .77 … .92)
ALIKE = 0.585  # cosine: what such windows of one voice mostly have, where the search for the main voice begins
ANOTHER = 0.2  # share of the speech: if so much of it is not the main voice, several people are speaking
TURN, IN_TURNS = 1.0, 0.38  # seconds; cosine: neighbouring seconds of one voice are nearer than this on average
SUNG = 0.9  # share of the speech with a pitch: speakers' consonants leave three quarters at most, music nearly all
WINDOWS_AT_ONCE = 16  # of Tuned-GE2E: memory stays flat for long recordings
EDGES = 4, 3  # frames of silence before and after a line, 50 and 38 ms: with fewer some sounds begin in their midst
REFERENCE_FRAMES = 160  # of a voice: 2 s of sound out of all that was recorded
LONGEST_PAUSE = (
    0.1  # seconds: longer ones are left out of what Tuned-GE2E hears; with those up to 0.5 s, 0.3 points more errors
)
MINIMUM_EMBEDDED_SECONDS = 0.5
CLEANINGS = 2  # SayEN knows better whose voice to keep once it has heard the voice cleaned
OTHER_VOICE = 10**-0.03  # power: a cleaning that leaves so much less than the one before has kept somebody else's voice
MAXIMUM_ENROLLED_SECONDS = 30 * 60.0
# Of timbres, natural log of magnitude: a band further from most people's is emphasized no more than this; nearly all
# people are within PERSON of them on the average of the bands; a telephone is further than TELEPHONE.
MOST_APART, PERSON, TELEPHONE = 1.0, 0.8, 1.2
KEPT_LEVELS = 1000  # voices and settings


class SpokenLine(NamedTuple):
    """A line: float32 (samples,), and the frames of each of its tokens, of ``hop_length`` samples each."""

    wave: np.ndarray
    frames: list[int]


class VoiceCloningModel(CheckedModel):
    """EarSpeech, Tuned-GE2E, SayEN and RTVC-7, saved to one folder and loaded from it.

    Waves are mono float32 (samples,) at 16 kHz, as :func:`rtvc.audio.read` gives them. Inference changes nothing in the
    model, so several threads may share one.
    """

    config_class = VoiceCloningConfig
    config: VoiceCloningConfig
    base_model_prefix = "voice_cloning"
    main_input_name = "input_ids"

    def __init__(self, config: VoiceCloningConfig):
        super().__init__(config)
        self.earspeech = EarSpeechModel(config.earspeech_config)
        self.tuned_ge2e = TunedGE2EModel(config.tuned_ge2e_config)
        self.sayen = SayENModel(config.sayen_config)
        self.rtvc7 = RTVC7Model(config.rtvc7_config)
        self._levels: tuple[tuple, dict[tuple, float]] = (), {}  # by voice and options, with the state of the model
        self.post_init()

    @classmethod
    def from_components(
        cls, earspeech: EarSpeechModel, tuned_ge2e: TunedGE2EModel, sayen: SayENModel, rtvc7: RTVC7Model, **options: Any
    ) -> VoiceCloningModel:
        """Put trained components together; ``options`` are fields of :class:`VoiceCloningConfig`."""
        parts = {"earspeech": earspeech, "tuned_ge2e": tuned_ge2e, "sayen": sayen, "rtvc7": rtvc7}
        configs: dict[str, Any] = {f"{name}_config": copy.deepcopy(part.config) for name, part in parts.items()}
        model = cls(cls.config_class(**configs, **options)).eval()
        for name, part in parts.items():
            getattr(model, name).load_state_dict(part.state_dict())
        return model

    @classmethod
    def from_pretrained(cls, name: Any, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        """As :meth:`rtvc.model_files.CheckedModel.from_pretrained`; the graphs of an optimised model are opened."""
        loaded = super().from_pretrained(name, *args, **kwargs)
        _open_graphs(loaded[0] if isinstance(loaded, tuple) else loaded, Path(str(name)).name)
        return loaded

    def save_pretrained(self, save_directory: Any, *args: Any, **kwargs: Any) -> None:
        """As in transformers; the config also gets the checksum of the weights, which loading compares."""
        super().save_pretrained(save_directory, *args, **kwargs)
        weights, config = Path(save_directory) / WEIGHTS, Path(save_directory) / "config.json"
        if weights.is_file():
            stored = json.loads(config.read_text(encoding="utf-8"))
            stored["weights_sha256"] = file_checksum(weights)
            config.write_text(json.dumps(stored, indent=2, sort_keys=True) + "\n", encoding="utf-8")

    # -- recordings

    @torch.inference_mode()
    def embed(self, wave: np.ndarray) -> np.ndarray:
        """Who speaks: float32 (256,) of unit length. Long recordings are heard in windows, whose mean counts.

        Raises:
            VoiceError: less than half a second of speech.
        """
        audio.check_speech(wave, MINIMUM_EMBEDDED_SECONDS)
        return self._embed(audio.speech_only(wave, LONGEST_PAUSE)).cpu().numpy()

    def embed_windows(self, wave: np.ndarray, window: float = EMBEDDED_SECONDS, hop: float = EMBEDDED_STEP) -> Tensor:
        """The speaker embeddings of overlapping windows (seconds), as they are, pauses and all: (windows, 256)."""
        windows = torch.from_numpy(_windows(wave, window, hop)).to(self.device)
        heard = [
            self.tuned_ge2e(self.earspeech(some).features).speaker_embedding for some in windows.split(WINDOWS_AT_ONCE)
        ]
        return torch.cat(heard)

    def _embed(self, wave: np.ndarray) -> Tensor:
        return functional.normalize(self.embed_windows(wave).mean(0), dim=-1)

    @torch.inference_mode()
    def enhance(self, wave: np.ndarray, progress: Callable[[int, int], None] | None = None) -> np.ndarray:
        """The recording without its noise, float32 (samples,) at 16 kHz; hours of it in flat memory.

        Args:
            wave: the noisy recording.
            progress: called with (samples done, samples in all).

        Long silence is left as it is and not shown to SayEN, which has not learned from recordings that have it.
        """
        kept = audio.worth_cleaning(wave)
        if not kept.any():
            return wave
        silent = wave.size - int(kept.sum())
        told = progress and (lambda done, samples: progress(silent + done, silent + samples))
        cleaned = np.array(wave, dtype=np.float32)
        cleaned[kept] = self._enhance(wave[kept], told)
        return cleaned

    def _enhance(self, wave: np.ndarray, progress: Callable[[int, int], None] | None) -> np.ndarray:
        values = torch.from_numpy(np.ascontiguousarray(wave))[None].to(self.device)
        spoken = self._spoken(wave)
        features, cleaned = self.earspeech(values, spoken=spoken).features, wave
        for before in range(CLEANINGS):
            speech = audio.speech_only(cleaned, LONGEST_PAUSE)
            embedding = self._embed(speech if speech.size >= MINIMUM_EMBEDDED_SECONDS * audio.SAMPLING_RATE else wave)
            told = progress and partial(_tell_a_part, progress, before)
            again = self.sayen.enhance(values, features, embedding[None], told, spoken)[0].cpu().numpy()
            if before and np.square(again).sum() < OTHER_VOICE * np.square(cleaned).sum():
                return cleaned
            cleaned = again
        return cleaned

    def _spoken(self, wave: np.ndarray) -> Tensor:
        """(1, samples) where levels are taken: in speech, however long it is silent before; else everywhere."""
        spoken = audio.spoken(wave, LONGEST_PAUSE)
        enough = spoken.sum() >= MINIMUM_EMBEDDED_SECONDS * audio.SAMPLING_RATE
        return torch.from_numpy(spoken if enough else np.ones_like(spoken))[None].to(self.device)

    def enroll(self, waves: Sequence[np.ndarray], enhance: bool | str = "auto", files: Sequence[str] = ()) -> Voice:
        """A voice from one recording or several of one person.

        Args:
            waves: the recordings.
            enhance: clean them (True), do not (False), or only those noisier than ``config.enhance_below_snr``.
            files: the recordings' names, for messages and the report.

        Raises:
            VoiceError: a recording without speech, or less than 3 s of speech in all.
        """
        names = [quoted(file) for file in files] or ["The recording"] * len(waves)
        seconds = [audio.check_speech(wave, 0.0, name) for wave, name in zip(waves, names, strict=True)]
        if sum(seconds) < audio.MINIMUM_VOICED_SECONDS:
            raise VoiceError(audio.too_short(sum(seconds), names[0] if len(names) == 1 else "The recordings together"))
        noise = [audio.snr(wave) for wave in waves]
        noisy = [enhance is True or (enhance == "auto" and level < self.config.enhance_below_snr) for level in noise]
        cleaned = [self.enhance(wave) if is_noisy else wave for wave, is_noisy in zip(waves, noisy, strict=True)]
        speech = [_trimmed(wave, original) for wave, original in zip(cleaned, waves, strict=True)]
        own, others = self._own_speech(speech)
        used = [audio.voiced_seconds(wave) for wave in own]
        report = EnrolmentReport(
            seconds=round(sum(wave.size for wave in waves) / audio.SAMPLING_RATE, 2),
            voiced_seconds=round(sum(seconds), 2),
            used_seconds=round(min(sum(used), sum(seconds)), 2),
            several_voices=others > ANOTHER or self._in_turns(speech, noisy),
            snr_db=round(min(noise), 1),
            enhanced=any(noisy),
            files=tuple(files),
            clipped=max(map(audio.clipped_share, waves)) > CLIPPED,
            music=_pitched(speech) > SUNG,
            narrowband=min(map(audio.bandwidth, waves)) < NARROW,
        )
        return self._voice(own, report)

    @torch.inference_mode()
    def _own_speech(self, waves: list[np.ndarray]) -> tuple[list[np.ndarray], float]:
        """What the main voice says in recordings of speech, and the share that somebody or something else has.

        Short pieces of all recordings are compared; those unlike the main voice are cut out if enough remains.
        """
        size = int(CHECKED * audio.SAMPLING_RATE)
        pieces = [np.array_split(wave, max(1, round(wave.size / size))) for wave in waves]
        heard = [self.embed_windows(piece, 2 * CHECKED, CHECKED) for mine in pieces for piece in mine]
        seconds = np.array([piece.size for mine in pieces for piece in mine]) / audio.SAMPLING_RATE
        own = _main_voice(torch.cat(heard).cpu().numpy(), seconds, self.config.same_voice_cosine)
        others = float(seconds[~own].sum() / seconds.sum())
        if seconds[own].sum() < audio.MINIMUM_VOICED_SECONDS:
            return waves, others
        keep = iter(own)
        kept = [[piece for piece in mine if next(keep)] for mine in pieces]
        return [np.concatenate(mine) for mine in kept if mine], others

    @torch.inference_mode()
    def _in_turns(self, waves: list[np.ndarray], noisy: list[bool]) -> bool:
        """Whether people take turns too quick for windows of ``CHECKED``; in noise, seconds are too unlike to tell."""
        heard = [
            self.embed_windows(wave, TURN, TURN / 2)
            for wave, is_noisy in zip(waves, noisy, strict=True)
            if not is_noisy
        ]
        cosines = [(windows[2:] * windows[:-2]).sum(-1) for windows in heard]
        return sum(map(len, cosines)) >= 4 and float(torch.cat(cosines).mean()) < IN_TURNS

    @torch.inference_mode()
    def _voice(self, waves: list[np.ndarray], report: EnrolmentReport) -> Voice:
        """Each recording counts by its length."""
        weights = np.array([wave.size for wave in waves]) / sum(wave.size for wave in waves)
        embedding = sum(weight * self._embed(wave).cpu().numpy() for weight, wave in zip(weights, waves, strict=True))
        spectrum = sum(weight * self._timbre(wave).cpu().numpy() for weight, wave in zip(weights, waves, strict=True))
        tempo = float(weights @ [audio.tempo(wave) for wave in waves])
        return Voice(embedding, spectrum, *pitch_statistics(waves), tempo, report, self._reference(waves))

    def _reference(self, waves: list[np.ndarray]) -> np.ndarray:
        """(at most REFERENCE_FRAMES, timbre_size) float16: frames from all over the waves, in order of their loudness,
        so that nothing that was said can be told from them; none where RTVC-7 attends to none."""
        if not self.config.rtvc7_config.reference_size:
            return np.zeros((0, self.config.rtvc7_config.timbre_size), np.float16)
        levelled = (torch.from_numpy(audio.normalize_loudness(wave)).to(self.device) for wave in waves)
        frames = torch.cat([reference_frames(wave, self.config.rtvc7_config.timbre_size) for wave in levelled])
        places = torch.linspace(0, len(frames) - 1, min(REFERENCE_FRAMES, len(frames))).long()
        chosen = frames[places.to(frames.device)]
        return chosen[chosen.mean(-1).argsort()].half().cpu().numpy()

    def _timbre(self, wave: np.ndarray) -> Tensor:
        levelled = torch.from_numpy(audio.normalize_loudness(wave)).to(self.device)
        return long_term_average_spectrum(levelled, self.config.rtvc7_config.timbre_size)

    def probability(self, cosine: float, seconds: tuple[float, float] = (math.inf, math.inf)) -> float:
        """Of two recordings being one person's, from the cosine of their embeddings: sigmoid(scale / (1 + blur · m) ·
        (cosine − offset + drift · m)), where m = 1 / seconds + 1 / seconds of the speech in each of them.

        Little speech says little: one person's cosines fall and scatter, as the error of a mean over time does.
        """
        config, missing = self.config, sum(1.0 / max(heard, 0.1) for heard in seconds)
        scale = config.similarity_scale / (1.0 + config.similarity_blur * missing)
        offset = config.similarity_offset - config.similarity_drift * missing
        return 1.0 / (1.0 + math.exp(-scale * (cosine - offset)))

    # -- speech

    def synthesize(
        self, input_ids: Tensor, voice: Voice, generator: torch.Generator | None = None, **options: float
    ) -> np.ndarray:
        """Speak one line: float32 (samples,) at ``config.sampling_rate``, about −23 LUFS loud, never clipping.

        Args:
            input_ids: (1, tokens) or (tokens,).
            voice: whose voice.
            generator: draws what varies; none: the same each time.
            options: speed, pitch (semitones), variation, see :meth:`RTVC7Model.plan`.
        """
        return self.synthesize_batch([input_ids], [voice], [generator], **options)[0].wave

    def synthesize_batch(
        self,
        lines: Sequence[Tensor],
        voices: Sequence[Voice],
        generators: Sequence[torch.Generator | None],
        **options: float,
    ) -> list[SpokenLine]:
        """Speak several lines at once, each with its voice and generator: what :meth:`synthesize` gives for each."""
        score, hop = self._plan(lines, voices, generators, **options), self.config.rtvc7_config.hop_length
        waves, frames = self.rtvc7.render(score).float().cpu().numpy(), score.durations.sum(1).tolist()
        said = []
        for wave, count, voice, each in zip(waves, frames, voices, _token_frames(score, lines), strict=True):
            pieces = (wave[start * hop : stop * hop] for start, stop in borders(count, self.rtvc7.receptive_field))
            said.append(SpokenLine(np.concatenate(list(self._levelled(pieces, count, voice, **options))), each))
        return said

    def stream(
        self, input_ids: Tensor, voice: Voice, generator: torch.Generator | None = None, **options: float
    ) -> tuple[list[int], Iterator[np.ndarray]]:
        """Speak one line in pieces, of which the first is short; joined they are what :meth:`synthesize` gives.

        Returns:
            the frames of each token, and the pieces as they are made.
        """
        score = self._plan([input_ids], [voice], [generator], **options)
        frames = score.mask.shape[1]
        spans = borders(frames, self.rtvc7.receptive_field)
        pieces = (self.rtvc7.render(score, *span)[0].float().cpu().numpy() for span in spans)
        return _token_frames(score, [input_ids])[0], self._levelled(pieces, frames, voice, **options)

    def frames(self, input_ids: Tensor, voice: Voice, **options: float) -> list[int]:
        """Of each token of a line, as :meth:`stream` will have them: no generator changes how long it is."""
        return _token_frames(self._plan([input_ids], [voice], [None], **options), [input_ids])[0]

    def _levelled(
        self, pieces: Iterator[np.ndarray], frames: int, voice: Voice, **options: float
    ) -> Iterator[np.ndarray]:
        """The pieces of a line of so many ``frames``, at the loudness that speech comes at."""
        is_whole = len(borders(frames, self.rtvc7.receptive_field)) == 1
        return levelled(pieces, self.config.sampling_rate, None if is_whole else self.level(voice, **options))

    def level(self, voice: Voice, **options: float) -> float:
        """How loud RTVC-7 speaks in a voice by itself, LUFS: it says a sentence once, and what it was is remembered.

        Args:
            voice: whose.
            options: speed, pitch and variation, as in :meth:`synthesize`.
        """
        statistics = voice.pitch_mean, voice.pitch_std, voice.tempo
        vectors = (getattr(voice, name).tobytes() for name in ("speaker_embedding", "timbre", "reference"))
        key = (*vectors, *statistics, *sorted(options.items()))
        state = self._state()
        if self._levels[0] != state:
            self._levels = state, {}
        known = self._levels[1]
        if key not in known:
            if len(known) >= KEPT_LEVELS:
                known.clear()
            score = self._plan([sentence()], [voice], [None], **options)
            wave = self.rtvc7.render(score)[0].float().cpu().numpy()
            known[key] = audio.loudness(wave, self.config.sampling_rate) - LOUDER
        return known[key]

    def _state(self) -> tuple:
        """What a voice's level depends on beside the voice: it differs where weights or settings were changed."""
        weights = chain(self.rtvc7.parameters(), self.rtvc7.buffers())
        changes = [(weight.data_ptr(), 0 if weight.is_inference() else weight._version) for weight in weights]
        config = self.config
        return (*changes, config.timbre_emphasis, *config.timbre_centre, config.rtvc7_config.recording_quality)

    def _plan(
        self,
        lines: Sequence[Tensor],
        voices: Sequence[Voice],
        generators: Sequence[torch.Generator | None],
        **options: Any,
    ) -> ProsodyPlan:
        sizes = self.config.rtvc7_config.speaker_size, self.config.rtvc7_config.timbre_size
        if any((voice.speaker_embedding.size, voice.timbre.size) != sizes for voice in voices):
            raise VoiceError("The voice was made by another model; enrol it again with this one.")
        lines = [line.flatten().to(self.device) for line in lines]
        ids = pad_sequence(lines, batch_first=True)
        mask = pad_sequence([torch.ones_like(line) for line in lines], batch_first=True)
        rise = pad_sequence([torch.tensor(question_rise(line.tolist())) for line in lines], batch_first=True)
        traits = ("speaker_embedding", "timbre", "pitch_mean", "pitch_std", "tempo")
        of_all = {name: np.array([getattr(voice, name) for voice in voices], np.float32) for name in traits}
        about = {name: torch.from_numpy(values).to(self.device) for name, values in of_all.items()}
        options |= about | {"timbre": self._emphasized(about["timbre"])}
        options["reference"] = pad_sequence(
            [torch.from_numpy(voice.reference.astype(np.float32)).to(self.device) for voice in voices], batch_first=True
        )
        options["edges"] = EDGES
        return self.rtvc7.plan(ids, mask, generator=list(generators), rise=rise.to(self.device), **options)

    def _emphasized(self, timbres: Tensor) -> Tensor:
        """(voices, timbre_size): what sets each apart from most people, more so, unless that is the line's doing."""
        apart = timbres - curve_over_bands(self.config.timbre_centre, timbres)
        distance = apart.square().mean(-1, keepdim=True).sqrt()
        share = ((TELEPHONE - distance) / (TELEPHONE - PERSON)).clamp(0.0, 1.0)
        return timbres + self.config.timbre_emphasis * share * apart.clamp(-MOST_APART, MOST_APART)


TASK = "voice-cloning"
MODELS: dict[type[PreTrainedConfig], type[PreTrainedModel]] = {
    VoiceCloningConfig: VoiceCloningModel,
    EarSpeechConfig: EarSpeechModel,
    TunedGE2EConfig: TunedGE2EModel,
    SayENConfig: SayENModel,
    RTVC7Config: RTVC7Model,
}


def _token_frames(score: ProsodyPlan, lines: Sequence[Tensor]) -> list[list[int]]:
    """Of each line's tokens, without those that fill it up to the longest."""
    return [row[: line.numel()] for row, line in zip(score.durations.tolist(), lines, strict=True)]


def _open_graphs(model: PreTrainedModel, name: str) -> None:
    for part in model.modules():
        if isinstance(part, OnnxPart):
            try:
                part.open()
            except Exception as error:  # ONNX Runtime has a class of its own for each way to be damaged
                raise CheckpointError(f"The model files in “{name}” are damaged; get them again.") from error


def _tell_a_part(progress: Callable[[int, int], None], before: int, done: int, samples: int) -> None:
    """``done`` of this cleaning, and all of those ``before`` it, as samples of one pass."""
    progress((before * samples + done) // CLEANINGS, samples)


def _windows(wave: np.ndarray, window: float, hop: float) -> np.ndarray:
    """(samples,) → (windows, window): the whole if it is short, else overlapping windows that reach its end."""
    size, step = int(window * audio.SAMPLING_RATE), int(hop * audio.SAMPLING_RATE)
    if wave.size <= size:
        return np.array(wave[None], dtype=np.float32)
    starts = np.append(np.arange(0, wave.size - size, step), wave.size - size)
    return np.stack([wave[start : start + size] for start in starts]).astype(np.float32)


def _main_voice(embeddings: np.ndarray, seconds: np.ndarray, bound: float) -> np.ndarray:
    """Which windows (count, 256) are of the voice that speaks most: within ``bound`` of its mean, (count,) bool.

    The search starts from the window that most others are within ``ALIKE`` of.
    """
    alike = embeddings @ embeddings.T >= ALIKE
    own = alike[np.argmax(alike @ seconds)]
    for _ in range(3):
        centre = (embeddings[own] * seconds[own, None]).sum(0)
        own = embeddings @ centre >= bound * np.linalg.norm(centre)
    return own


def _pitched(waves: list[np.ndarray]) -> float:
    """Share of the time in which recordings of speech have a pitch."""
    return float(np.mean(np.concatenate([audio.pitch_track(wave)[1] > 0 for wave in waves])))


def _trimmed(wave: np.ndarray, original: np.ndarray) -> np.ndarray:
    """A cleaned recording without long pauses; should it be left without speech, the original's."""
    speech = audio.speech_only(wave, LONGEST_PAUSE)
    return speech if speech.size >= audio.SAMPLING_RATE else audio.speech_only(original, LONGEST_PAUSE)
