"""Many people at the page at once: who gets what, how long it takes, what the server's memory does.

Usage: python benchmarks/load.py [--people 50] [--seconds 600] [--model FOLDER]

Every person has a text of their own and one of the example voices, and compares what comes back with what the pipeline
says by itself: another's voice or words would be noticed. One in ten goes away while waiting: its connection just ends.
The page is started on a free port. At the end it makes a voice file, is killed with -9 and started again: it must speak
with that file, and what the killed one left on the disk must be gone.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import urlopen

import httpx
import numpy as np
from gradio_client import Client, handle_file

from rtvc import audio
from rtvc.loading import load

ROOT = Path(__file__).parents[1]
VOICES = sorted((ROOT / "examples" / "voices").glob("*.flac"))
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
ALIKE = 1e-3  # power of the difference to that of the speech: 16 bits and another batch of threads, nothing more


def words(person: int) -> str:
    """What a person asks for: nobody else does."""
    return f"This is visitor {NUMBERS[person // 10 % 10]} {NUMBERS[person % 10]}. I would like to hear my own voice."


def start(port: int, model: str | None, files: str) -> subprocess.Popen:
    """The page, once it answers. `files`: where its folder is made, so that it can be looked at."""
    environment = {**os.environ, "GRADIO_SERVER_PORT": str(port), "PYTHONPATH": str(ROOT), "GRADIO_TEMP_DIR": files}
    command = [sys.executable, str(ROOT / "app.py"), *([model] if model else [])]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(300):
        try:
            urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
            return server
        except OSError:
            time.sleep(1)
    server.kill()
    raise SystemExit("The page did not start.")


def resident(server: subprocess.Popen) -> float:
    """MB of memory."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def alike(wave: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether it is the speech that was wanted."""
    return wave.shape == wanted.shape and np.square(wave - wanted).mean() < ALIKE * np.square(wanted).mean()


def vanish(url: str, text: str, recording: str) -> str:
    """Ask for something, and be gone half a second later without a word: the connection just ends."""
    with httpx.Client(base_url=url, timeout=60) as visitor:
        functions = visitor.get("config").json()["dependencies"]
        (number,) = [one["id"] for one in functions if one["api_name"] == "clone_voice"]
        with open(recording, "rb") as file:
            (place,) = visitor.post("gradio_api/upload", files={"files": file}).json()
        sent, visit = {"path": place, "meta": {"_type": "gradio.FileData"}}, uuid.uuid4().hex
        call = {"fn_index": number, "session_hash": visit, "data": [text, sent, 1.0, 0.0, 0.0]}
        joined = visitor.post("gradio_api/queue/join", json=call)
        if joined.status_code != httpx.codes.OK:
            raise RuntimeError(json.dumps(joined.json()))
        with visitor.stream("GET", "gradio_api/queue/data", params={"session_hash": visit}):
            time.sleep(0.5)
    return "went away"


class Visits:
    """What happened to everybody."""

    def __init__(self, url: str, expected: list[np.ndarray], end: float) -> None:
        self.url, self.expected, self.end = url, expected, end
        self.outcomes: collections.Counter = collections.Counter()
        self.served: collections.Counter = collections.Counter()
        self.waits: list[float] = []
        self.reasons: collections.Counter = collections.Counter()
        self._lock = threading.Lock()

    def visit(self, person: int) -> None:
        """One person asks again and again."""
        client = Client(self.url, verbose=False)
        while time.monotonic() < self.end:
            began = time.monotonic()
            try:
                outcome = self._ask(client, person)
            except Exception as error:  # a full queue says so; anything else is told at the end
                full = any(words in str(error).lower() for words in ("queue is full", "429 too many"))
                outcome = "queue full" if full else "error"
                self._note_reason(str(error)[:100] if outcome == "error" else "")
                time.sleep(1.0)
            with self._lock:
                self.outcomes[outcome] += 1
                if outcome == "right":
                    self.served[person] += 1
                    self.waits.append(time.monotonic() - began)

    def _ask(self, client: Client, person: int) -> str:
        recording = str(VOICES[person % len(VOICES)])
        if person % 10 == 9:
            return vanish(self.url, words(person), recording)
        said = client.predict(words(person), handle_file(recording), 1.0, 0.0, 0.0, api_name="/clone_voice")
        return "right" if alike(audio.read(said), self.expected[person]) else "WRONG"

    def _note_reason(self, reason: str) -> None:
        with self._lock:
            self.reasons[reason] += 1


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def report(visits: Visits, people: int, memory: list[float]) -> None:
    """The figures."""
    counts = [visits.served[person] for person in range(people) if person % 10 != 9]
    waits = np.array(visits.waits or [0.0])
    print(dict(visits.outcomes), {reason: count for reason, count in visits.reasons.items() if reason})
    print(f"each was served {min(counts)} to {max(counts)} times")
    print(f"wait: median {np.median(waits):.1f} s, 95th percentile {np.percentile(waits, 95):.1f} s")
    thirds = [np.mean(third) for third in np.array_split(memory, 3)]
    print("memory in each third of the time: " + ", ".join(f"{third:.0f} MB" for third in thirds))


def ask(url: str, folder: str, name: str, *given: object) -> str:
    """The file that a function of the page gives, as somebody has it who has just come."""
    client = Client(url, verbose=False, download_files=folder)
    try:
        return client.predict(*given, api_name=name)
    finally:
        client.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--model", help="a from_pretrained folder; default: the bundled model")
    options = parser.parse_args()
    clone = load(options.model)
    voices = [clone.enroll(str(path)) for path in VOICES]
    said = [clone(words(one), voice=voices[one % len(voices)])["audio"] for one in range(options.people)]
    rate, port = clone.model.config.sampling_rate, free_port()
    files = tempfile.TemporaryDirectory(prefix="rtvc-load-")
    server = start(port, options.model, files.name)
    try:
        expected = [audio.resample(wave, rate) for wave in said]
        visits = Visits(f"http://127.0.0.1:{port}/", expected, time.monotonic() + options.seconds)
        memory = []
        with ThreadPoolExecutor(options.people) as pool:
            running = [pool.submit(visits.visit, person) for person in range(options.people)]
            while not all(one.done() for one in running):
                memory.append(resident(server))
                time.sleep(1.0)
        report(visits, options.people, memory)
        with tempfile.TemporaryDirectory() as folder:
            voice = ask(visits.url, folder, "/enroll_voice", handle_file(str(VOICES[0])))
            left = set(Path(files.name).iterdir())
            server.kill()
            server.wait()
            server = start(port, options.model, files.name)
            assert left, "the killed page had no files"
            assert not left & set(Path(files.name).iterdir()), "files of the killed page are left"
            said = ask(visits.url, folder, "/clone_voice", words(0), handle_file(voice))
            assert alike(audio.read(said), expected[0]), "a saved voice was lost"
        server.terminate()
        server.wait()
        assert not any(Path(files.name).iterdir()), "files are left after SIGTERM"
        print("A voice file that the page made speaks after kill -9; no file of the page is left.")
    finally:
        server.kill()
        server.wait()
        files.cleanup()
    return 1 if visits.outcomes["WRONG"] or visits.outcomes["error"] else 0


if __name__ == "__main__":
    sys.exit(main())
