"""Limit tests: what is a fault of a clip, and the command with its page."""

from __future__ import annotations

import json

import numpy as np
import pytest
from evaluation_fakes import others, write_cases

from rtvc.cli import main
from rtvc.evaluation import limits, limits_page, run
from rtvc.evaluation.limits import sound_faults

RATE = 16_000


def clip(before: float = 0.0, after: float = 0.0) -> np.ndarray:
    """0.5 s of silence, 1 s of a tone, 1 s of silence; ``before`` and ``after``: levels in 0.4 s of those."""
    wave = np.zeros(int(2.5 * RATE), np.float32)
    tone = np.sin(np.arange(wave.size) * 0.2).astype(np.float32)
    wave[RATE // 2 : 3 * RATE // 2] = 0.5 * tone[RATE // 2 : 3 * RATE // 2]
    wave[: 2 * RATE // 5] += before * tone[: 2 * RATE // 5]
    wave[-2 * RATE // 5 :] += after * tone[-2 * RATE // 5 :]
    return wave


def test_faults_of_a_clip():
    assert sound_faults(clip(), 0.5, 1.5) == {}
    (tail,) = sound_faults(clip(after=0.1), 0.5, 1.5)
    assert tail == "0.40 s of sound after the last word"
    (burst,) = sound_faults(clip(before=0.1), 0.5, 1.5)
    assert burst == "a burst before the first word, 14 dB below the speech"
    assert sound_faults(clip(), 0.51, 1.5) == {}, "a sound may begin a little before its frame"
    assert sound_faults(clip(before=0.001, after=0.001), 0.5, 1.5) == {}, "nobody hears it"
    assert list(sound_faults(np.clip(3 * clip(), -1, 1), 0.5, 1.5)) == [
        f"{(np.abs(3 * clip()) >= 0.999).sum()} samples at full scale"
    ]
    assert list(sound_faults(0 * clip(), 0.5, 1.5)) == ["silent"]
    assert list(sound_faults(clip() * np.nan, 0.5, 1.5)) == ["not a number"]


def test_the_command_writes_a_page(tiny_folder, tmp_path, woman, man, monkeypatch, capsys):
    (tmp_path / "cases").mkdir()
    cases = write_cases(tmp_path / "cases", woman, man)
    monkeypatch.setattr("rtvc.cli.hush", lambda: None)
    monkeypatch.setattr(run, "company", lambda *given: others())
    monkeypatch.setattr(limits, "LINES", {"one word": ["Good."], "digits": ["12 and 34."]})
    monkeypatch.setattr(limits, "GENERATIONS", 2)
    output = tmp_path / "limits"
    given = ["limits", "--model", str(tiny_folder), "--cases", str(cases), "--output", str(output)]
    assert main([*given, "--minutes", "0.2"]) == 0
    assert " clips with a fault; 5 of 5 sentences of the long text" in capsys.readouterr().out
    results = json.loads((output / "results.json").read_text())
    found = results["limits"]
    kinds = {row["kind"] for row in found["clips"]}
    assert {"one word", "digits", "speed 0.25", "speed 4", "pitch -12", "pitch 12", "generation 1"} <= kinds
    trouble = [row["trouble"] for row in found["clips"]]
    assert trouble == sorted(trouble, reverse=True)
    assert [row["seconds"] for row in found["references"]] == [3, 5], "there are ten seconds of nobody"
    fast = next(row for row in found["clips"] if row["kind"] == "speed 4")
    assert fast["asked"] == 4
    assert fast["got"] > 1.5
    assert [row["generation"] for row in found["generations"]] == [1, 2]
    assert "no speech" in found["generations"][1]["refused"], "untrained weights make none; the page is written anyway"
    kept = {metric["name"]: metric for metric in limits_page.table(results).evaluation()["metrics"]}
    assert kept["Clips with a fault, one word"]["of"] == [2]
    assert kept["Sentences spoken of a text of 0 min"]["times"] == [5]
    assert "Likeness, cosine by spectrum, reference of 5 s" in kept
    assert "Likeness, cosine by spectrum, clone of a clone, generation 1" in kept
    text = (output / "index.html").read_text()
    assert "The worst 10" in text
    assert "&lt;b&gt;good" in text
    assert "http" not in text
    assert main([*given, "--minutes", "0"]) == 2
    (cases / "clone.tsv").unlink()
    assert main(given) == 2
    said = capsys.readouterr().err
    assert "--minutes must be" in said
    assert "need clone.tsv" in said


def test_lines_of_every_kind_are_there():
    """Issue: one-word texts, digits, repeats, sixty-word sentences."""
    assert {"one letter", "one word", "digits", "repeated words", "sixty words"} <= set(limits.LINES)
    assert all(48 <= len(line.split()) <= 80 for line in limits.LINES["sixty words"])
    assert pytest.approx(limits.SECONDS) == (3, 5, 10, 30)
