"""A real Speech Dispatcher, and a client of it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from rtvc.speechd.command import install

ROOT = Path(__file__).parents[2]
ALSA = """
</usr/share/alsa/alsa.conf>
pcm.!default {{ type file; slave.pcm "null"; file "{}"; format raw }}
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
        """Waits for an event, which may have come."""
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


class Daemon(NamedTuple):
    """A running daemon's socket, what it plays (raw, 16 bit), and the folder of its voices, ben and anna."""

    place: Path
    sound: Path
    voices: Path

    def played(self) -> int:
        """Samples so far."""
        return self.sound.stat().st_size // 2 if self.sound.exists() else 0


@pytest.fixture(scope="session")
def daemon(tiny_folder, tiny, woman, man, tmp_path_factory) -> Iterator[Daemon]:
    """It knows the module as a person's own: what `rtvc speechd` writes. One for all tests, for it takes a while."""
    if not shutil.which("speech-dispatcher"):
        pytest.skip("needs Speech Dispatcher")
    home = tmp_path_factory.mktemp("home")
    found = Daemon(home / "socket", home / "played.raw", home / "voices")
    for place in ("config", "data/share", "run", "voices"):
        (home / place).mkdir(parents=True)
    for name, recording in (("anna", woman), ("ben", man)):
        tiny.enroll(recording).save(found.voices / f"{name}.voice")
    (home / "asound.conf").write_text(ALSA.format(found.sound))
    paths = {"XDG_CONFIG_HOME": "config", "XDG_DATA_HOME": "data/share", "XDG_RUNTIME_DIR": "run"}
    with pytest.MonkeyPatch.context() as patch:
        for name, place in (paths | {"ALSA_CONFIG_PATH": "asound.conf"}).items():
            patch.setenv(name, str(home / place))
        patch.setenv("PYTHONPATH", str(ROOT))
        install(str(found.voices), "ben", str(tiny_folder))
        (home / "config/speech-dispatcher/speechd.conf").write_text('AudioOutputMethod "alsa"\n')
        options = ("-s", "-c", "unix_socket", "-S", found.place, "-P", home / "pid", "-L", home, "-t", "0", "-l", "5")
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        running = subprocess.Popen(["speech-dispatcher", *map(str, options)], **quiet)
    end = time.monotonic() + PATIENCE
    while not found.place.exists():
        assert running.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)
    yield found
    running.terminate()
    running.wait(60)


@pytest.fixture
def client(daemon) -> Iterator[Client]:
    one = Client(daemon.place)
    for command in ("CLIENT_NAME somebody:tests:main", "NOTIFICATION ALL ON", "OUTPUT_MODULE rtvc", "LANGUAGE en"):
        one.ask(f"SET SELF {command}")
    yield one
    one.ask("QUIT")
