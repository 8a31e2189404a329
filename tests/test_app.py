"""What `python app.py` sets up before the page, and that nothing happens when it is imported."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_nothing_happens_when_it_is_imported(tmp_path, monkeypatch):
    """It took locks and made folders then."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("GRADIO_TEMP_DIR", raising=False)
    before = dict(os.environ)
    runpy.run_path(str(ROOT / "app.py"), run_name="app")
    assert dict(os.environ) == before
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_no_model_is_a_sentence(tmp_path):
    """No traceback, no files left; and what lends the GPU of a Space on ZeroGPU is imported before torch."""
    (tmp_path / "spaces.py").write_text("import sys\nprint('torch' in sys.modules)\nGPU = None\n")
    files = tmp_path / "files"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "GRADIO_TEMP_DIR": str(files)}
    command = [sys.executable, str(ROOT / "app.py"), str(tmp_path / "missing")]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 2
    assert ended.stdout == "False\n"
    (sentence,) = ended.stderr.splitlines()
    assert "missing" in sentence
    assert not list(files.iterdir())
