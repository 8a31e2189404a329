"""Speed: what a listener waits for, by a clock that is told; and a column for each processor."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from rtvc.evaluation import speed_table
from rtvc.evaluation.speed import audible_ms

RATE = 1000


def chunks(clock: list[float], *parts: tuple[float, np.ndarray]):
    """Waves that come at these seconds."""
    for at, wave in parts:
        clock[0] = at
        yield {"audio": wave, "sampling_rate": RATE}


def silence(samples: int) -> np.ndarray:
    return np.zeros(samples, np.float32)


@pytest.mark.parametrize(
    ("parts", "heard"),
    [
        ([(0.02, np.r_[silence(30), 0.1])], 50.0),  # the silence that the first chunk begins with
        ([(0.02, silence(40)), (0.03, np.r_[silence(5), 0.1])], 65.0),  # the second was there in time
        ([(0.02, silence(40)), (0.10, np.r_[silence(5), 0.1])], 105.0),  # it was not
        ([(0.02, np.r_[0.1, silence(3)])], 20.0),
    ],
)
def test_a_listener_waits_for_what_can_be_heard(parts, heard):
    now = [0.0]
    assert audible_ms(chunks(now, *parts), lambda: now[0]) == pytest.approx(heard)


def test_nothing_that_can_be_heard_is_no_time():
    assert np.isnan(audible_ms([{"audio": silence(10), "sampling_rate": RATE}]))


def figures(cpu: str, rtf: float) -> dict:
    machine = {"cpu": cpu, "threads": 2}
    return {"machine": machine, "rtf": rtf, "date": "2026-01-31", "weights": "abc", "ratios": {"Kokoro": 0.02}}


def test_a_processor_takes_no_others_place(tmp_path):
    file = tmp_path / "speed.json"
    assert speed_table.document(file) == "Not measured yet."
    for found in (figures("a", 0.1), figures("b", 0.2), figures("a", 0.3)):
        speed_table.keep(found, file)
    known = json.loads(file.read_text())
    assert {name: found["rtf"] for name, found in known.items()} == {"a": 0.3, "b": 0.2}
    text = speed_table.document(file)
    assert "|  | a, 2 threads, weights abc, 2026-01-31 | b, 2 threads, weights abc, 2026-01-31 | wanted |" in text
    assert "| streaming: computing time per second of speech | 0.3 | 0.2 | ≤ 0.05 |" in text
    assert "| computing time, of Kokoro's in the same run | 0.02 | 0.02 |  |" in text
    assert "growth" not in text, "rows that nobody has"


# ---------------------------------------------------------------------------------------------- the script


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """`benchmarks/speed.py`."""
    path = Path(__file__).parents[2] / "benchmarks" / "speed.py"
    spec = importlib.util.spec_from_file_location("speed_script", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_says_what_it_measures_before_it_does(script, capsys):
    """It printed nothing for its first five minutes."""
    step = script.Progress()
    assert "a thing …" in step("a thing", lambda: {"said": capsys.readouterr().out})["said"]
    step("folders", lambda: {"original": Path("made", "original"), "rtf": np.float64(0.12345)})
    assert '{"original": "original", "rtf": 0.123}' in capsys.readouterr().out


def test_a_quick_run_keeps_nothing_and_a_whole_one_its_own_column(script, tmp_path, monkeypatch, capsys):
    file = tmp_path / "speed.json"
    monkeypatch.setattr(speed_table, "FILE", file)
    monkeypatch.setattr(script, "measure", lambda *_: {"rtf": 0.1, "growth": {}})
    monkeypatch.setattr(script.logging, "disable", lambda level: None)
    monkeypatch.setattr("rtvc.cli.hush", lambda: None)
    speed_table.keep(figures("another", 0.2), file)
    script.main(["--quick"])
    assert "| streaming: computing time per second of speech | 0.1 | ≤ 0.05 |" in capsys.readouterr().out
    assert set(json.loads(file.read_text())) == {"another"}
    script.main([])
    known = json.loads(file.read_text())
    assert known.pop("another")["rtf"] == 0.2
    (mine,) = known.values()
    assert mine["rtf"] == 0.1
    assert len(mine["weights"]) == 12


def test_ratios_are_of_one_run(script, monkeypatch):
    """rtvc and the fixed voices take turns; twice the time for as long a sentence is a ratio of a half."""
    spent = {"original": np.array([50.0]), "optimised": np.array([25.0]), "Kokoro": np.array([200.0])}
    monkeypatch.setattr(script, "in_turns", lambda calls, times: {name: spent[name] for name in calls})
    say = {"Kokoro": lambda text: (np.zeros(48_000), 24_000)}
    monkeypatch.setattr(script.peers, "voices", lambda folder: (say, {"flite slt": "not here"}))
    clones = {name: lambda text, voice: {"audio": np.zeros(2000), "sampling_rate": 1000} for name in spent}
    clones.pop("Kokoro")
    found = script.beside(clones, None, None, 3)
    assert found["peers"] == {"original": 0.025, "optimised": 0.0125, "Kokoro": 0.1}
    assert found["ratios"] == {"Kokoro": 0.25}
    assert found["left_out"] == {"flite slt": "not here"}
