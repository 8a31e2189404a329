"""Speed: what a listener waits for, by a clock that is told; and a column for each processor."""

from __future__ import annotations

import json

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
