"""What people would pick instead, where it can run here: fixed voices that read a text, and small enhancers.

hibari comes with rtvc, flite with the system, RNNoise with a package; the weights of the others lie in
a folder, `--peers`; docs/evaluation.md has a command for each. Who is not there is reported as missing, with what would
bring it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import soundfile
import soxr
import torch

from rtvc.evaluation.judges.base import load_code
from rtvc.sentences import split_sentences

RATE = 16_000  # of the enhancers' waves
Speak = Callable[[str], tuple[np.ndarray, int]]
Enhance = Callable[[np.ndarray], np.ndarray]


class MissingPeer(Exception):
    """A peer cannot be had here; the message says why, and how it could."""


def voices(folder: Path | None = None) -> tuple[dict[str, Speak], dict[str, str]]:
    """Fixed voices: name → text to (wave (samples,), rate), and why others are missing."""
    return _gathered(VOICES, folder)


def enhancers(folder: Path | None = None) -> tuple[dict[str, Enhance], dict[str, str]]:
    """Enhancers: name → wave (samples,) at 16 kHz to wave, and why others are missing."""
    return _gathered(ENHANCERS, folder)


Makers = dict[str, Callable[[Path | None], Callable]]


def _gathered(makers: Makers, folder: Path | None) -> tuple[dict[str, Callable], dict[str, str]]:
    found, missing = {}, {}
    for name, make in makers.items():
        try:
            found[name] = make(folder)
        except MissingPeer as reason:
            missing[name] = str(reason)
    return found, missing


def _files(folder: Path | None, peer: str, *names: str) -> list[Path]:
    """Files of a peer's own folder; where alternatives are named, "a|b", the first that exists.

    Raises:
        MissingPeer: one is not there.
    """
    if folder is None:
        raise MissingPeer(f"its weights are not part of rtvc: give a folder that holds {peer}/ as --peers")
    found = []
    for name in names:
        path = next((path for option in name.split("|") if (path := folder / peer / option).exists()), None)
        if path is None:
            raise MissingPeer(f"{peer}/{name.split('|')[0]} is not in the folder of --peers")
        found.append(path)
    return found


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()  # as many as rtvc computes with
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


# ---------------------------------------------------------------------------------------------- voices


def hibari(folder: Path | None) -> Speak:
    """The voice in hibari's wheel, which is one of rtvc's requirements for its phonemes."""
    from hibari import Hibari

    say = Hibari()
    return lambda text: (np.asarray(say(text, seed=0), np.float32), 24_000)


def flite(folder: Path | None) -> Speak:
    """The command flite with its voice slt.

    Raises:
        MissingPeer: it is not installed.
    """
    if not shutil.which("flite"):
        raise MissingPeer("the command flite is not installed: `apt install flite`")
    return _flite


def _flite(text: str) -> tuple[np.ndarray, int]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "said.wav")
        subprocess.run(["flite", "-voice", "slt", "-t", text, "-o", str(path)], check=True, capture_output=True)
        return soundfile.read(path, dtype="float32")


class Kokoro:
    """Kokoro-82M (hexgrad) in int8: the fixed voice ``af_heart``, which people use where nobody is cloned.

    It reads the phonemes that hibari's G2P writes. A style has a row for each number of symbols.
    """

    VOICE, STYLE, LONGEST = "af_heart", 256, 510  # numbers of a row; symbols at once

    def __init__(self, folder: Path | None):
        """
        Raises:
            MissingPeer: a file is not there.
        """
        from hibari.g2p import G2P

        names = ("model.onnx|onnx/model_quantized.onnx", "tokenizer.json|vocab.json", f"voices/{self.VOICE}.bin")
        network, symbols, style = _files(folder, "kokoro", *names)
        table = json.loads(symbols.read_text(encoding="utf-8"))
        self.vocabulary = table.get("model", table)["vocab"]
        self.styles = np.fromfile(style, np.float32).reshape(-1, self.STYLE)
        self.session, self.phonemes = _session(network), G2P()

    def __call__(self, text: str) -> tuple[np.ndarray, int]:
        return np.concatenate([self._said(sentence) for sentence in split_sentences(text)]), 24_000

    def _said(self, sentence: str) -> np.ndarray:
        ids = [self.vocabulary[symbol] for symbol in self.phonemes(sentence) if symbol in self.vocabulary]
        ids = ids[: self.LONGEST]
        given = {"style": self.styles[len(ids) - 1][None], "speed": np.ones(1, np.float32)}
        tokens = np.array([[0, *ids, 0]], np.int64)  # its name depends on the export
        fed = {tensor.name: given.get(tensor.name, tokens) for tensor in self.session.get_inputs()}
        return self.session.run(None, fed)[0].reshape(-1)


# ---------------------------------------------------------------------------------------------- enhancers


def overlapped(wave: np.ndarray, size: int, hop: int, clean: Enhance) -> np.ndarray:
    """A wave (samples,) cut into frames (size,), each cleaned in turn, and their sum at the frames' places."""
    padded = np.pad(np.asarray(wave, np.float32), (size - hop, size))
    out = np.zeros_like(padded)
    for start in range(0, padded.size - size + 1, hop):
        out[start : start + size] += clean(padded[start : start + size])
    return out[size - hop :][: wave.size]


class DTLN:
    """DTLN (N. Westhausen and B. Meyer 2020): a mask of the spectrum, then one of learned features, frame by frame."""

    SIZE, HOP = 512, 128

    def __init__(self, folder: Path | None):
        """
        Raises:
            MissingPeer: a file is not there.
        """
        self.networks = [_session(path) for path in _files(folder, "dtln", "model_1.onnx", "model_2.onnx")]

    def __call__(self, wave: np.ndarray) -> np.ndarray:
        masked, shaped = (_Recurrent(network) for network in self.networks)

        def clean(frame: np.ndarray) -> np.ndarray:
            spectrum = np.fft.rfft(frame)
            mask = masked(np.abs(spectrum)[None, None])[0, 0]
            return shaped(np.fft.irfft(spectrum * mask)[None, None])[0, 0]

        return overlapped(wave, self.SIZE, self.HOP, clean)


class GTCRN:
    """GTCRN (X. Rong et al. 2024), trained on DNS3: a complex mask, frame by frame."""

    SIZE, HOP = 512, 256

    def __init__(self, folder: Path | None):
        """
        Raises:
            MissingPeer: its file is not there.
        """
        (path,) = _files(folder, "gtcrn", "gtcrn_simple.onnx")
        self.network = _session(path)

    def __call__(self, wave: np.ndarray) -> np.ndarray:
        window = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.SIZE) / self.SIZE))
        masked = _Recurrent(self.network)

        def clean(frame: np.ndarray) -> np.ndarray:
            spectrum = np.fft.rfft(frame * window)
            real, imaginary = masked(np.stack([spectrum.real, spectrum.imag], -1)[None, :, None])[0, :, 0].T
            return np.fft.irfft(real + 1j * imaginary) * window

        return overlapped(wave, self.SIZE, self.HOP, clean)


class _Recurrent:
    """A network whose first input and output are a frame, and the others what it remembers, which starts as nothing."""

    def __init__(self, network: onnxruntime.InferenceSession):
        self.network = network
        first, *others = network.get_inputs()
        self.frame, self.names = first.name, [tensor.name for tensor in others]
        self.memory = [np.zeros(tensor.shape, np.float32) for tensor in others]

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        remembered = dict(zip(self.names, self.memory, strict=True))
        out, *self.memory = self.network.run(None, {self.frame: frame.astype(np.float32), **remembered})
        return out


def rnnoise(folder: Path | None) -> Enhance:
    """RNNoise (J.-M. Valin 2018), by the library in the wheel of pyrnnoise; only its binding is run.

    Raises:
        MissingPeer: it is not installed.
    """
    if (package := find_spec("pyrnnoise")) is None:
        raise MissingPeer("pyrnnoise is not installed: `pip install --no-deps pyrnnoise==0.4.5`")
    try:
        code = load_code(Path(str(package.origin)).parent / "rnnoise.py")
    except OSError as error:
        raise MissingPeer("the library in the wheel of pyrnnoise does not run on this system") from error
    return lambda wave: _rnnoise(code, wave)


def _rnnoise(code: Any, wave: np.ndarray) -> np.ndarray:
    """At 48 kHz, in frames of 10 ms; what it gives is two frames late."""
    high = np.clip(soxr.resample(np.asarray(wave, np.float32), RATE, 48_000), -1, 1)
    size = code.FRAME_SIZE
    frames = np.pad(np.int16(32767 * high), (0, 2 * size + -high.size % size)).reshape(-1, size)
    state = code.create()
    try:
        cleaned = np.concatenate([code.process_mono_frame(state, frame)[0] for frame in frames])
    finally:
        code.destroy(state)
    return soxr.resample(cleaned[2 * size :].astype(np.float32) / 32768, 48_000, RATE)[: wave.size]


VOICES: dict[str, Callable[[Path | None], Speak]] = {"Kokoro": Kokoro, "hibari": hibari, "flite slt": flite}
ENHANCERS: dict[str, Callable[[Path | None], Enhance]] = {"DTLN": DTLN, "GTCRN": GTCRN, "RNNoise": rnnoise}
