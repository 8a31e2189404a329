"""Blind pairs for ears: how they are drawn, what the page holds, and what a person who uses it counts."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rtvc.errors import EvaluationError
from rtvc.evaluation import listening

RATE = 16_000
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture
def report(tmp_path) -> tuple[dict, Path]:
    """Eight sentences, half of them read by people, all by a peer; each with silence around it and its own level."""
    (tmp_path / "clips").mkdir()
    systems: dict[str, dict] = {"rtvc": {}, "rtvc, short reference": {}, "recordings": {}, "peer": {}}
    for place, (name, system) in enumerate(systems.items()):
        system["sentences"] = []
        for number in range(4 if name == "recordings" else 8):
            clip = f"clips/{number}-{place}.flac"
            tone = 0.1 * (place + 1) * np.sin(np.arange(RATE) * 0.05 * (number + 1))
            soundfile.write(tmp_path / clip, np.pad(tone, (RATE * (place + 1), 3000)), RATE)
            text = f"Sentence </script> {number}."
            system["sentences"].append({"case": str(number), "text": text, "clip": clip})
    results = {"cloning": {"systems": systems}, "rtvc": "0", "model": {"weights": "abc"}}
    return results, tmp_path


def test_pairs_are_drawn_by_the_seed_and_shared_out(report):
    pairs = listening.drawn(report[0], 8, 0)
    assert pairs == listening.drawn(report[0], 8, 0) != listening.drawn(report[0], 8, 1)
    assert sorted(pair["against"] for pair in pairs) == ["peer"] * 4 + ["recordings"] * 4
    assert len(listening.drawn(report[0], 99, 0)) == 12, "as many as there are"
    many = [pair["first"] for seed in range(40) for pair in listening.drawn(report[0], 8, seed)]
    assert 0.4 < np.mean([first == "clone" for first in many]) < 0.6, "neither side is the clone's"
    for pair in pairs:
        of = {"clone": "0", "other": {"recordings": "2", "peer": "3"}[pair["against"]]}
        second = "other" if pair["first"] == "clone" else "clone"
        assert pair["clips"] == tuple(f"clips/{pair['case']}-{of[side]}.flac" for side in (pair["first"], second))


def test_the_page_holds_its_sounds_and_tells_nobody_which_is_which(report):
    """Levels and silence would: recordings are louder or begin later."""
    import base64
    import io

    results, folder = report
    listening.write(results, folder, 4)
    text = (folder / "listen.html").read_text(encoding="utf-8")
    assert text.count("</script>") == 2, "a text ends no script"
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    waves = []
    for address in (address for pair in data["pairs"] for address in pair["sounds"]):
        encoded = address.removeprefix("data:audio/flac;base64,")
        waves.append(soundfile.read(io.BytesIO(base64.b64decode(encoded)))[0])
    assert all(wave.size == pytest.approx(RATE + 1600, abs=200) for wave in waves)
    assert max(map(np.std, waves)) / min(map(np.std, waves)) < 1.6
    shown = re.sub(r'<script type="application/json".*?</script>', "", text, flags=re.DOTALL)
    assert not re.search(r"recordings|peer|http", shown)


def test_nothing_to_play_is_said(report):
    results, folder = report
    systems = {name: results["cloning"]["systems"][name] for name in ("rtvc", "rtvc, short reference")}
    with pytest.raises(EvaluationError, match="nothing to play"):
        listening.write(results | {"cloning": {"systems": systems}}, folder)
    with pytest.raises(EvaluationError, match="from 1 on"):
        listening.check(0, ("cloning",))
    with pytest.raises(EvaluationError, match="the part cloning"):
        listening.check(5, ("speed",))


@pytest.mark.skipif(not CHROMIUM, reason="no chromium")
def test_a_person_with_a_keyboard(report):
    """Answers are counted for the right side, survive a reload, can be taken back, and have the exact interval."""
    playwright = pytest.importorskip("playwright.sync_api")
    from scipy.stats import binomtest

    results, folder = report
    listening.write(results, folder, 12)
    pairs = listening.drawn(results, 12, 0)
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto((folder / "listen.html").as_uri())
        page.keyboard.press("2")
        page.wait_for_function("sound.currentTime > 0 && Math.abs(sound.duration - 1.08) < 0.05")
        page.keyboard.press("ArrowLeft")
        assert page.text_content("#progress") == "1 of 12", "nothing is chosen before both were heard"
        wanted: dict[str, dict[str, int]] = {}
        for place, pair in enumerate(pairs):
            page.keyboard.press("1")
            page.keyboard.press("2")
            answer = ("ArrowLeft", "ArrowRight", "ArrowLeft", "ArrowDown")[place % 4]
            page.keyboard.press(answer)
            if place == 4:
                page.keyboard.press("Backspace")
                assert page.text_content("#progress") == "5 of 12"
                page.reload()
                assert page.text_content("#text") == pair["text"]
                for key in ("1", "2", answer):
                    page.keyboard.press(key)
            counts = wanted.setdefault(pair["against"], {"clone": 0, "other": 0, "neither": 0})
            left = pair["first"]
            right = "other" if left == "clone" else "clone"
            counts[{"ArrowLeft": left, "ArrowRight": right, "ArrowDown": "neither"}[answer]] += 1
        page.wait_for_selector("#end:not([hidden])")
        found = json.loads(page.input_value("#json"))
        with page.expect_download() as download:
            page.click("#save")
        assert json.loads(Path(download.value.path()).read_text()) == found
        browser.close()
    assert faults == []
    for name, counts in wanted.items():
        told = found["comparisons"][name]
        assert {kind: told[kind] for kind in counts} == counts
        exact = binomtest(counts["clone"], counts["clone"] + counts["other"]).proportion_ci(method="exact")
        assert (told["low"], told["high"]) == pytest.approx((exact.low, exact.high), abs=1e-6)
    assert (found["weights"], found["seed"], len(found["answers"])) == ("abc", 0, 12)
