"""What the README says is true: its header, its commands, its links, its snippets."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import soundfile

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CHECKPOINT = ROOT / "rtvc" / "checkpoint" / "config.json"
needs_checkpoint = pytest.mark.skipif(not CHECKPOINT.exists(), reason="the bundled checkpoint is not in this checkout")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_header_is_one_that_a_space_takes():
    yaml = pytest.importorskip("yaml")
    header = yaml.safe_load(README.split("---")[1])
    assert header["sdk"] == "gradio"
    assert header["sdk_version"] == version("gradio")
    assert (ROOT / header["app_file"]).is_file()
    assert header["license"] == "apache-2.0"
    assert len(header["short_description"]) <= 60
    assert {header["colorFrom"], header["colorTo"]} <= set("red yellow green blue indigo purple pink gray".split())  # noqa: SIM905
    assert f"gradio[mcp]=={header['sdk_version']}" in (ROOT / "requirements.txt").read_text()


def test_the_hubs_own_reader_takes_the_header():
    from huggingface_hub import SpaceCard

    card = SpaceCard.load(ROOT / "README.md")
    assert (card.data.sdk, card.data.app_file, card.data.license) == ("gradio", "app.py", "apache-2.0")
    assert card.data.to_dict()["suggested_hardware"] == "cpu-basic"
    assert (ROOT / "packages.txt").read_text().split() == ["ffmpeg"], "what the Space streams with"


def test_the_files_it_names_exist():
    for path in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / path).exists(), path
    for path in re.findall(r"configs/\w+\.yaml", README):
        assert (ROOT / path).exists(), path


def test_ci_runs_the_readmes_own_command():
    script = (ROOT / ".ci" / "run").read_text()
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert "the test command" in script
    command = README.split("<!-- the test command -->\n```sh\n")[1].splitlines()[0]
    assert command.startswith("python -m venv")
    assert "[test]" in command
    assert "pytest" in command


@needs_checkpoint
def test_results_are_those_of_the_models_own_evaluation():
    """README and model card say what the JSON in rtvc/checkpoint/evaluation says."""
    script = runpy.run_path(str(ROOT / "benchmarks" / "card.py"))
    assert script["stale"](CHECKPOINT.parent) == [], "run `python benchmarks/card.py`"


def test_python_snippets_parse():
    for block in blocks("python"):
        compile(block, "README.md", "exec")


@needs_checkpoint
def test_python_snippets_run(tmp_path):
    """In a fresh process, in a folder of its own, from top to bottom."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    script = tmp_path / "readme.py"
    script.write_text("\n".join(blocks("python")), encoding="utf-8")
    run([sys.executable, str(script)], tmp_path)
    assert soundfile.info(tmp_path / "hello.wav").duration > 0.5
    assert (tmp_path / "me.voice").stat().st_size > 1000


@needs_checkpoint
def test_shell_snippets_run(tmp_path):
    """One after the other, in one fresh process: starting five costs more than what they do."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "rtvc").mkdir()
    (tmp_path / "rtvc" / "checkpoint").symlink_to(CHECKPOINT.parent)
    commands = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("rtvc ")]
    assert len(commands) >= 5
    calls = [shlex.split(command)[1:] for command in commands]
    script = f"from rtvc.cli import main\nfor call in {calls!r}:\n    assert main(call) == 0, call"
    run([sys.executable, "-c", script], tmp_path)
    for name in ("hello.wav", "hello-again.wav", "clean.wav"):
        assert soundfile.info(tmp_path / name).duration > 0.5
    assert (tmp_path / "repository" / "handler.py").is_file()


def run(command: list[str], folder: Path) -> str:
    """Run offline, with this checkout's package; what was printed. Fails with what went wrong."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
