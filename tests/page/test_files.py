"""The page's folder on disk: nothing in it outlives its time."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rtvc.page import files as module
from rtvc.page.files import EVERY, Files


def test_files_are_deleted_in_time(tmp_path, monkeypatch):
    """Those that the page made and whatever lies among gradio's, which forgets some; an hour after they came."""
    files = Files(tmp_path)
    offered, stray = files.new_folder(), files.uploads / "somebody" / "recording.wav"
    (offered / "clone.wav").write_bytes(b"x")
    stray.parent.mkdir()
    stray.write_bytes(b"x")
    files.sweep()
    assert (offered.exists(), stray.exists()) == (True, True)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3600 - EVERY + 1)
    files.sweep()
    assert (offered.exists(), stray.exists()) == (False, False)


PROCESS = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("files", sys.argv[1])  # alone: the rest of rtvc takes seconds to import
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
files = module.Files(sys.argv[2])
files.remove_at_end()
(files.new_folder() / "clone.wav").write_bytes(b"x")
(files.uploads / "upload.wav").write_bytes(b"x")
print(files.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def start(tmp_path):
    """Starts processes that have the page's files in `tmp_path`; gives each and its folder."""
    with contextlib.ExitStack() as running:

        def some(count: int) -> list[tuple[subprocess.Popen, Path]]:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            command = [sys.executable, "-c", PROCESS, module.__file__, str(tmp_path)]
            started = [running.enter_context(subprocess.Popen(command, **pipes)) for _ in range(count)]
            for process in started:
                running.callback(process.kill)
            return [(process, Path(process.stdout.readline().strip())) for process in started]

        yield some


def test_a_process_leaves_no_files_and_touches_nobody_elses(start, tmp_path):
    (ended, first), (terminated, second), (killed, third), (_, living) = start(4)
    assert {folder.parent for folder in (first, second, third, living)} == {tmp_path}
    assert first.stat().st_mode & 0o777 == 0o700
    ended.stdin.close()
    ended.wait(60)
    terminated.terminate()
    assert terminated.wait(60) == -signal.SIGTERM
    killed.kill()
    killed.wait(60)
    assert [folder.exists() for folder in (first, second, third, living)] == [False, False, True, True]
    ((_, next_folder),) = start(1)
    assert set(tmp_path.iterdir()) == {living, next_folder}, "what a killed process left is removed at the next start"
    assert len(list(living.rglob("*.wav"))) == 2
