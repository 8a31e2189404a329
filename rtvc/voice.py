"""Voice: what enrolment makes of recordings and all that synthesis needs. A value: immutable, saved as one small file.

The file is safetensors: the numbers as tensors, the report as metadata, and a SHA-256 over both.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from . import audio
from .errors import VoiceError, quoted
from .files import atomic_write

FORMAT, VERSION = "rtvc voice", "3"  # 2: another Tuned-GE2E, whose numbers mean other voices; 3: with a reference
SUFFIXES = (".voice", ".safetensors")
IN_A_FOLDER = (".voice", ".wav", ".flac", ".ogg", ".mp3")  # of files that are called by their names
NAME = re.compile(r"\w[\w .'-]{0,39}")  # of such a voice: in addresses, and in lines with tabs
_MAXIMUM_BYTES = 1 << 20  # a voice has about 30 kB
_MOST_FRAMES = 1000  # of a reference
_ROUNDING = 1e-6  # of the length of a unit vector in float32
_METADATA = {"format", "version", "report", "checksum"}
# What no person's voice exceeds, so that no file makes the synthesizer run away; the pitch is of 20 to 3000 Hz.
_LARGEST_TIMBRE, _PITCH_MEAN, _LARGEST_PITCH_STD, _LARGEST_TEMPO = 20.0, (3.0, 8.0), 3.0, 50.0


@dataclass(frozen=True)
class EnrolmentReport:
    """What enrolment heard.

    seconds: of all recordings; voiced_seconds: of speech in them; used_seconds: of speech that is the main voice's and
    made the embedding; several_voices: whether much of the speech is somebody else's, or another channel's, which was
    left out; snr_db: the noisiest recording's signal-to-noise ratio as it came; enhanced: whether any was cleaned;
    files: their names, empty for samples from memory; clipped: whether so much of it was recorded too loud that it
    sounds like somebody else; music: whether nearly all of it has a pitch, as no speech has; narrowband: whether one
    lacks high tones, as over a telephone.
    """

    seconds: float
    voiced_seconds: float
    used_seconds: float
    several_voices: bool
    snr_db: float
    enhanced: bool
    files: tuple[str, ...] = ()
    clipped: bool = False
    music: bool = False
    narrowband: bool = False

    @property
    def warning(self) -> str:
        """What the person should know about the recording, a sentence each; empty if all is well."""
        sentences = []
        if self.music:
            sentences.append("It sounds like music or a held tone; for a better likeness record one person who speaks.")
        elif self.several_voices:
            sentences.append("More than one voice seems to speak in it; for a better likeness record one person alone.")
        if self.clipped:
            sentences.append(
                "It is clipped; for a better likeness record again, less loud or farther from the microphone."
            )
        if self.narrowband:
            sentences.append(
                "It lacks high tones, as over a telephone; for a better likeness record at 16 kHz, without a call."
            )
        return " ".join(sentences)


@dataclass(frozen=True, eq=False)
class Voice:
    """A person's voice.

    speaker_embedding: float32 (256,), unit length; timbre: float32 (80,), average spectrum (see ``rtvc7.timbre``); both
    not writeable; pitch_mean (median) and pitch_std: of natural-log F0 in Hz; tempo: syllables a second of speech;
    report: where it comes from, if known; reference: float16 (number, 80), frames of the person's speech in no order of
    time (see ``rtvc7_signal.reference_frames``), not writeable, none where nothing but the numbers is known.
    """

    speaker_embedding: np.ndarray
    timbre: np.ndarray
    pitch_mean: float
    pitch_std: float
    tempo: float
    report: EnrolmentReport | None = field(default=None)
    reference: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float16))

    def __post_init__(self) -> None:
        embedding, timbre = (np.array(array, dtype=np.float32) for array in (self.speaker_embedding, self.timbre))
        numbers = np.array([self.pitch_mean, self.pitch_std, self.tempo], dtype=np.float64)
        norm = float(np.linalg.norm(embedding.astype(np.float64))) if embedding.ndim == 1 else 0.0
        usable = np.isfinite(norm) and norm > 1e-6 and timbre.ndim == 1 and (np.abs(timbre) <= _LARGEST_TIMBRE).all()
        lowest, highest = (_PITCH_MEAN[0], 0.0, 0.0), (_PITCH_MEAN[1], _LARGEST_PITCH_STD, _LARGEST_TEMPO)
        if not (usable and (numbers >= lowest).all() and (numbers <= highest).all()):
            raise VoiceError("The voice holds no usable numbers; enrol it again.")
        if abs(norm - 1.0) > _ROUNDING:  # or what was saved would differ from what is read in its last bits
            embedding = embedding / norm
        reference = np.array(self.reference, dtype=np.float16)
        reference = reference if reference.size else np.zeros((0, timbre.size), np.float16)
        sizes = reference.ndim == 2 and reference.shape[1] == timbre.size and len(reference) <= _MOST_FRAMES
        if not (sizes and (np.abs(reference) <= _LARGEST_TIMBRE).all()):
            raise VoiceError("The voice holds no usable frames of speech; enrol it again.")
        for name, array in (("speaker_embedding", embedding), ("timbre", timbre), ("reference", reference)):
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        for name, number in zip(("pitch_mean", "pitch_std", "tempo"), numbers, strict=True):
            object.__setattr__(self, name, float(number))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Voice):
            return NotImplemented
        return _tensors_equal(self._tensors(), other._tensors()) and self.report == other.report

    def __hash__(self) -> int:
        return hash(_checksum(self._tensors(), ""))

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles are made as a voice is: checked, with arrays that cannot be written to."""
        return type(self), tuple(getattr(self, own.name) for own in fields(self))

    def similarity(self, other: Voice) -> float:
        """Cosine of the two speaker embeddings, -1 … 1; `rtvc.similarity` makes a probability of it."""
        return cosine(self.speaker_embedding, other.speaker_embedding)

    def save(self, path: str | os.PathLike) -> None:
        """Write the voice as one small file, which appears whole or not at all."""
        from safetensors.numpy import save

        path, tensors = Path(path), self._tensors()
        report = json.dumps(asdict(self.report), sort_keys=True) if self.report else ""
        metadata = {"format": FORMAT, "version": VERSION, "report": report, "checksum": _checksum(tensors, report)}
        try:
            with atomic_write(path) as written:
                written.write_bytes(save(tensors, metadata))
        except OSError as error:
            raise VoiceError(
                f"{quoted(path.name)} cannot be written; choose a folder that exists and is yours."
            ) from error

    @classmethod
    def load(cls, path: str | os.PathLike) -> Voice:
        """Read a saved voice.

        Raises:
            VoiceError: the file is missing, not a voice, of a later version, or changed since it was saved.
        """
        path = Path(path)
        tensors, metadata = _read(path)
        if metadata.get("version") != VERSION or metadata.keys() != _METADATA:
            raise VoiceError(f"{quoted(path.name)} was saved by another version of rtvc; enrol the voice again.")
        report = metadata["report"]
        if metadata["checksum"] != _checksum(tensors, report):
            raise VoiceError(f"{quoted(path.name)} was damaged or changed after it was saved; enrol the voice again.")
        try:
            mean, spread, tempo = tensors["statistics"].tolist()
            if len(tensors) != 4:
                raise ValueError(f"unknown tensors among {sorted(tensors)}")
            known = tensors["speaker_embedding"], tensors["timbre"], mean, spread, tempo
            return cls(*known, _report(report), tensors["reference"])
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise VoiceError(f"{quoted(path.name)} is not a complete voice; enrol the voice again.") from error

    def _tensors(self) -> dict[str, np.ndarray]:
        statistics = np.array([self.pitch_mean, self.pitch_std, self.tempo])
        vectors = {name: getattr(self, name) for name in ("speaker_embedding", "timbre", "reference")}
        return vectors | {"statistics": statistics}


def is_voice(voice: Any) -> TypeGuard[Voice]:
    """Whether it is a `Voice`. transformers loads a published folder's files as several packages, each with a `Voice`
    of its own, so the class does not tell.
    """
    return type(voice).__name__ == Voice.__name__


def is_saved(voice: Any) -> TypeGuard[str | os.PathLike]:
    """Whether it is the path of a saved voice, by the content; what is called one and holds no sound counts as one."""
    if not isinstance(voice, str | os.PathLike):
        return False
    with suppress(OSError):  # what is wrong with the path is said where it is read
        if os.path.isfile(voice):  # a pipe would be waited for
            with open(voice, "rb") as file:
                if file.read(10)[8:] == b'{"':  # safetensors: eight bytes of length, then JSON
                    return True
    return Path(voice).suffix.lower() in SUFFIXES and not _is_recording(voice)


def voices_in(folder: Path) -> dict[str, Path]:
    """Each voice's file by its name, in the names' order; a saved voice goes before a recording of the same name.

    Raises:
        OSError: the folder cannot be read.
    """
    paths = [path for path in folder.iterdir() if path.suffix.lower() in IN_A_FOLDER and NAME.fullmatch(path.stem)]
    paths.sort(key=lambda path: (path.suffix == IN_A_FOLDER[0], path.name))
    return dict(sorted({path.stem: path for path in paths}.items()))


def _is_recording(path: str | os.PathLike) -> bool:
    try:
        audio.read(path)
    except VoiceError:
        return False
    return True


def cosine(first: np.ndarray, second: np.ndarray) -> float:
    """Of two speaker embeddings (size,) of unit length, -1 … 1.

    Raises:
        VoiceError: they are of two models.
    """
    if first.shape != second.shape:
        raise VoiceError("The two voices come from different models; enrol both with the same one.")
    return float(first @ second)


def pitch_statistics(waves: list[np.ndarray]) -> tuple[float, float]:
    """Median and standard deviation of natural-log F0 of the waves, as RTVC-7 is trained with (150 Hz if unvoiced)."""
    tracks = [audio.pitch_track(wave)[1] for wave in waves]
    f0 = np.concatenate([track[track > 0] for track in tracks]) if tracks else np.zeros(0)
    if not f0.size:
        return 5.0, 0.2
    logs = np.log(f0)
    return float(np.median(logs)), float(logs.std())


def _report(stored: str) -> EnrolmentReport | None:
    if not stored:
        return None
    values = json.loads(stored)
    report = EnrolmentReport(**{**values, "files": tuple(values["files"])})
    numbers = (report.seconds, report.voiced_seconds, report.used_seconds, report.snr_db)
    flags = (report.several_voices, report.enhanced, report.clipped, report.music, report.narrowband)
    sane = all(isinstance(number, int | float) and math.isfinite(number) for number in numbers)
    sane = sane and all(isinstance(flag, bool) for flag in flags)
    if not (sane and all(isinstance(file, str) for file in report.files)):
        raise ValueError("a report of other types")
    return report


def _checksum(tensors: dict[str, np.ndarray], report: str) -> str:
    """SHA-256 over names, types, shapes, contents and the report."""
    digest = hashlib.sha256(f"{FORMAT} {VERSION}\n{report}\n".encode())
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tensors[name].shape}\n".encode())
        digest.update(np.ascontiguousarray(tensors[name]).tobytes())
    return digest.hexdigest()


def _tensors_equal(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> bool:
    return all(np.array_equal(first[name], second[name]) for name in first)


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    from safetensors import SafetensorError, safe_open

    name = quoted(path.name)
    try:
        if not path.is_file():
            raise VoiceError(f"{name} does not exist; check the path of the voice.")
        if path.stat().st_size > _MAXIMUM_BYTES:
            raise VoiceError(f"{name} is not a saved voice; enrol one with `rtvc enroll`.")
        with safe_open(path, "np") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError, TypeError, ValueError) as error:
        if isinstance(error, VoiceError):
            raise
        raise VoiceError(f"{name} is not a saved voice, or is damaged; enrol the voice again.") from error
    if metadata.get("format") != FORMAT:
        raise VoiceError(f"{name} is not a saved voice; enrol one with `rtvc enroll`.")
    return tensors, metadata
