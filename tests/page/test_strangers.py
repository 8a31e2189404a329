"""What strangers may not: have the server fetch something, read its files."""

from __future__ import annotations

import http.server
import threading

import gradio as gr
import httpx
import pytest

from .helpers import ROOT


def test_nothing_is_fetched_from_a_url(served):
    """A URL in the place of a file: gradio itself would fetch it, and with it whatever the server can reach."""
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
        for file in ({"path": url}, {"path": url, "url": url}, {"url": url, "path": "x.wav"}):
            data = {"data": ["Hello.", {**file, "meta": {"_type": "gradio.FileData"}}, 1.0, 0.0, 0.0]}
            call = httpx.post(f"{served}/gradio_api/call/clone_voice", json=data, timeout=60)
            if call.status_code == 200:
                httpx.get(f"{served}/gradio_api/call/clone_voice/{call.json()['event_id']}", timeout=60)
        listener.shutdown()
    assert asked == []
    with pytest.raises(gr.Error, match="nothing is fetched"):  # addresses outside that gradio would allow
        gr.processing_utils.async_ssrf_protected_get("https://example.org/voice.wav").send(None)


@pytest.mark.parametrize("path", ["/etc/passwd", "../../etc/passwd", str(ROOT / "app.py")])
def test_no_file_of_the_server_is_read_or_shown(path, served):
    with pytest.raises(gr.Error, match="nothing is fetched"):
        gr.processing_utils.async_ssrf_protected_get(f"{served}/gradio_api/file={path}").send(None)
    for address in (f"gradio_api/file={path}", f"file={path}", f"gradio_api/file={path}%00.wav"):
        answer = httpx.get(f"{served}/{address}", timeout=60)
        assert answer.status_code >= 400
        assert "root:" not in answer.text
    data = {"data": [{"path": path, "meta": {"_type": "gradio.FileData"}}]}
    call = httpx.post(f"{served}/gradio_api/call/enhance_speech", json=data, timeout=60)
    if call.status_code == 200:
        told = httpx.get(f"{served}/gradio_api/call/enhance_speech/{call.json()['event_id']}", timeout=60).text
        assert "event: error" in told
