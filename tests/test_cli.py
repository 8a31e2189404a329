"""The command `rtvc`, run as a person runs it; and what installing it needs."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from packaging.requirements import Requirement

from rtvc import Voice, audio, watermark
from rtvc.cli import main

ROOT = Path(__file__).parents[1]
VOICES = ROOT / "examples" / "voices"


@pytest.fixture
def run(tiny_folder, tmp_path, monkeypatch, capfd):
    """In this process, with the tiny model, in an empty folder: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rtvc.cli.hush", lambda: None)  # it would silence the logs of the tests that follow

    def call(command: str, *arguments) -> tuple[int, str, str]:
        capfd.readouterr()
        code = main([command, "--model", str(tiny_folder), *map(str, arguments)])
        out, err = capfd.readouterr()
        return code, out, err.split("\n", 1)[1] if err.startswith("\rLoading") else err

    return call


def test_clone(run, woman):
    code, out, _ = run("clone", "--voice", woman, "--output", "hello.wav", "Hello there. How are you?")
    assert code == 0
    assert "hello.wav" in out
    assert soundfile.info("hello.wav").duration > 0.2
    assert "Synthetic speech" in audio.comment_of("hello.wav")
    code, _, _ = run("clone", "--voice", woman, "--output", "fast.flac", "--speed", 2, "Hello there. How are you?")
    assert code == 0
    assert soundfile.info("fast.flac").duration < 0.75 * soundfile.info("hello.wav").duration


def test_sound_goes_down_a_pipe_while_it_is_made(tiny, tiny_folder, woman, tmp_path, monkeypatch, capfdbinary):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rtvc.cli.hush", lambda: None)
    command = ["clone", "--model", str(tiny_folder), "--voice", str(woman), "--output", "-", "Hello. How are you?"]
    assert main(command) == 0
    wave, _ = soundfile.read(io.BytesIO(capfdbinary.readouterr().out))
    assert np.abs(wave - tiny("Hello. How are you?", voice=woman)["audio"]).max() < 1e-4
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr("sys.stdout", SimpleNamespace(isatty=lambda: True))
    assert main(command) == 2
    assert b"| aplay" in capfdbinary.readouterr().err


def test_enroll_and_clone_with_the_voice(run, woman):
    code, out, _ = run("enroll", woman, woman, "--output", "me.voice")
    assert code == 0
    assert "s of speech" in out
    assert Voice.load("me.voice").report.files == ("woman.flac", "woman.flac")
    assert run("clone", "--voice", "me.voice", "--output", "one.wav", "Hello.")[0] == 0
    assert run("clone", "--voice", "me.voice", "--output", "two.wav", "Hello.")[0] == 0
    assert Path("one.wav").read_bytes() == Path("two.wav").read_bytes()


def test_enhance(run, woman):
    code, out, _ = run("enhance", woman, "--output", "clean.wav")
    assert code == 0
    assert "cleaned" in out
    assert soundfile.info("clean.wav").frames == audio.read(woman).size


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_verify(suffix, speech, tmp_path, capfd):
    clone, recording = tmp_path / f"clone.{suffix}", tmp_path / f"recording.{suffix}"
    audio.write(clone, watermark.mark(speech, 16000), 16000, watermark.PROVENANCE)
    audio.write(recording, speech, 16000)
    assert main(["verify", str(clone)]) == 0
    said = capfd.readouterr().out
    assert "is a clone" in said
    assert "Synthetic speech" in said
    assert main(["verify", str(recording)]) == 1
    said = capfd.readouterr().out
    assert "no mark" in said
    assert "The file says" not in said


def test_the_text_may_come_from_standard_input(run, woman, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("Hello from a pipe."))
    assert run("clone", "--voice", woman, "--output", "hello.wav", "-")[0] == 0
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"caf\xe9 time"), "utf-8"))
    code, _, said = run("clone", "--voice", woman, "--output", "hello.wav", "-")
    assert (code, "not UTF-8" in said, "Traceback" in said) == (2, True, False)


def test_a_voice_is_read_from_whatever_it_may_be_written_to(run, woman):
    for name in ("her.safetensors", "HER.VOICE", "her.dat", "her"):
        assert run("enroll", woman, "--output", name)[0] == 0
        assert run("clone", "--voice", name, "--output", "hello.wav", "Hello.")[0] == 0


def refusals(folder: Path, woman: Path) -> list[tuple[list, str]]:
    """Commands that are refused, and what the sentence says."""
    soundfile.write(folder / "silence.wav", np.zeros(80000), 16000)
    soundfile.write(folder / "short.wav", audio.read(woman)[:24000], 16000)
    soundfile.write(folder / "nan.wav", np.full(80000, np.nan), 16000, subtype="FLOAT")
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("not audio")
    (folder / "broken.voice").write_text("not a voice")
    say = ["--output", "out.wav", "Hello."]
    recordings = {
        "silence.wav": "silent",
        "short.wav": "s of speech, and 3 s are needed",
        "nan.wav": "not numbers",
        "empty.wav": "empty file",
        "text.wav": "cannot be read",
        "missing.wav": "does not exist",
        "broken.voice": "not a saved voice",
        "missing.voice": "does not exist",
    }
    cases = [(["clone", "--voice", name, *say], words) for name, words in recordings.items()]
    cases += [(["enroll", name, "--output", "x.voice"], words) for name, words in list(recordings.items())[:6]]
    cases += [(["enhance", name, "--output", "x.wav"], "") for name in ("silence.wav", "text.wav", "missing.wav")]
    for text in ("", "...", "你好"):
        cases.append((["clone", "--voice", woman, "--output", "out.wav", text], "English word"))
    cases += [
        (["clone", "--voice", woman, "--output", "out.xyz", "Hello."], "must end in"),
        (["clone", "--voice", woman, "--output", "missing/out.wav", "Hello."], "folder"),
        (["enroll", woman, "--output", "missing/me.voice"], "cannot be written"),
        (["enroll", woman, "--output", "x.wav"], "must end in .voice"),
        (
            ["clone", "--voice", woman, "--output", "/proc/out.wav", "Hello."],
            "cannot be written",
        ),  # not even for root
        (["clone", "--voice", woman, "--model", "text.wav", *say], "is a file"),
        (["clone", "--voice", woman, "--speed", "9", *say], "speed"),
        (["clone", "--voice", woman, "--model", "missing", *say], "model folder"),
    ]
    return cases


def test_what_is_wrong_is_one_sentence(run, woman, tmp_path):
    for command, words in refusals(tmp_path, woman):
        code, out, err = run(*command)
        last = err.strip().splitlines()[-1]
        assert code == 2, command
        assert out == "", command
        assert words in last, command
        assert last.endswith(".")
        assert "Traceback" not in err
        assert not Path("out.wav").exists()
        assert not Path("x.voice").exists()


def shell(*arguments, folder: Path, flags: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, *flags, "-m", "rtvc.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


WITHOUT_A_MODEL = [
    (["--help"], 0),
    (["--version"], 0),
    (["clone", "--help"], 0),
    (["verify", str(VOICES / "woman.flac")], 1),
    (["verify", "missing.wav"], 2),
    ([], 2),
    (["sing"], 2),
    (["clone", "Hello."], 2),
    (["clone", "--voice", "her.wav", "--output", "out.xyz", "Hello."], 2),
    (["clone", "--voice", "her.wav", "--output", "out.wav", " "], 2),
    (["clone", "--voice", "missing.wav", "--output", "out.wav", "Hello."], 2),
    (["clone", "--voice", "missing.voice", "--output", "out.wav", "Hello."], 2),
    (["clone", "--voice", str(VOICES / "woman.flac"), "--output", "out.wav", "--speed", "9", "Hello."], 2),
    (["enroll", "her.wav", "--output", "x.wav"], 2),
    (["enhance", "her.wav", "--output", "missing/x.wav"], 2),
    (["optimize", "--output", "."], 2),
]
SLOW = {"torch", "transformers", "onnxruntime", "huggingface_hub", "silero_vad", "rtvc.pipeline"}  # to import
ONE_AFTER_ANOTHER = f"""
import sys
from rtvc.cli import main
for command, code in {WITHOUT_A_MODEL}:
    try:
        answer = main(command)
    except SystemExit as stopped:
        answer = stopped.code
    assert answer == code, (command, answer)
    assert not {SLOW} & set(sys.modules), command
"""


def test_what_needs_no_model_waits_for_none(tmp_path):
    """Counted in what is imported, not in seconds: by `python -m rtvc.cli`, and by one command after another."""
    done = shell("--help", folder=tmp_path, flags=("-X", "importtime"))
    imported = {line.rsplit("|", 1)[1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "rtvc.errors" in imported
    assert not imported & SLOW
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", ONE_AFTER_ANOTHER]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-1000:]


def test_what_lacks_a_package_says_so_before_anything_heavy_is_imported(tmp_path):
    """Python itself is not asked for torch meanwhile: on a busy machine that took minutes."""
    code = """
import sys, rtvc.cli
rtvc.cli.find_spec = lambda name: None
codes = [rtvc.cli.main([*one, "x"]) for one in (["serve"], ["batch", "--output", "y"])]
print(codes, "torch" in sys.modules)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.strip() == "[2, 2] False"
    assert "pip install fastapi uvicorn python-multipart websockets" in done.stderr
    assert "pip install 'ray[data]' pyarrow" in done.stderr


def test_the_version(tmp_path):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert shell("--version", folder=tmp_path).stdout == f"rtvc {project['version']}\n"


def test_nothing_but_the_result_is_printed(bundled, woman, tmp_path):
    """By the bundled model, at a shell."""
    say = ["--output", "hello.wav", "Hello there."]
    done = shell("clone", "--voice", woman, *say, folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1
    assert soundfile.info(tmp_path / "hello.wav").duration > 0.5
    done = shell("clone", "--voice", "missing.wav", *say, folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "“missing.wav” does not exist; check the path of the recording.\n"


def test_only_commands_that_work_are_offered(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("clone", "enroll", "enhance", "evaluate", "optimize", "push", "verify"))
    with pytest.raises(SystemExit) as stopped:
        main(["sing"])
    assert stopped.value.code == 2


def test_a_model_optimized(tiny_folder, woman, tmp_path, tmp_path_factory, monkeypatch, capsys):
    original = shutil.copytree(tiny_folder, tmp_path_factory.mktemp("model") / "original")
    (original / "training.json").write_text("{}")  # where it comes from goes along
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rtvc.cli.hush", lambda: None)  # it is for a process of its own
    assert main(["optimize", str(original), "--output", "fast"]) == 0
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 1
    assert {file.stat().st_mode & 0o777 for file in Path("fast").iterdir()} == {0o644}
    assert [path.name for path in tmp_path.iterdir()] == ["fast"]
    assert Path("fast/training.json").read_text() == "{}"
    (original / "training.json").unlink()
    assert main(["clone", "--model", "fast", "--voice", str(woman), "--output", "out.wav", "Hello."]) == 0
    wrong = {"exists": (original, "fast"), "already": ("fast", "new"), "create": (original, "missing/new")}
    before = sorted(path.name for path in tmp_path.iterdir())
    for reason, (folder, output) in wrong.items():
        capsys.readouterr()
        assert main(["optimize", str(folder), "--output", output]) == 2
        assert reason in capsys.readouterr().err
        assert sorted(path.name for path in tmp_path.iterdir()) == before, "nothing half made is left behind"


def test_requirements_are_those_of_the_package_and_its_demo():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = {one.name: one for one in map(Requirement, project["dependencies"])}
    extras = {name: [*map(Requirement, some)] for name, some in project["optional-dependencies"].items()}
    pinned, kept = pins("requirements.txt"), pins("constraints.txt")
    assert set(pinned) == {*asked, *(one.name for one in extras["demo"])}
    assert pinned.items() <= kept.items(), "the Space runs what the tests run"
    for one in [*asked.values(), *(one for some in extras.values() for one in some if one.name != project["name"])]:
        assert kept[one.name] in one.specifier, f"the tests use a version of {one.name} that the range leaves out"
        assert one.name not in ("torchaudio", "torchcodec")
        assert any(bound.operator in ("<", "==") for bound in one.specifier), f"{one.name} has no end"


def test_nobody_is_told_to_install_somebody_elses_package():
    """PyPI's `rtvc` is another program: a message, or our own extra, that names it would bring that one. `rtvc-voice`
    is nobody's there as long as this one is not published."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["name"] == "rtvc-voice"
    assert set(project["scripts"]) == {"rtvc", project["name"]}, "`uvx NAME` runs the command of that name"
    assert len(set(project["scripts"].values())) == 1
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "Dockerfile", ROOT / "pyproject.toml"]
    for path in {*pages, *(ROOT / "rtvc").rglob("*.py")} - {ROOT / "CHANGELOG.md"}:
        found = re.search(
            r"(?<![\w-])rtvc\[[a-z]|pip install (?:-\S+ )*rtvc(?:-voice)?(?![\w-])", path.read_text(encoding="utf-8")
        )
        assert not found, (path.name, found)


def pins(name: str) -> dict[str, str]:
    """Package → the one version that a file names."""
    lines = [line for line in (ROOT / name).read_text().splitlines() if line and line[0] != "#"]
    found = {Requirement(line).name: str(Requirement(line).specifier) for line in lines}
    assert all(version.startswith("==") for version in found.values())
    return {package: version.removeprefix("==") for package, version in found.items()}


# What a package is called in Python, where it is not its own name with underscores; none: nothing imports it by name.
MODULES = {"hibari-tts": "hibari", "pyyaml": "yaml", "pillow": "PIL", "webrtcvad-wheels": "webrtcvad"}
MODULES |= {"pytest-xdist": None, "ruff": None, "mypy": None}  # programs that the tests' commands call
MODULES |= {"tensorboard": None, "python-multipart": None}  # Accelerate's tracker and FastAPI's forms import them


def test_what_is_required_is_used_and_what_is_used_is_required():
    """torchaudio was once required and imported by nobody; tqdm came with others by luck."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    code = {path: path.read_text() for folder in ("rtvc", "tests") for path in (ROOT / folder).rglob("*.py")}
    everything = "\n".join([*code.values(), (ROOT / "app.py").read_text(), (ROOT / "train.py").read_text()])
    every = [*project["dependencies"], *(one for some in project["optional-dependencies"].values() for one in some)]
    for one in map(Requirement, every):
        module = MODULES.get(one.name, one.name.replace("-", "_"))
        assert module is None or one.name == project["name"] or re.search(rf"\b{module}\b", everything), one.name
    flat = [path for path in code if path.parent == ROOT / "rtvc" or path.parent == ROOT / "rtvc" / "hub"]
    imported = {name for path in flat for name in re.findall(r"^ *(?:import|from) (\w+)", code[path], re.MULTILINE)}
    needed = {
        MODULES.get(name, name.replace("-", "_")) for name in (Requirement(one).name for one in project["dependencies"])
    }
    elsewhere = {"rtvc", "onnx", "faster_whisper", "spaces"}  # of extras, said where they lack; of a Space
    assert {name for name in imported - needed - elsewhere if name not in sys.stdlib_module_names} == set()


@pytest.mark.parametrize("name", [None, "rtvc", "rtvc-voice"], ids=["python -c", "the console script", "uvx"])
def test_the_command_itself_comes_without_the_task(name, tmp_path):
    """tests/test_readme.py runs others, which have it: a script called rtvc, and a program that uses `rtvc.cli`."""
    code = "import sys; from rtvc.cli import main; print('torch' in sys.modules)"
    (tmp_path / (name or "unused")).write_text(code)
    start = ["-c", code] if name is None else [str(tmp_path / name)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, *start], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
