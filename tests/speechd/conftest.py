"""A real Speech Dispatcher, and a client of it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rtvc.speechd.command import install

ROOT = Path(__file__).parents[2]
ALSA = """
</usr/share/alsa/alsa.conf>
pcm.!default {{ type file; slave.pcm "null"; file "{}"; format raw }}
"""
CONFIG = """
AudioOutputMethod "alsa"
AudioALSADevice "default"
LogLevel 5
"""
PATIENCE = 240.0  # seconds, on a machine that does much else


class Client:
    """Speaks SSIP, the daemon's protocol for programs."""

    def __init__(self, place: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE)
        self._socket.connect(str(place))
        self._lines = self._socket.makefile("r", encoding="utf-8", newline="\r\n")
        self.events: list[tuple[str, str, float]] = []  # kind, mark, seconds

    def ask(self, command: str) -> list[str]:
        """A command's answer: lines without their codes; what happens meanwhile goes to `events`."""
        self._socket.sendall(command.encode() + b"\r\n")
        while True:
            code, answer = self._answer()
            if not code.startswith("7"):
                assert code[0] == "2", (command, code, answer)
                return answer

    def say(self, text: str) -> None:
        self.ask("SPEAK")
        self.ask(text.replace("\n", "\r\n") + "\r\n.")

    def until(self, kind: str) -> None:
        """Waits for an event."""
        while not any(one == kind for one, _, _ in self.events):
            self._answer()

    def _answer(self) -> tuple[str, list[str]]:
        answer = []
        while True:
            line = self._lines.readline().rstrip("\r\n")
            answer.append(line[4:])
            if line[3:4] == " ":
                break
        if line.startswith("7"):
            mark = answer[2] if line.startswith("700") else ""
            self.events.append((line[4:], mark, time.monotonic()))
        return line[:3], answer


@pytest.fixture
def daemon(tiny_folder, tiny, woman, man, tmp_path, monkeypatch) -> Iterator[tuple[Path, Path]]:
    """The socket of a daemon that knows the module as a person's own, and what it plays: raw 16 bit."""
    if not shutil.which("speech-dispatcher"):
        pytest.skip("needs Speech Dispatcher")
    for name, place in {"XDG_CONFIG_HOME": "config", "XDG_DATA_HOME": "data/share", "XDG_RUNTIME_DIR": "run"}.items():
        (tmp_path / place).mkdir(parents=True)
        monkeypatch.setenv(name, str(tmp_path / place))
    (tmp_path / "voices").mkdir()
    tiny.enroll(woman).save(tmp_path / "voices" / "anna.voice")
    tiny.enroll(man).save(tmp_path / "voices" / "ben.voice")
    install(str(tmp_path / "voices"), "ben", str(tiny_folder))
    (tmp_path / "config/speech-dispatcher/speechd.conf").write_text(CONFIG)
    (tmp_path / "asound.conf").write_text(ALSA.format(tmp_path / "played.raw"))
    place = tmp_path / "socket"
    options = ["-s", "-c", "unix_socket", "-S", place, "-P", tmp_path / "pid", "-L", tmp_path, "-t", "0", "-l", "5"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "ALSA_CONFIG_PATH": str(tmp_path / "asound.conf")}
    running = subprocess.Popen(
        ["speech-dispatcher", *map(str, options)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + PATIENCE
    while not place.exists():
        assert running.poll() is None
        assert time.monotonic() < end
        time.sleep(0.1)
    yield place, tmp_path / "played.raw"
    running.terminate()
    running.wait(60)


@pytest.fixture
def client(daemon) -> Client:
    one = Client(daemon[0])
    for command in ("CLIENT_NAME somebody:tests:main", "NOTIFICATION ALL ON", "OUTPUT_MODULE rtvc", "LANGUAGE en"):
        one.ask(f"SET SELF {command}")
    return one


def played(path: Path) -> np.ndarray:
    return np.fromfile(path, "<i2") if path.exists() else np.zeros(0, "<i2")
