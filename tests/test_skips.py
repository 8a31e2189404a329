"""`pytest --skips FILE`, which .ci/run uses: what is skipped without being listed fails the run, and is named."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LISTED = """
import pytest

@pytest.mark.skipif(True, reason="needs a GPU")
def test_listed(): ...
"""
UNLISTED = """
def test_program(): pytest.skip("no chromium")
def test_package(): pytest.importorskip("no_such_module")
def test_module(): ...
"""


@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n", "2", "--dist", "worksteal")], ids=["one", "two"])
@pytest.mark.parametrize("unlisted", [False, True])
def test_an_unlisted_skip_fails_the_run(tmp_path, unlisted, workers):
    shutil.copy(HERE / "skips.py", tmp_path / "conftest.py")
    (tmp_path / "test_some.py").write_text(LISTED + unlisted * UNLISTED)
    (tmp_path / "test_whole_file.py").write_text(unlisted * 'import pytest\npytest.importorskip("no_such_library")\n')
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--skips={HERE / 'skips.txt'}",
        *workers,
    ]
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == unlisted, done.stdout
    assert ("test_program: no chromium" in done.stdout) == unlisted
    assert ("test_package: could not import" in done.stdout) == unlisted
    assert done.stdout.count("test_whole_file.py: could not import") == unlisted
    assert "test_listed" not in done.stdout


def test_every_line_says_why():
    for line in (HERE / "skips.txt").read_text().splitlines():
        assert line.startswith("#") or all(part.strip() for part in line.partition("|")), line
