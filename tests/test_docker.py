"""The Dockerfile's steps, run where no Docker is: in a folder for its root, with what is installed here for PyPI."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[1]
PLACES = ("/opt/rtvc", "/src", "/voices")  # the image's folders that its steps write to
PORT = "8000"
# Other people's machines get no new users; and pip takes what the tests have, at the versions that the steps ask for.
STAND_INS = "useradd() { :; }; chown() { :; };"
PIP = ("pip install", "pip install --no-index --no-build-isolation")
BUSY = 900  # seconds, on a machine that does much else


def steps() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, each with its text."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line]


def told(word: str) -> str:
    """The text of the last such instruction, which is the one that counts."""
    return [text for name, text in steps() if name == word][-1]


class Image:
    """A folder in place of an image's root."""

    def __init__(self, root: Path, port: int) -> None:
        self.root, self.port, self.here = root, port, root
        # Packages of this interpreter; not rtvc, which is found by an import hook if it is installed as editable.
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "PYTHONPATH": sysconfig.get_path("purelib")}
        self.environment |= {"HF_HUB_OFFLINE": "1", "HOME": str(root)}

    def inside(self, text: str) -> str:
        for place in PLACES:
            text = text.replace(place, f"{self.root}{place}")
        return text.replace(PORT, str(self.port))

    def build(self) -> None:
        for word, text in steps():
            if word == "RUN":
                done = self.shell(self.inside(text).replace(*PIP))
                assert done.returncode == 0, (text, done.stdout[-2000:], done.stderr[-2000:])
            elif word == "COPY" and not text.startswith("--from"):
                *sources, target = text.split()
                for source in sources:
                    copy(ROOT / source, self.here / target / (source if (ROOT / source).is_file() else ""))
            elif word == "WORKDIR":
                self.here = Path(self.inside(text))
                self.here.mkdir(parents=True)
            elif word == "ENV":
                name, value = self.inside(text).split("=")
                self.environment[name] = value.replace(f"${name}", self.environment[name])

    def shell(self, command: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["bash", "-c", STAND_INS + command],
            cwd=self.here,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=BUSY,
        )

    def start(self) -> subprocess.Popen:
        program, *arguments = json.loads(self.inside(told("CMD")))
        found = shutil.which(program, path=self.environment["PATH"])
        assert Path(found).is_relative_to(self.root), "the image's own"
        return subprocess.Popen([found, *arguments], cwd=self.root, env=self.environment)

    def is_healthy(self) -> bool:
        return self.shell(self.inside(told("HEALTHCHECK")).split(" CMD ", 1)[1]).returncode == 0


def copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    else:
        shutil.copy(source, target)


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def answers(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def test_its_steps_make_a_server_that_speaks(tmp_path, port, woman):
    if os.name == "nt" or not shutil.which("bash"):
        pytest.skip("needs Linux or macOS")
    image = Image(tmp_path, port)
    image.build()
    shutil.copy(woman, tmp_path / "voices")
    assert not image.is_healthy(), "nobody serves yet"
    server = image.start()
    try:
        end = time.monotonic() + BUSY
        while not (answers(port) and image.is_healthy()):  # each question of its health is two processes
            assert server.poll() is None, "it ended"
            assert time.monotonic() < end
            time.sleep(0.5)
        body = {"voice": "woman", "input": "Hello.", "response_format": "pcm"}
        said = httpx.post(f"http://127.0.0.1:{port}/v1/audio/speech", json=body, timeout=BUSY)
        assert said.status_code == 200
        assert len(said.content) > 2 * 24_000 / 5
    finally:
        server.terminate()
        server.wait(BUSY)


def test_what_it_copies_is_what_the_engine_is_given():
    """An engine gets of a checkout what .dockerignore lets through alone: no .venv of gigabytes, no recordings."""
    first, *rest = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line]
    assert first == "*"
    given = {line[1:] for line in rest if line.startswith("!")}
    copied = {
        source
        for word, text in steps()
        if word == "COPY" and not text.startswith("--from")
        for source in text.split()[:-1]
    }
    assert copied == given
    assert all((ROOT / source).exists() for source in copied)


def test_it_runs_as_nobody_in_particular_and_installs_as_the_readme_says():
    words = [word for word, _ in steps()]
    assert told("USER") != "root"
    assert f"useradd --create-home {told('USER')}" in told("RUN")
    assert words.index("USER") < words.index("CMD")
    line = re.search(r"pip install (torch==\S+ --index-url \S+)", (ROOT / "README.md").read_text())[1]
    assert any(line in text for word, text in steps() if word == "RUN")
    assert line.split()[0] in (ROOT / "constraints.txt").read_text().splitlines()
    assert {text.split()[0] for word, text in steps() if word == "FROM"} == {"python:3.11-slim"}


def test_compose_opens_what_the_image_has():
    yaml = pytest.importorskip("yaml")
    from rtvc.serve.command import KEYS

    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    service = compose["services"]["rtvc"]
    assert (ROOT / service["build"] / "Dockerfile").is_file()
    assert service["ports"] == [f"127.0.0.1:{PORT}:{told('EXPOSE')}"], "this computer alone"
    assert told("EXPOSE") == PORT
    assert PORT in json.loads(told("CMD"))
    name, place = service["volumes"][0].split(":")
    assert place == told("VOLUME")
    assert place in json.loads(told("CMD"))
    assert name in compose["volumes"]
    assert service["environment"] == [KEYS]
