"""The first inputs of `benchmarks/fuzz.py`: what is damaged or hostile is accepted soundly or refused by name."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path

import pytest

COUNTS = {"recordings": 200, "voices": 300, "texts": 60}


@pytest.fixture(scope="module")
def fuzz(tiny):
    path = Path(__file__).parents[1] / "benchmarks" / "fuzz.py"
    spec = importlib.util.spec_from_file_location("fuzz", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.pipeline = lambda: tiny
    return module


@pytest.mark.parametrize("door", COUNTS)
def test_the_front_doors(door, fuzz):
    outcomes = [fuzz.try_one(door, number) for number in range(COUNTS[door])]
    assert [(number, why) for number, (outcome, why) in enumerate(outcomes) if outcome == "failed"] == []
    assert {"accepted", "refused"} <= {outcome for outcome, _ in outcomes}


def test_it_notices_what_goes_wrong(fuzz, monkeypatch):
    def broken(given: object) -> str:
        raise IndexError("a bug")

    monkeypatch.setitem(fuzz.DOORS, "texts", (fuzz.text, broken))
    assert fuzz.try_one("texts", 0)[0] == "failed"


def test_inputs_are_the_same_everywhere(fuzz):
    one, two = (fuzz.text(random.Random("texts 7")) for _ in range(2))
    assert one == two
