"""What strangers may not: have the server fetch something, read its files."""

from __future__ import annotations

import http.server
import threading

import httpx
import pytest

from .helpers import ROOT, call_of, outcome


def sent(path: str, **more: str) -> dict:
    """What stands for a file in a call."""
    return {"path": path, **more, "meta": {"_type": "gradio.FileData"}}


def refusal(served: str, file: dict) -> str:
    """What the server says to somebody who gives this in the place of a recording."""
    said = outcome(served, call_of(served, "enhance_speech", [file], "eve"))
    assert not said["success"]
    return str(said["output"]["error"])


def test_nothing_is_fetched_from_this_computer(served):
    """A URL in the place of a file: whatever the server can reach."""
    asked = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Listener) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{listener.server_port}/voice.wav"
        for file in (sent(url), sent(url, url=url), sent("x.wav", url=url)):
            refusal(served, file)
        listener.shutdown()
    assert asked == []


@pytest.mark.parametrize("url", ["https://example.org/voice.wav", "http://example.org/gradio_api/file=/etc/passwd"])
def test_nothing_is_fetched_from_elsewhere(url, served):
    """gradio itself would ask an address outside. Fails where it no longer asks by the function that is replaced."""
    assert "nothing is fetched from a URL" in refusal(served, sent(url))
    assert "nothing is fetched from a URL" in refusal(served, sent(url, url=url))


@pytest.mark.parametrize("path", ["/etc/passwd", "../../etc/passwd", str(ROOT / "app.py")])
def test_no_file_of_the_server_is_read_or_shown(path, served):
    assert "nothing is fetched from a URL" in refusal(served, sent(f"{served}/gradio_api/file={path}"))
    for address in (f"gradio_api/file={path}", f"file={path}", f"gradio_api/file={path}%00.wav"):
        answer = httpx.get(f"{served}/{address}", timeout=60)
        assert answer.status_code >= 400
        assert "root:" not in answer.text
    refusal(served, sent(path))
