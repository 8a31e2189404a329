"""Every script in examples/ is run as its first lines say."""

from __future__ import annotations

import io
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

import rtvc
from rtvc import audio, watermark

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
MAN, WOMAN = (str(EXAMPLES / "voices" / f"{who}.flac") for who in ("man", "woman"))
SCRIPT = "# The gate.\nGUARD: Halt!\nANN: It is me."


@pytest.fixture(autouse=True)
def _folder(bundled, tmp_path, monkeypatch):
    """They speak with the bundled model; each in a folder of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(monkeypatch, capsys):
    def call(name: str, *arguments: str, stdin: str = "") -> str:
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
        return capsys.readouterr().out

    return call


def test_every_example_is_here():
    tests = Path(__file__).read_text()
    for path in EXAMPLES.glob("*.py"):
        assert f"def test_{path.stem}(" in tests or f'"{path.stem}"' in tests, path
        assert f"examples/{path.name}" in path.read_text().split('"""')[1], "how to call it"


def test_clone(run):
    assert "s of speech" in run("clone", MAN, "Hello there.", "out.wav")
    assert soundfile.info("out.wav").duration > 0.5


def test_stream(run):
    Path("text.txt").write_text("One sentence. And another!")
    shown = run("stream", "text.txt", MAN, "out.wav").split()
    assert len(shown) >= 2 * 2, "a line a piece, of which each sentence has at least one"
    assert soundfile.info("out.wav").duration == pytest.approx(float(shown[-2]), abs=0.1)


def test_assistant(run):
    shown = run("assistant", MAN, "out.wav", stdin="Good morning! It is seven o'clock, and it will rain.")
    assert len(shown.splitlines()) >= 2, "a line a piece, of which each sentence has at least one"
    assert soundfile.info("out.wav").duration > 2


def test_bank(run):
    phrases = run("bank", "me.voice").splitlines()
    assert len(phrases) == 12
    shown = run("bank", "me.voice", MAN, MAN, MAN)
    assert "39 sounds" in shown
    assert rtvc.Voice.load("me.voice").report.used_seconds > 12


def test_bank_names_a_reading_that_is_somebody_elses(run):
    shown = run("bank", "me.voice", MAN, MAN, WOMAN)
    assert f"{WOMAN} sounds unlike the others" in shown


def test_game(run):
    Path("script.txt").write_text(SCRIPT)
    shown = run("game", "script.txt", "spoken", f"GUARD={MAN}", f"ANN={WOMAN}")
    assert [line.split(":")[0] for line in shown.splitlines()] == ["GUARD", "ANN"]
    guard, ann = (f"spoken/{name}.wav" for name in ("001-guard", "002-ann"))
    assert soundfile.info(guard).duration > 0.2
    assert soundfile.info(ann).duration > 0.3


def agent(name: str, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess:
    """An example that needs another package, by an interpreter that has it; `.ci/run` makes one, since Pipecat
    asks for an older soxr."""
    own = ROOT / ".agents" / "bin" / "python"
    python, package = (
        str(own if own.exists() else sys.executable),
        {"pipecat_tts": "pipecat", "livekit_tts": "livekit"}[name],
    )
    if subprocess.run([python, "-c", f"import {package}"], capture_output=True).returncode:
        pytest.skip(f"needs {package}, of which rtvc is no part")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [python, str(EXAMPLES / f"{name}.py"), *arguments]
    return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=900)


@pytest.mark.parametrize("name", ["pipecat_tts", "livekit_tts"])
def test_agents(name, bundled, tmp_path):
    from serving import running

    with running(bundled, EXAMPLES / "voices") as server:
        done = agent(name, tmp_path, "Hello there. How are you?", "woman", "out.wav", f"{server}/v1")
        assert done.returncode == 0, done.stderr[-2000:]
        sound = soundfile.info("out.wav")
        whole = bundled("Hello there. How are you?", voice=WOMAN)["audio"].size / 24_000
        assert (sound.samplerate, sound.channels) == (24_000, 1)
        assert sound.duration == pytest.approx(whole, abs=0.25), "all of it, and nothing twice"
        assert watermark.detect(audio.read("out.wav")) >= watermark.THRESHOLD
        refused = agent(name, tmp_path, "Hello.", "nobody", "none.wav", f"{server}/v1")
        assert refused.returncode == 1
        assert "There is no voice “nobody”" in refused.stderr
        assert not Path("none.wav").exists()


def test_lips(run):
    shown = [line.split("\t") for line in run("lips", MAN, "Bob, my five thieves wash.", "out.wav").splitlines()]
    assert [float(end) for _, end, _ in shown[:-1]] == [float(start) for start, _, _ in shown[1:]], "no gap"
    assert float(shown[-1][1]) == pytest.approx(soundfile.info("out.wav").duration, abs=1e-4)
    shapes = [shape for _, _, shape in shown]
    assert shapes[0] == shapes[-1] == "sil"
    assert [shape for shape in shapes if shape in ("PP", "FF", "TH", "CH")] == [
        "PP",
        "PP",
        "PP",
        "FF",
        "FF",
        "TH",
        "FF",
        "CH",
    ]


def test_same_person(run):
    assert int(run("same_person", MAN, MAN).strip("%\n")) > 90


def test_evaluate(run):
    lines = run("evaluate", MAN, WOMAN).splitlines()
    assert len(lines) == 3
    assert all(" yes " in line for line in lines[1:])


def test_finetune(run):
    shown = run("finetune", "mine", *[MAN] * 5, "--steps", "10")
    before, after = map(float, shown.rsplit("apart ", 1)[1].split(" → "))
    assert after < before, "it learns this voice"
    assert rtvc.load("mine")("Hello.", voice=MAN)["audio"].size > 1000
