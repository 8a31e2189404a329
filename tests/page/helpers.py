"""What several tests of the page need."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from pathlib import Path

import httpx
import numpy as np
import soundfile

from rtvc import audio
from rtvc.page import layout

ROOT = Path(__file__).parents[2]
VOICES = ROOT / "examples" / "voices"
WOMAN, MAN = str(VOICES / "woman.flac"), str(VOICES / "man.flac")


def quiet(*args, **kwargs) -> None:
    """In place of gradio's progress bar."""


def perform(dialogue, *arguments) -> tuple:
    """What stands on the page at the end."""
    return list(dialogue.perform(*arguments, progress=quiet))[-1]


def is_skipped(update) -> bool:
    return isinstance(update, dict) and update.get("__type__") == "update" and len(update) == 1


def speak(cloning, recording, words, *options, chosen=None, shelf=None) -> tuple:
    """What stands on the page at the end: the clone's file or None, the lines below the voice and the text."""
    heard = read = ""
    updates = list(cloning.speak(recording, chosen, shelf or {}, words, *options, progress=quiet))
    for _, _, *lines, _, _ in updates:
        heard, read = (old if is_skipped(new) else new for old, new in zip((heard, read), lines, strict=True))
    spoken = updates[-1][-1]
    return spoken and spoken["clone"], heard, read


def own_recording(folder: Path, gain: float = 0.5) -> str:
    """A recording that is none of the examples."""
    path = folder / "mine.wav"
    soundfile.write(path, audio.read(WOMAN) * gain, 16000)
    return str(path)


@contextlib.contextmanager
def serving(clone, files):
    """The address of the page, while it runs."""
    demo = layout.serve(clone, files, prevent_thread_lock=True, quiet=True)
    yield demo.local_url.rstrip("/")
    demo.close()


def wait_until(it_is_so, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not it_is_so():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)


def call_of(url: str, name: str, data: list, visit: str) -> dict:
    """What a browser sends to call a function of the page."""
    functions = httpx.get(f"{url}/config", timeout=60).json()["dependencies"]
    (number,) = [function["id"] for function in functions if function["api_name"] == name]
    return {"fn_index": number, "session_hash": visit, "data": data}


def outcome(url: str, call: dict) -> dict:
    """What comes back over the queue."""
    httpx.post(f"{url}/gradio_api/queue/join", json=call, timeout=60).raise_for_status()
    params = {"session_hash": call["session_hash"]}
    with httpx.stream("GET", f"{url}/gradio_api/queue/data", params=params, timeout=60) as told:
        for line in told.iter_lines():
            if line.startswith("data:") and (said := json.loads(line[5:]))["msg"] == "process_completed":
                return said
    raise AssertionError("nothing came back")


def upload(url: str, path: str) -> dict:
    """Send a file; what stands for it in a call."""
    with Path(path).open("rb") as file:
        (path_there,) = httpx.post(f"{url}/gradio_api/upload", files={"files": file}, timeout=60).json()
    return {"path": path_there, "meta": {"_type": "gradio.FileData"}}


class Slow:
    """A pipeline that counts who computes at once."""

    def __init__(self, seconds: float = 0.3) -> None:
        self.seconds = seconds
        self.now = self.most = self.done = 0
        self._lock = threading.Lock()

    def work(self, *_: object, **__: object) -> float:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(self.seconds)
        with self._lock:
            self.now, self.done = self.now - 1, self.done + 1
        return 0.5

    similarity = work

    def enhance(self, *_: object) -> np.ndarray:
        self.work()
        return np.zeros(16000, np.float32)

    def __call__(self, *_: object, **__: object) -> dict:
        return {"audio": self.enhance(), "sampling_rate": 16000}

    def stream(self, *_: object, **__: object):
        for sentence in range(3):
            yield {**self(), "sentence": sentence}
