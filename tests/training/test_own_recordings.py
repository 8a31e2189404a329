"""Fine-tuning from what people have: one long file, or recordings whose words nobody wrote down."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import soundfile
from short_runs import settings

from rtvc import audio, recogniser
from rtvc.errors import TrainingError
from rtvc.training import folders
from rtvc.training.data import own_recordings, store
from rtvc.training.stages import finetune

RATE = store.SAMPLING_RATE


@pytest.fixture
def heard(tmp_path, monkeypatch) -> list[float]:
    """Seconds of what a recogniser was asked to write down, which is always the same."""
    asked: list[float] = []
    monkeypatch.setattr(recogniser, "is_available", lambda: True)
    monkeypatch.setattr(recogniser, "transcribe", lambda wave: asked.append(len(wave) / RATE) or "We went to the sea.")
    monkeypatch.setattr(folders, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(folders, "CACHE", tmp_path / "cache")
    return asked


@pytest.fixture
def long_file(tmp_path, speech, man) -> Path:
    """Seven readings of five seconds with pauses of 0.7 s between them, in one file of 24 kHz."""
    readings = [speech, audio.read(man)[: 5 * RATE]]
    parts = [part for number in range(7) for part in (readings[number % 2], np.zeros(int(0.7 * RATE), np.float32))]
    (tmp_path / "me").mkdir()
    soundfile.write(tmp_path / "me" / "all of it.flac", audio.resample(np.concatenate(parts), RATE, 24_000), 24_000)
    return tmp_path / "me" / "all of it.flac"


def test_one_long_file_is_cut_at_its_pauses_and_heard(long_file, heard, capsys):
    config = finetune.with_texts(settings("finetune", long_file.parent, recordings=str(long_file)))
    assert all(0.9 <= seconds <= 12.3 for seconds in heard)
    assert sum(heard) > 0.8 * 35, "hardly anything is lost"
    own, held = finetune.divided(config)
    assert len(own) + len(held) == len(heard) >= 6
    assert {one.text for one in own + held} == {"We went to the sea."}
    assert max(one.bandwidth for one in own) == 12_000
    printed = capsys.readouterr().out
    assert printed.count("We went to the sea.") == len(heard), "shown for correction"
    assert "Correct what was misheard in" in printed


def test_a_piece_ends_in_a_pause(long_file):
    wave = audio.read(long_file)
    spans = audio.voiced_spans(wave)
    found = own_recordings.clips(wave)
    for edge in (edge for piece in found for edge in piece):
        assert not any(first < edge < last for first, last in spans), "no word is cut"
    assert all(stop <= start for (_, stop), (start, _) in itertools.pairwise(found)), "nor in two pieces"


def test_what_somebody_corrected_stays_and_is_learned_from(long_file, heard):
    config = settings("finetune", long_file.parent, recordings=str(long_file.parent))
    folder = Path(finetune.with_texts(config)["recordings"])
    asked = len(heard)
    first = sorted(folder.glob("*.txt"))[0]
    first.write_text("He went to see.\n")
    assert finetune.with_texts(config)["recordings"] == str(folder)
    other = finetune.with_texts(config | {"recordings": "runs/finetune/recordings", "name": "other"})
    assert other["recordings"] == str(folder), "a folder in which everything has its text"
    assert len(heard) == asked, "nothing is heard twice"
    own, held = finetune.divided(other)
    assert "He went to see." in {one.text for one in own + held}


def test_texts_that_there_are_stay_beside_what_is_heard(long_file, heard, speech):
    audio.write(long_file.parent / "1.wav", speech, RATE)
    (long_file.parent / "1.txt").write_text("What is written.")
    folder = Path(
        finetune.with_texts(settings("finetune", long_file.parent, recordings=str(long_file.parent)))["recordings"]
    )
    assert (folder / "1.000.txt").read_text() == "What is written.\n"
    assert len(list(folder.glob("all of it.*.txt"))) == len(heard)


def test_without_a_recogniser_it_is_said_what_to_do(long_file, heard, monkeypatch, speech):
    monkeypatch.setattr(recogniser, "is_available", lambda: False)
    config = settings("finetune", long_file.parent, recordings=str(long_file.parent))
    with pytest.raises(TrainingError, match=r"Nobody wrote down what is said.*pip install faster-whisper"):
        finetune.with_texts(config)
    audio.write(long_file.parent / "1.wav", speech, RATE)
    (long_file.parent / "1.txt").write_text("What is written.")
    assert finetune.with_texts(config)["recordings"] == str(long_file.parent), "what has a text is enough"
