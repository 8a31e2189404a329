"""The stage that trains a classifier to hear which frames belong to which symbol."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from short_runs import LINES
from test_sources import place, write  # noqa: F401  # a fixture

from rtvc import phonemes
from rtvc.errors import TrainingError
from rtvc.training import command
from rtvc.training.config import load_config
from rtvc.training.data import alignment, store
from rtvc.training.data.measurements import FRAME_RATE
from rtvc.training.stages import alignment as stage

RATE = 24_000


def hummed(symbols: list[str], random: np.random.Generator) -> tuple[list[int], np.ndarray]:
    """Frames a symbol, and a wave in which each class has two tones of its own; what is optional is silent."""
    frames = [int(random.integers(8, 16)) for _ in symbols]
    parts = []
    for symbol, count in zip(symbols, frames, strict=True):
        time, kind = np.arange(round(count * RATE / FRAME_RATE)) / RATE, alignment.CLASS_OF[symbol]
        tones = np.sin(2 * np.pi * 250 * 1.07**kind * time) + np.sin(2 * np.pi * (900 + 130 * kind) * time)
        parts.append(0.1 * tones * (kind > 0) + 1e-4 * random.standard_normal(len(time)))
    return frames, np.concatenate(parts)


def test_durations_that_a_teacher_knows_carry_over_to_recordings(place, monkeypatch, capsys):  # noqa: F811
    """Nothing but alignments is in memory: the waves are read where they lie, as they are heard."""
    random, cache = np.random.default_rng(0), place / "cache"
    cache.mkdir()
    start, known = 0, {}
    with open(cache / "kokoro0.i16", "wb") as waves, open(cache / "kokoro0.jsonl", "w") as lines:
        for number in range(24):
            symbols = phonemes.phonemize(LINES[number % 4])
            frames, wave = hummed(symbols, random)
            about = {"file": f"k/{number}", "speaker": "k", "text": LINES[number % 4], "symbols": symbols}
            about |= {"seconds": [count / FRAME_RATE for count in frames], "start": start, "samples": len(wave)}
            lines.write(json.dumps(about) + "\n")
            waves.write((wave * 32_000).astype(np.int16).tobytes())
            start += len(wave)
    for number, line in enumerate(LINES):
        known[f"ann/{number}.wav"], wave = hummed(phonemes.phonemize(line), random)
        path = place / "people" / "ann" / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, wave, RATE)
        write(path.with_suffix(".txt"), line)
    monkeypatch.setattr(stage, "FrameClassifier", functools.partial(alignment.FrameClassifier, size=32, layers=2))
    config = load_config(Path("configs/alignment.yaml"), ["--first_steps", "40", "--steps", "10", "--processes", "1"])
    command.run(config | {"corpora": [str(place / "people")], "learning_rate": 0.01})
    assert "round 1 mean" in capsys.readouterr().out
    corpus = store.load_corpus(str(place / "people"), 1)
    found = alignment.aligned(corpus)
    assert set(found) == set(known)
    for utterance in corpus.utterances:
        about, truth = found[utterance.file], known[utterance.file]
        assert sum(about["frames"]) == utterance.samples * FRAME_RATE // store.SAMPLING_RATE
        ends = np.cumsum(truth)[1:-2] - round(utterance.cut * FRAME_RATE)
        assert np.abs(np.cumsum(about["frames"])[1:-2] - ends).mean() < 3
    assert list(cache.glob("*.alignment-*.jsonl")) == [], "nobody had to say them"


def test_only_what_the_bundled_model_says_is_shared_among_machines():
    with pytest.raises(TrainingError, match="“shards”.*“synthetic”"):
        command.run(load_config(Path("configs/alignment.yaml"), ["--shards", "2"]))
