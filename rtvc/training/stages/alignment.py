"""Stage ``alignment``: which frames belong to which symbol, for every utterance that RTVC-7 learns from.

The frame classifier starts on synthetic speech, whose durations are known, and is then trained on what it found itself,
round after round (Viterbi training), on all corpora.
"""

from __future__ import annotations

import json
import time

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from rtvc import phonemes
from rtvc.errors import TextError, TrainingError
from rtvc.training import folders
from rtvc.training.data import sources, store
from rtvc.training.data.alignment import (
    ALIGNED,
    CLASSES,
    CONFIG,
    IGNORED,
    FrameClassifier,
    align,
    features,
    labels_of,
    tidy,
)
from rtvc.training.data.corpora import Corpora, split
from rtvc.training.data.measurements import FRAME_RATE
from rtvc.training.disk import write_text
from rtvc.training.machine import computes_bf16
from rtvc.training.stages.teacher import DURATIONS

QUIET = 4.0  # natural-log units below an utterance's loud frames (35 dB): silence, whatever its durations say


def synthetic_labels(symbols: list[str], seconds: list[float], mel: Tensor) -> np.ndarray:
    """The durations of synthetic speech as frame classes; its word boundaries, which cover sound, are left open."""
    ends = np.round(np.cumsum(seconds) * FRAME_RATE).astype(int).clip(0)
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
    """Noise floors, tilts and masked bands: the classifier meets other microphones than the synthetic speech has."""
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
        with torch.autocast("cpu", torch.bfloat16, enabled=computes_bf16()):
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


def _log_prior(items: list[tuple[Tensor, np.ndarray]]) -> np.ndarray:
    counts = np.bincount(np.concatenate([label[label >= 0] for _, label in items]), minlength=len(CLASSES)) + 1.0
    return np.log(counts / counts.sum())


def _load(loaded: list[store.Corpus]) -> list[tuple[tuple[str, str], list[str], Tensor, bool]]:
    """((corpus, file), symbols, log-mel in float16, punctuated) of every utterance."""
    found = []
    waves = {corpus.name: corpus.wave for corpus in loaded}
    for utterance in [*sum(split(loaded), [])]:
        try:
            symbols = phonemes.phonemize(utterance.text)
        except TextError:
            continue
        mel = features(waves[utterance.corpus](utterance)).half()
        found.append(((utterance.corpus, utterance.file), symbols, mel, not utterance.text.isupper()))
    return found


def _synthetic_speech(corpus: store.Corpus) -> list[tuple[tuple[str, str], list[str], Tensor, np.ndarray]]:
    items, known = [], _known_durations(corpus)
    for utterance in corpus.utterances:
        mel, (symbols, seconds) = features(corpus.wave(utterance)), known[utterance.file]
        labels = synthetic_labels(symbols, [seconds[0] - utterance.cut, *seconds[1:]], mel)
        items.append(((corpus.name, utterance.file), symbols, mel.half(), labels))
    return items


def _known_durations(corpus: store.Corpus) -> dict[str, tuple[list[str], list[float]]]:
    """Symbols and their seconds by file, as the teacher gave them."""
    if corpus.name == store.SYNTHETIC_SPEECH:
        lines = json.loads(corpus.file(DURATIONS).read_text(encoding="utf-8"))
    else:
        source = sources.find(corpus.name, folders.CACHE)
        if not isinstance(source, sources.Synthetic):
            raise TrainingError(f"“{corpus.name}” is no synthetic speech; name what a teacher read, such as kokoro0.")
        lines = {line["file"]: line for line in source.lines()}
    return {file: (line["symbols"], line["seconds"]) for file, line in lines.items()}


def train(config: dict) -> None:
    """Align everything in ``corpora``, and write a corpus's alignments into the cache."""
    start = time.time()
    read, asked = store.load_corpus(config["synthetic"]), Corpora(config["corpora"])
    loaded = [asked.load(name) for name in asked]
    synthetic = _synthetic_speech(read)
    print(f"synthetic speech loaded {time.time() - start:.0f} s", flush=True)
    classifier = FrameClassifier()
    items = [(mel.float(), labels) for _, _, mel, labels in synthetic]
    fit(classifier, items, config["first_steps"], config["learning_rate"], 0)
    utterances = [(key, symbols, mel, True) for key, symbols, mel, _ in synthetic] + _load(loaded)
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
        _save(utterances, found, [read, *loaded])
        print(f"{time.time() - start:.0f} s", flush=True)
        if round_index < config["rounds"]:
            fit(classifier, items, config["steps"], config["learning_rate"] / 2, round_index + 1)


def _save(utterances: list, found: list, corpora: list[store.Corpus]) -> None:
    tables: dict[str, dict] = {corpus.name: {} for corpus in corpora}
    for ((name, file), symbols, _, punctuated), (frames, score) in zip(utterances, found, strict=True):
        if frames:
            symbols, frames = tidy(symbols, frames, punctuated)
            tables[name][file] = {"symbols": symbols, "frames": frames, "score": score}
    for corpus in corpora:
        table = {one.file: tables[corpus.name].get(one.file, {}) | {"wave": one.start} for one in corpus.utterances}
        write_text(corpus.file(ALIGNED), json.dumps(table))
