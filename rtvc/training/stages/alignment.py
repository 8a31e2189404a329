"""Stage ``alignment``: which frames belong to which symbol, for every utterance that RTVC-7 learns from.

The frame classifier starts on synthetic speech, whose durations are known, and is then trained on what it found itself,
round after round (Viterbi training), on all corpora. Waves are read from the cache as they are heard; nothing but their
alignments is in memory. Without synthetic speech the bundled model says the texts (``data.alignment``).
"""

from __future__ import annotations

import functools
import json
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

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
    aligned_by_synthesis,
    features,
    labels_of,
    tidy,
)
from rtvc.training.data.corpora import Corpora, split
from rtvc.training.data.measurements import FRAME_RATE
from rtvc.training.disk import write_text
from rtvc.training.machine import computes_bf16
from rtvc.training.stages.teacher import DURATIONS

COUNTED = 2000  # utterances by which the frequencies of classes are known
QUIET = 4.0  # natural-log units below an utterance's loud frames (35 dB): silence, whatever its durations say


def synthetic_labels(symbols: list[str], seconds: list[float], mel: Tensor) -> np.ndarray:
    """The durations of synthetic speech as frame classes; its word boundaries, which cover sound, are left open."""
    ends = np.round(np.cumsum(seconds) * FRAME_RATE).astype(int).clip(0)
    labels = labels_of(symbols, np.diff(ends, prepend=0).tolist(), len(mel))
    level = mel.mean(1).numpy()
    silent = level < np.quantile(level, 0.9) - QUIET / 2.0
    return np.where(silent, 0, np.where(labels == 0, IGNORED, labels))


@dataclass(frozen=True)
class Spoken:
    """An utterance of a corpus with its symbols, where its wave lies, and what is known of their durations: ``seconds``
    by a teacher, ``frames`` by the classifier."""

    corpus: str
    file: str
    waves: Path
    start: int
    samples: int
    symbols: list[str]
    punctuated: bool
    seconds: list[float] | None = None
    frames: list[int] | None = None

    def features(self) -> Tensor:
        """(frames, bands)"""
        wave = np.memmap(self.waves, np.int16, "r")[self.start : self.start + self.samples]
        return features(wave.astype(np.float32) / store.FULL_SCALE)

    def labels(self, mel: Tensor) -> np.ndarray:
        """(frames,) classes, of the features."""
        if self.frames is not None:
            return labels_of(self.symbols, self.frames, len(mel))
        assert self.seconds is not None  # of what is learned from
        return synthetic_labels(self.symbols, self.seconds, mel)


def _crops(items: list[Spoken], size: int, batch: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    mels, labels = torch.zeros(batch, size, CONFIG.latent_size), torch.full((batch, size), IGNORED)
    for row, index in enumerate(rng.integers(len(items), size=batch)):
        mel = items[index].features()
        start = rng.integers(max(1, len(mel) - size + 1))
        piece = mel[start : start + size]
        mels[row, : len(piece)] = piece
        labels[row, : len(piece)] = torch.from_numpy(items[index].labels(mel)[start : start + size])
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


def fit(classifier: FrameClassifier, items: list[Spoken], steps: int, rate: float, seed: int) -> None:
    """Train on what is known of the items; crops of 3 s, 32 at a time."""
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


def _log_prior(items: list[Spoken]) -> np.ndarray:
    """(classes,) log share of the frames, of at most ``COUNTED`` of the items."""
    counts = np.ones(len(CLASSES))
    for index in np.random.default_rng(0).permutation(len(items))[:COUNTED]:
        labels = items[index].labels(items[index].features())
        counts += np.bincount(labels[labels >= 0], minlength=len(CLASSES))
    return np.log(counts / counts.sum())


def _to_align(loaded: list[store.Corpus]) -> list[Spoken]:
    """Every utterance whose text can be read."""
    found, waves = [], {corpus.name: corpus.file(store.WAVES) for corpus in loaded}
    for utterance in [*sum(split(loaded), [])]:
        try:
            symbols = phonemes.phonemize(utterance.text)
        except TextError:
            continue
        place = waves[utterance.corpus], utterance.start, utterance.samples
        found.append(Spoken(utterance.corpus, utterance.file, *place, symbols, not utterance.text.isupper()))
    return found


def _synthetic_speech(corpus: store.Corpus) -> list[Spoken]:
    items, known, waves = [], _known_durations(corpus), corpus.file(store.WAVES)
    for utterance in corpus.utterances:
        symbols, seconds = known[utterance.file]
        place, seconds = (waves, utterance.start, utterance.samples), [seconds[0] - utterance.cut, *seconds[1:]]
        items.append(Spoken(corpus.name, utterance.file, *place, symbols, True, seconds))
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
    asked = Corpora(config["corpora"])
    if config["synthetic"]:
        if config["shards"] > 1:
            raise TrainingError(
                "The key “shards” shares among machines what the bundled model says; a classifier learns on one: leave "
                "out “shards”, or “synthetic” with null."
            )
        _by_a_classifier(config, asked)
        return
    for name in asked:
        corpus = asked.load(name)
        shard = config["processes"], config["shard"], config["shards"]
        found = aligned_by_synthesis(corpus, corpus.utterances, *shard)
        print(f"alignment: {name} {len(found)} of {len(corpus.utterances)} recordings", flush=True)


def _by_a_classifier(config: dict, asked: Corpora) -> None:
    read, loaded = store.load_corpus(config["synthetic"]), [asked.load(name) for name in asked]
    items = _synthetic_speech(read)
    utterances, classifier, start = items + _to_align(loaded), FrameClassifier(), time.time()
    fit(classifier, items, config["first_steps"], config["learning_rate"], 0)
    for number in range(config["rounds"] + 1):
        found = _aligned(classifier, _log_prior(items), utterances, config["processes"])
        scores = np.array([score for _, score in found])
        bar = np.quantile(scores, 0.1)
        print(f"round {number} mean {scores[scores > bar].mean():.3f} worst tenth below {bar:.3f}", flush=True)
        items = [
            replace(utterance, frames=frames)
            for utterance, (frames, score) in zip(utterances, found, strict=True)
            if score > bar
        ]
        _save(utterances, found, [read, *loaded])
        print(f"{time.time() - start:.0f} s", flush=True)
        if number < config["rounds"]:
            fit(classifier, items, config["steps"], config["learning_rate"] / 2, number + 1)


def _aligned(
    classifier: FrameClassifier, prior: np.ndarray, utterances: list[Spoken], processes: int | None
) -> list[tuple[list[int], float]]:
    """Frames a symbol and the score of each, by several processes, which read the classifier from a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "classifier"
        torch.save((classifier.state_dict(), torch.from_numpy(prior)), path)
        found = store.in_parallel(functools.partial(_heard, path), utterances, processes)
        return list(tqdm(found, desc="aligning", total=len(utterances), unit="clip", mininterval=2))


@functools.lru_cache(1)
def _loaded(path: Path) -> tuple[FrameClassifier, np.ndarray]:
    state, prior = torch.load(path)
    classifier = FrameClassifier()
    classifier.load_state_dict(state)
    return classifier.eval(), prior.numpy()


def _heard(path: Path, spoken: Spoken) -> tuple[list[int], float]:
    classifier, prior = _loaded(path)
    return align(classifier, spoken.features(), spoken.symbols, prior)


def _save(utterances: list[Spoken], found: list[tuple[list[int], float]], corpora: list[store.Corpus]) -> None:
    tables: dict[str, dict] = {corpus.name: {} for corpus in corpora}
    for utterance, (frames, score) in zip(utterances, found, strict=True):
        if frames:
            symbols, frames = tidy(utterance.symbols, frames, utterance.punctuated)
            tables[utterance.corpus][utterance.file] = {"symbols": symbols, "frames": frames, "score": score}
    for corpus in corpora:
        table = {
            utterance.file: tables[corpus.name].get(utterance.file, {}) | {"wave": utterance.start}
            for utterance in corpus.utterances
        }
        write_text(corpus.file(ALIGNED), json.dumps(table))
