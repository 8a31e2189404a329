"""A Hub in miniature, and fresh processes that use it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path

ROOT = Path(__file__).parents[2]
VOICES = ROOT / "examples" / "voices"
COMPONENTS = ("earspeech", "tuned_ge2e", "sayen", "rtvc7")
REVISION = "0123456789abcdef0123456789abcdef01234567"
EVALUATION = {
    "task": "text-to-speech",
    "title": "Cloning",
    "dataset": {"name": "36 sentences", "hub": ["mythicinfinity/libritts"]},
    "metrics": [{"type": "wer", "name": "Word error rate", "value": 2.5, "unit": "%"}],
    "command": "rtvc evaluate --cases CASES",
    "machine": "two cores",
    "date": "2026-01-31",
}
WITHOUT_RTVC = "import sys\nsys.modules['rtvc'] = None\n"  # `import rtvc` fails, wherever it is installed


class Hub(BaseHTTPRequestHandler):
    """Serves `server.repositories` as the Hub does; between /cut and /mend it breaks off in the middle of weights."""

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        if self.path in ("/cut", "/mend"):
            self.server.cut = self.path == "/cut"
            return self.send(b"", body)
        path = self.path.split("?")[0].removeprefix("/api/models")
        match = re.fullmatch(r"/(\w+/\w+)(?:/(revision|resolve|tree)/([^/]+))?(?:/(.+))?", path)
        folder = self.server.repositories.get(match[1]) if match else None
        if folder is None:
            return self.refuse("RepoNotFound")
        if match[3] not in (None, "main", REVISION):
            return self.refuse("RevisionNotFound")
        if match[2] == "resolve":
            file = folder / match[4]
            return self.send(file.read_bytes(), body) if file.is_file() else self.refuse("EntryNotFound")
        if match[4]:
            return self.refuse("EntryNotFound")
        files = {str(one.relative_to(folder)): one for one in sorted(folder.rglob("*")) if one.is_file()}
        if match[2] == "tree":
            entries = [
                {"type": "file", "path": name, "size": one.stat().st_size, "oid": oid(one.read_bytes())}
                for name, one in files.items()
            ]
            return self.send(json.dumps(entries).encode(), body)
        siblings = [{"rfilename": name} for name in files]
        return self.send(json.dumps({"id": match[1], "sha": REVISION, "siblings": siblings}).encode(), body)

    def send(self, content: bytes, body: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{oid(content)}"')
        self.send_header("X-Repo-Commit", REVISION)
        self.end_headers()
        if body:
            cut = self.server.cut and "safetensors" in self.path
            self.wfile.write(content[: len(content) // 2] if cut else content)
            self.close_connection = cut

    def refuse(self, code: str) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_) -> None:
        """Nothing on the terminal."""


def oid(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


def python(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess:
    """A fresh process in `folder`, with caches of its own there, offline unless told otherwise."""
    own = {"HF_HOME": str(folder / "cache"), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, "-c", script]
    return subprocess.run(command, cwd=folder, env=os.environ | own, capture_output=True, text=True, timeout=300)


def endpoint(hub) -> dict[str, str]:
    return {"HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}", "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
