"""Stage ``alignment``: which frames belong to which symbol, for every utterance that RTVC-7 learns from.

A small frame classifier hears phonemes; Viterbi finds the best way through the symbols of the text, with optional
silence between words. The classifier starts on the teacher's own durations and is then trained on what it found
itself, round after round (Viterbi training), on all corpora.
"""

from __future__ import annotations

import json
import time

import librosa
import numba
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from rtvc import VoiceCloningModel, audio, text
from rtvc.rtvc7 import RTVC7Config, log_mel, timbre
from rtvc.training import data, loop
from rtvc.training.teacher import DURATIONS
from rtvc.voice import pitch_statistics

ALIGNED = ".alignment.json"  # of a corpus, in the cache: file → symbols, frames, score
CLASSES = ("", *text.CONSONANTS, *text.VOWELS, *text.REDUCED)  # class 0 is silence; stress is not heard
CLASS_OF = {symbol: CLASSES.index(symbol[-1]) if symbol[-1] in CLASSES else 0 for symbol in text.SYMBOLS}
OPTIONAL = {text.START, text.END, text.BOUNDARY, *text.PAUSES}
IGNORED = -100
QUIET = 4.0  # natural-log units below an utterance's loud frames (35 dB): silence, whatever the teacher says
PRIOR_WEIGHT = 0.6  # how far the classifier's scores are divided by the classes' frequencies
CONFIG = RTVC7Config()
FRAME_RATE = CONFIG.sampling_rate / CONFIG.hop_length


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


def teacher_labels(symbols: list[str], seconds: list[float], mel: Tensor) -> np.ndarray:
    """The teacher's durations as frame classes; its word boundaries, which cover sound, are left open."""
    ends = np.round(np.cumsum(seconds) * FRAME_RATE).astype(int)
    labels = labels_of(symbols, np.diff(ends, prepend=0).tolist(), len(mel))
    level = mel.mean(1).numpy()
    silent = level < np.quantile(level, 0.9) - QUIET / 2.0
    return np.where(silent, 0, np.where(labels == 0, IGNORED, labels))


def _crops(items: list[tuple[Tensor, np.ndarray]], size: int, batch: int, rng: np.random.Generator):
    mels, labels = torch.zeros(batch, size, CONFIG.latent_size), torch.full((batch, size), IGNORED)
    for row, index in enumerate(rng.integers(len(items), size=batch)):
        mel, label = items[index]
        start = rng.integers(max(1, len(mel) - size + 1))
        piece = mel[start : start + size]
        mels[row, : len(piece)] = piece
        labels[row, : len(piece)] = torch.from_numpy(label[start : start + size])
    return _disturb(mels), labels


def _disturb(mels: Tensor) -> Tensor:
    """Noise floors, tilts and masked bands: the classifier meets other microphones than the teacher's."""
    batch, _, bands = mels.shape
    floor = torch.empty(batch, 1, 1).uniform_(-2.5, -0.2)
    tilt = torch.empty(batch, 1, 1).uniform_(-0.4, 0.4) * torch.linspace(-1, 1, bands)
    noisy = torch.logaddexp(2 * mels, 2 * (floor + 0.2 * torch.randn_like(mels))) / 2
    mels = torch.where(torch.rand(batch, 1, 1) < 0.6, noisy, mels) + tilt
    first = torch.randint(0, bands, (batch, 1, 1))
    band = torch.arange(bands)
    return mels.masked_fill((band >= first) & (band < first + torch.randint(0, 12, (batch, 1, 1))), 0.0)


def fit(
    classifier: FrameClassifier, items: list[tuple[Tensor, np.ndarray]], steps: int, rate: float, seed: int
) -> None:
    """Train on (log-mel, frame classes); crops of 3 s, 32 at a time."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    optimizer = torch.optim.AdamW(classifier.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps)
    classifier.train()
    running = 0.0
    for step in range(steps):
        mels, labels = _crops(items, 240, 32, rng)
        with torch.autocast("cpu", torch.bfloat16, enabled=loop.computes_bf16()):
            logits = classifier(mels)
        loss = functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(classifier.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        running += 0.02 * (loss.item() - running) if step else loss.item()
        if step % 100 == 99:
            print(f"alignment step {step + 1} loss {running:.3f}", flush=True)


@torch.inference_mode()
def align(
    classifier: FrameClassifier, mel: Tensor, symbols: list[str], log_prior: np.ndarray
) -> tuple[list[int], float]:
    """Frames a symbol and the mean log posterior of the path."""
    with torch.autocast("cpu", torch.bfloat16, enabled=loop.computes_bf16()):
        logits = classifier(mel[None])[0]
    posteriors = torch.log_softmax(logits, -1).numpy().astype(np.float64)
    classes = np.array([CLASS_OF[symbol] for symbol in symbols])
    optional = np.array([symbol in OPTIONAL for symbol in symbols])
    if len(mel) < (~optional).sum() + 2:
        return [], -1e9
    counts, _ = viterbi(posteriors - PRIOR_WEIGHT * log_prior, classes, optional)
    heard = posteriors[np.arange(len(mel)), np.repeat(classes, counts)]
    return counts.tolist(), float(heard.mean())


def _log_prior(items: list[tuple[Tensor, np.ndarray]]) -> np.ndarray:
    counts = np.bincount(np.concatenate([label[label >= 0] for _, label in items]), minlength=len(CLASSES)) + 1.0
    return np.log(counts / counts.sum())


def tidy(symbols: list[str], frames: list[int], punctuated: bool) -> tuple[list[str], list[int]]:
    """Pauses as they were made: silence is written as a comma, a comma that was not heard as a word boundary."""
    symbols, frames = list(symbols), list(frames)
    if symbols[-1] == text.END:  # the silence at the end belongs to the mark before it
        frames[-2], frames[-1] = frames[-2] + frames[-1], 0
    for index in range(1, len(symbols) - 2):
        if symbols[index] == text.BOUNDARY and frames[index] >= 10:
            symbols[index] = ","
        elif symbols[index] in text.PAUSES and frames[index] < 3 and (not punctuated or symbols[index] == ","):
            symbols[index] = text.BOUNDARY
    return symbols, frames


def _load(corpora: list[str]) -> list[tuple[str, list[str], Tensor, bool]]:
    """(key, symbols, log-mel in float16, punctuated) of every utterance."""
    found = []
    loaded = [data.load_corpus(name) for name in corpora]
    waves = {corpus.name: corpus.wave for corpus in loaded}
    for one in [*sum(data.split(loaded), [])]:
        try:
            symbols = text.phonemize(one.text)
        except text.TextError:
            continue
        mel = features(waves[one.corpus](one)).half()
        found.append((f"{one.corpus}/{one.file}", symbols, mel, not one.text.isupper()))
    return found


def _teacher() -> list[tuple[str, list[str], Tensor, np.ndarray]]:
    corpus = data.load_corpus(data.TEACHER)
    known = json.loads(corpus.file(DURATIONS).read_text(encoding="utf-8"))
    items = []
    for one in corpus.utterances:
        mel, symbols = features(corpus.wave(one)), known[one.file]["symbols"]
        labels = teacher_labels(symbols, known[one.file]["seconds"], mel)
        items.append((f"teacher/{one.file}", symbols, mel.half(), labels))
    return items


def train(config: dict) -> None:
    """Align everything in ``corpora``, and write a corpus's alignments into the cache."""
    start = time.time()
    teacher = _teacher()
    print(f"teacher loaded {time.time() - start:.0f} s", flush=True)
    classifier = FrameClassifier()
    items = [(mel.float(), labels) for _, _, mel, labels in teacher]
    fit(classifier, items, config["first_steps"], config["learning_rate"], 0)
    utterances = [(key, symbols, mel, True) for key, symbols, mel, _ in teacher] + _load(config["corpora"])
    print(f"corpora loaded {time.time() - start:.0f} s", flush=True)
    for round_index in range(config["rounds"] + 1):
        classifier.eval()
        prior = _log_prior(items)
        found = [align(classifier, mel.float(), symbols, prior) for _, symbols, mel, _ in utterances]
        scores = np.array([score for _, score in found])
        bar = np.quantile(scores, 0.1)
        print(f"round {round_index} mean {scores[scores > bar].mean():.3f} worst tenth below {bar:.3f}", flush=True)
        items = [
            (mel.float(), labels_of(symbols, frames, len(mel)))
            for (_, symbols, mel, _), (frames, score) in zip(utterances, found, strict=True)
            if score > bar
        ]
        _save(utterances, found, [data.TEACHER, *config["corpora"]])
        print(f"{time.time() - start:.0f} s", flush=True)
        if round_index < config["rounds"]:
            fit(classifier, items, config["steps"], config["learning_rate"] / 2, round_index + 1)


def _save(utterances: list, found: list, corpora: list[str]) -> None:
    tables: dict[str, dict] = {name: {} for name in corpora}
    for (key, symbols, _, punctuated), (frames, score) in zip(utterances, found, strict=True):
        if frames:
            name = next(one for one in corpora if key.startswith(f"{one}/"))
            symbols, frames = tidy(symbols, frames, punctuated)
            tables[name][key.removeprefix(f"{name}/")] = {"symbols": symbols, "frames": frames, "score": score}
    for name, table in tables.items():
        data.write_text(data.load_corpus(name).file(ALIGNED), json.dumps(table))


# ---------------------------------------------------------------------------------------------- by synthesis
def align_by_synthesis(corpus: data.Corpus) -> None:
    """Align a corpus that no classifier has heard: the bundled model says each text in the recording's voice, and
    dynamic time warping carries its durations over. Needs nothing but the recordings and their texts."""
    from rtvc.loading import load

    model, table = load().model, {}
    for one in tqdm(corpus.utterances, desc=f"aligning {corpus.name}", unit="clip", mininterval=2):
        try:
            symbols = text.phonemize(one.text)
        except text.TextError:
            continue
        frames, score = _warped(model, symbols, corpus.wave(one))
        if frames:
            symbols, frames = tidy(symbols, frames, not one.text.isupper())
            table[one.file] = {"symbols": symbols, "frames": frames, "score": score}
    data.write_text(corpus.file(ALIGNED), json.dumps(table))


@torch.inference_mode()
def _warped(model: VoiceCloningModel, symbols: list[str], wave: np.ndarray) -> tuple[list[int], float]:
    """Frames a symbol of a recording (samples,), and minus the mean distance of its frames from the spoken ones.

    Nothing where the recording is too short for its text.
    """
    mean, spread = pitch_statistics([wave])
    heard = features(wave)
    if len(heard) < len(symbols):
        return [], -1e9
    about = [torch.tensor([one]) for one in (mean, spread, audio.tempo(wave))]
    waves = torch.from_numpy(wave)[None]
    embedding = model.tuned_ge2e(model.earspeech(waves).features).speaker_embedding
    ids = torch.tensor([[text.IDS[symbol] for symbol in symbols]])
    spoken = model.rtvc7.synthesize(
        ids, torch.ones_like(ids), embedding, timbre(waves[0], model.rtvc7.config)[None], *about
    )
    said = features(spoken.waveform[0].numpy())
    return _carried(spoken.durations[0].numpy(), said.numpy(), heard.numpy())


def _carried(durations: np.ndarray, said: np.ndarray, heard: np.ndarray) -> tuple[list[int], float]:
    """Durations (symbols,) in frames of ``said`` → those in ``heard``, both (frames, bands), and the score."""
    costs, path = librosa.sequence.dtw(said.T, heard.T)
    path = path[::-1]
    ends = np.searchsorted(path[:, 0], np.cumsum(durations), side="left").clip(max=len(path) - 1)
    places = np.where(np.cumsum(durations) >= len(said), len(heard), path[ends, 1])
    frames = np.diff(np.maximum.accumulate(places), prepend=0)
    return frames.tolist(), -float(costs[-1, -1] / len(path))
