"""Which frames belong to which symbol: the alignment of an utterance with its text.

A small frame classifier hears phonemes; Viterbi finds the best way through the symbols of the text, with optional
silence between words. The stage ``alignment`` trains the classifier. A corpus that it has not heard is aligned by
synthesis: the bundled model says each text, and dynamic time warping carries its durations over.
"""

from __future__ import annotations

import functools
import json
import zlib
from pathlib import Path

import librosa
import numba
import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from rtvc import VoiceCloningModel, audio, load, phonemes
from rtvc.errors import TextError
from rtvc.loading import CHECKPOINT
from rtvc.model_files import WEIGHTS, file_checksum
from rtvc.rtvc7_config import RTVC7Config
from rtvc.rtvc7_signal import log_mel, long_term_average_spectrum
from rtvc.training import folders
from rtvc.training.data import store
from rtvc.training.disk import writing
from rtvc.training.machine import computes_bf16
from rtvc.voice import pitch_statistics

ALIGNED = ".alignment.json"  # of a corpus, in the cache: file → symbols, frames, score
CLASSES = ("", *phonemes.CONSONANTS, *phonemes.VOWELS, *phonemes.REDUCED)  # class 0 is silence; stress is not heard
CLASS_OF = {symbol: CLASSES.index(symbol[-1]) if symbol[-1] in CLASSES else 0 for symbol in phonemes.SYMBOLS}
OPTIONAL = {phonemes.START, phonemes.END, phonemes.BOUNDARY, *phonemes.PAUSES}
IGNORED = -100
PRIOR_WEIGHT = 0.6  # how far the classifier's scores are divided by the classes' frequencies
CONFIG = RTVC7Config()


class FrameClassifier(nn.Module):
    """Features (batch, frames, bands), here log-mel → class logits (batch, frames, classes)."""

    def __init__(self, bands: int = CONFIG.latent_size, size: int = 192, layers: int = 5, kernel_size: int = 9):
        super().__init__()
        self.enter = nn.Linear(bands, size)
        self.depthwise = nn.ModuleList(
            nn.Conv1d(size, size, kernel_size, padding=kernel_size // 2, groups=size) for _ in range(layers)
        )
        self.mix = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(size), nn.Linear(size, 3 * size), nn.GELU(), nn.Linear(3 * size, size))
            for _ in range(layers)
        )
        self.head = nn.Sequential(nn.LayerNorm(size), nn.Dropout(0.1), nn.Linear(size, len(CLASSES)))

    def forward(self, mel: Tensor) -> Tensor:
        hidden = self.enter(mel)
        for depthwise, mix in zip(self.depthwise, self.mix, strict=True):
            hidden = hidden + mix(depthwise(hidden.transpose(1, 2)).transpose(1, 2))
        return self.head(hidden).float()


def features(wave: np.ndarray) -> Tensor:
    """(samples,) → (frames, bands), log-mel with each band's mean over the utterance taken off (the channel)."""
    mel = log_mel(torch.from_numpy(wave)[None], CONFIG)[0]
    return (mel - mel.mean(0)) / 2.0


@numba.njit(cache=True)
def viterbi(scores: np.ndarray, classes: np.ndarray, optional: np.ndarray) -> tuple[np.ndarray, float]:
    """Best way through ``classes`` in order, optional ones may be left out.

    scores: (frames, classes) log scores; classes, optional: (states,). Returns frames a state (states,) and the mean
    score a frame.
    """
    frames, states = scores.shape[0], len(classes)
    best = np.full(states, -1e30)
    came = np.zeros((frames, states), np.int32)
    best[0] = scores[0, classes[0]]
    if optional[0] and states > 1:
        best[1] = scores[0, classes[1]]
    for frame in range(1, frames):
        now = np.full(states, -1e30)
        for state in range(states):
            source, value = state, best[state]
            if state > 0 and best[state - 1] > value:
                source, value = state - 1, best[state - 1]
            if state > 1 and optional[state - 1] and best[state - 2] > value:
                source, value = state - 2, best[state - 2]
            came[frame, state] = source
            now[state] = value + scores[frame, classes[state]]
        best = now
    state = states - 1
    if optional[state] and best[state - 1] > best[state]:
        state -= 1
    total, counts = best[state], np.zeros(states, np.int64)
    for frame in range(frames - 1, -1, -1):
        counts[state] += 1
        state = came[frame, state]
    return counts, total / frames


def labels_of(symbols: list[str], frames: list[int], total: int) -> np.ndarray:
    """Class of each frame (total,)."""
    classes = np.repeat([CLASS_OF[symbol] for symbol in symbols], frames)
    return np.concatenate([classes, np.zeros(max(0, total - len(classes)), int)])[:total]


@torch.inference_mode()
def align(
    classifier: FrameClassifier, mel: Tensor, symbols: list[str], log_prior: np.ndarray
) -> tuple[list[int], float]:
    """Frames a symbol and the mean log posterior of the path."""
    with torch.autocast("cpu", torch.bfloat16, enabled=computes_bf16()):
        logits = classifier(mel[None])[0]
    posteriors = torch.log_softmax(logits, -1).numpy().astype(np.float64)
    classes = np.array([CLASS_OF[symbol] for symbol in symbols])
    optional = np.array([symbol in OPTIONAL for symbol in symbols])
    if len(mel) < (~optional).sum() + 2:
        return [], -1e9
    counts, _ = viterbi(posteriors - PRIOR_WEIGHT * log_prior, classes, optional)
    chosen = posteriors[np.arange(len(mel)), np.repeat(classes, counts)]
    return counts.tolist(), float(chosen.mean())


def tidy(symbols: list[str], frames: list[int], punctuated: bool) -> tuple[list[str], list[int]]:
    """Pauses as they were spoken: silence is written as a comma, a comma without silence as a word boundary."""
    symbols, frames = list(symbols), list(frames)
    if symbols[-1] == phonemes.END:  # the silence at the end belongs to the mark before it
        frames[-2], frames[-1] = frames[-2] + frames[-1], 0
    for index in range(1, len(symbols) - 2):
        if symbols[index] == phonemes.BOUNDARY and frames[index] >= 10:
            symbols[index] = ","
        elif symbols[index] in phonemes.PAUSES and frames[index] < 3 and (not punctuated or symbols[index] == ","):
            symbols[index] = phonemes.BOUNDARY
    return symbols, frames


# ---------------------------------------------------------------------------------------------- of a corpus
def aligned(corpus: store.Corpus) -> dict[str, dict]:
    """Symbols, frames and score by file: as the stage ``alignment`` found them, else by synthesis."""
    path = corpus.file(ALIGNED)
    table = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if not table or any("wave" in known for known in table.values()):  # not one of before, which is whole
        lacking = [utterance for utterance in corpus.utterances if not utterance.is_of(table.get(utterance.file))]
        table |= aligned_by_synthesis(corpus, lacking) if lacking else {}
    known = {utterance.file: table.get(utterance.file, {}) for utterance in corpus.utterances}
    return {file: about for file, about in known.items() if "symbols" in about}


def aligned_by_synthesis(
    corpus: store.Corpus,
    unheard: list[store.Utterance],
    processes: int | None = None,
    shard: int = 0,
    shards: int = 1,
) -> dict[str, dict]:
    """By file, of what no classifier has heard as it is now: the bundled model says each text in the recording's voice,
    and dynamic time warping carries its durations over.

    Kept by that model's weights, line by line as it comes, so that it goes on where it stopped; a file a ``shard``, of
    which machines that share a cache do one each: recordings belong to them by their names.
    """
    suffix = f".alignment-{file_checksum(CHECKPOINT / WEIGHTS)[:10]}"
    known = _spoken_before(corpus, suffix)
    mine = (utterance for utterance in unheard if zlib.crc32(utterance.file.encode()) % shards == shard)
    if lacking := [utterance for utterance in mine if utterance.file not in known]:
        jobs = [(corpus.file(store.WAVES), utterance.start, utterance.samples, utterance.text) for utterance in lacking]
        found = store.in_parallel(spoken_alignment, jobs, processes, together=1)
        shown = tqdm(found, desc=f"aligning {corpus.name}", total=len(jobs), unit="clip", mininterval=2)
        with writing(folders.CACHE), open(corpus.file(f"{suffix}.{shard}.jsonl"), "a", encoding="utf-8") as lines:
            lines.write("\n")  # behind what a process that was killed may have left in part
            for utterance, about in zip(lacking, shown, strict=True):
                known[utterance.file] = about
                lines.write(json.dumps({"file": utterance.file} | about) + "\n")
                lines.flush()
    return {utterance.file: known[utterance.file] for utterance in unheard if utterance.file in known}


def _spoken_before(corpus: store.Corpus, suffix: str) -> dict[str, dict]:
    """What all shards have found of a corpus's recordings as they are now."""
    utterances, known = {utterance.file: utterance for utterance in corpus.utterances}, {}
    for path in sorted(folders.CACHE.glob(f"{corpus.stem}{suffix}.*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                about = json.loads(line or "{}")
            except json.JSONDecodeError:  # in part
                continue
            file = about.pop("file", None)
            if file in utterances and utterances[file].is_of(about):
                known[file] = about
    return known


@functools.cache
def _speaker() -> VoiceCloningModel:
    """The bundled model, once a process."""
    return load().model


def spoken_alignment(job: tuple[Path, int, int, str]) -> dict:
    """Symbols, frames and score of a recording (file of waves, first sample, samples, text), where its text can be read
    and is no longer than it."""
    path, start, samples, text = job
    about = {"wave": start}
    try:
        symbols = phonemes.phonemize(text)
    except TextError:
        return about
    wave = np.memmap(path, np.int16, "r")[start : start + samples].astype(np.float32) / store.FULL_SCALE
    frames, score = _warped(_speaker(), symbols, wave)
    if not frames:
        return about
    symbols, frames = tidy(symbols, frames, not text.isupper())
    return about | {"symbols": symbols, "frames": frames, "score": score}


@torch.inference_mode()
def _warped(model: VoiceCloningModel, symbols: list[str], wave: np.ndarray) -> tuple[list[int], float]:
    """Frames a symbol of a recording (samples,), and minus the mean distance of its frames from the spoken ones.

    Nothing where the recording is too short for its text.
    """
    mean, spread = pitch_statistics([wave])
    recorded = features(wave)
    if len(recorded) < len(symbols):
        return [], -1e9
    about = [torch.tensor([statistic]) for statistic in (mean, spread, audio.tempo(wave))]
    waves = torch.from_numpy(wave)[None]
    embedding = model.tuned_ge2e(model.earspeech(waves).features).speaker_embedding
    ids = torch.tensor([[phonemes.IDS[symbol] for symbol in symbols]])
    spectrum = long_term_average_spectrum(waves[0], model.rtvc7.config.timbre_size)[None]
    spoken = model.rtvc7.synthesize(ids, torch.ones_like(ids), embedding, spectrum, *about)
    assert spoken.waveform is not None
    assert spoken.durations is not None
    spoken_features = features(audio.resample(spoken.waveform[0].numpy(), model.config.sampling_rate))
    return _carried(spoken.durations[0].numpy(), spoken_features.numpy(), recorded.numpy())


def _carried(durations: np.ndarray, spoken_features: np.ndarray, recorded: np.ndarray) -> tuple[list[int], float]:
    """Durations (symbols,) in frames of ``spoken_features`` → of ``recorded``, both (frames, bands), and the score."""
    costs, path = librosa.sequence.dtw(spoken_features.T, recorded.T)  # type: ignore[attr-defined]
    path = path[::-1]
    ends = np.searchsorted(path[:, 0], np.cumsum(durations), side="left").clip(max=len(path) - 1)
    places = np.where(np.cumsum(durations) >= len(spoken_features), len(recorded), path[ends, 1])
    frames = np.diff(np.maximum.accumulate(places), prepend=0)
    return frames.tolist(), -float(costs[-1, -1] / len(path))
