"""What the README and the pages of docs/ say is true: header, commands, links, figures, and their examples run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import soundfile

import rtvc

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {path.name: path.read_text(encoding="utf-8") for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]}
CHECKPOINT = ROOT / "rtvc" / "checkpoint" / "config.json"
PYTHON = ("README.md", "python.md", "architecture.md")  # whose Python runs from top to bottom
SHELL = ("README.md", "shell.md", "evaluation.md", "ai-act.md")  # whose shell does
HTTP = ("http.md", "ai-act.md")  # whose Python asks a server
BUSY = 900  # seconds that a command may take on a machine that does much else
NOT_HERE = ("accelerate", "hf ", "python ", ".venv/bin/", "rtvc clone --model runs", "rtvc evaluate --cases CASES")
needs_checkpoint = pytest.mark.skipif(not CHECKPOINT.exists(), reason="the bundled checkpoint is not in this checkout")


def blocks(language: str, page: str = "README.md") -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGES[page], re.DOTALL)


def lines(page: str) -> list[str]:
    """Of its shell, in one piece where a line goes on."""
    return "".join(blocks("sh", page)).replace("\\\n", "").splitlines()


def checkout(place: Path) -> Path:
    """A new folder that holds what a checkout has and examples name."""
    (place / "rtvc").mkdir(parents=True)
    (place / "examples").symlink_to(ROOT / "examples")
    (place / "rtvc" / "checkpoint").symlink_to(CHECKPOINT.parent)
    return place


@pytest.fixture
def folder(tmp_path):
    return checkout(tmp_path)


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


def test_the_readme_stays_short():
    assert len(README.splitlines()) <= 150
    table = README.split("<!-- results -->")[1].split("<!-- /results -->")[0]
    assert 0 < table.count("\n| ") - 2 <= 10, "rows below the header"


@pytest.mark.parametrize("page", [*PAGES, "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "history/training-log.md"])
def test_the_files_it_names_exist(page):
    path = ROOT / "docs" / page
    path = path if path.is_file() else ROOT / page
    text = path.read_text(encoding="utf-8")
    named = re.findall(r"\]\((?!https?:)([^)#]+)\)|src=\"([^\"]+)\"", text)
    for link in filter(None, (one for pair in named for one in pair)):
        if re.fullmatch(r"/.*/", link):  # no link: how a name is said
            continue
        assert (path.parent / link).exists(), link
    if path.parent.name == "history":  # it says what was run then
        return
    for script in re.findall(r"(?:configs|benchmarks|experiments|examples)/[a-z_]+\.(?:yaml|py)", text):
        assert (ROOT / script).exists(), script


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
    """README, docs/evaluation.md and model card say what the JSON in rtvc/checkpoint/evaluation says."""
    from rtvc.evaluation.card import stale

    assert stale(CHECKPOINT.parent) == [], "run `python -m rtvc.evaluation.card`"


@needs_checkpoint
def test_python_runs(folder):
    """In a fresh process, page after page, each from top to bottom: starting three costs more than what they do.

    As a script called rtvc, like the command, which comes without the task: somebody's own has it.
    """
    run_script("rtvc", "\n".join(block for page in PYTHON for block in blocks("python", page)), folder)
    assert soundfile.info(folder / "hello.wav").duration > 0.5
    assert (folder / "me.voice").stat().st_size > 1000


SHELL_SCRIPT = """
import os, subprocess
from rtvc.cli import main
from transformers.pipelines import PIPELINE_REGISTRY
assert "voice-cloning" in PIPELINE_REGISTRY.supported_tasks
for folder, calls in {pages!r}:
    os.chdir(folder)
    for line, call in calls:
        assert (main(call) if call else subprocess.call(line, shell=True)) == 0, line
"""


@needs_checkpoint
def test_shell_runs(tmp_path):
    """Page after page, each in a folder of its own, line after line; `rtvc` in one process, since starting it often
    costs more than what it does: by a program that uses the command's functions, and may go on to speak."""
    pytest.importorskip("onnx")
    pages = []
    for page in SHELL:
        ours = [line.split("  #")[0] for line in lines(page) if not line.startswith(NOT_HERE)]
        assert ours, page
        calls = [(line, shlex.split(line)[1:] if line.startswith("rtvc ") else None) for line in ours]
        pages.append((str(checkout(tmp_path / page)), calls))
    run_script("commands.py", SHELL_SCRIPT.format(pages=pages), tmp_path)
    for place, calls in pages:
        ours = "\n".join(line for line, _ in calls)
        for output in re.findall(r"--output (\S+\.wav)", ours):
            assert soundfile.info(Path(place, output)).duration > 0.5
        for output in re.findall(r"--output (\w+)(?:\n|$)", ours):
            assert any(Path(place, output).iterdir()), output


def test_training_commands_are_taken():
    """Every config, key and value of docs/training.md is one that `train.py` takes; nothing is trained here."""
    pytest.importorskip("yaml")
    from rtvc.training.config import load_config
    from rtvc.training.folders import CONFIGS

    commands = [line for line in lines("training.md") if " train.py " in line and "…" not in line]
    assert len(commands) > 10
    for command in commands:
        options = shlex.split(command.split(" train.py ")[1], comments=True)
        config = CONFIGS / "joint.yaml"
        if options[0] == "--config":
            config, options = ROOT / options[1], options[2:]
        assert load_config(config, options)["stage"]


@needs_checkpoint
def test_the_examples_over_http_run(folder, monkeypatch):
    pytest.importorskip("fastapi")
    from serving import running

    monkeypatch.chdir(folder)
    names = {}
    with running(rtvc.load(), Path("examples/voices")) as server:
        for page in HTTP:
            for example in blocks("python-http", page):
                exec(compile(example.replace("127.0.0.1:8000", server.removeprefix("http://")), page, "exec"), names)
    assert soundfile.info("hello.wav").duration > 0.5
    assert Path("told.pcm").stat().st_size > 2 * 24_000
    assert names["answer"]["marked"] is False


def run_script(name: str, code: str, folder: Path) -> None:
    """Run a script of this name in a folder, offline, with this checkout's package. Fails with what went wrong."""
    (folder / "scripts").mkdir()
    script = folder / "scripts" / name
    script.write_text(code, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, str(script)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=BUSY)
    assert done.returncode == 0, done.stderr[-2000:]
