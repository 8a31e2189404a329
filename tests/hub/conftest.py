"""Repositories of the tiny model, laid out once, and a Hub that serves them."""

from __future__ import annotations

import json
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from small_hub import COMPONENTS, EVALUATION, VOICES, Hub

from rtvc.hub import lay_out
from rtvc.hub.card import write_evaluation
from rtvc.loading import CHECKPOINT


@pytest.fixture(scope="session")
def repositories(tiny_model, tiny_folder, processor, tmp_path_factory) -> dict[str, Path]:
    """Laid out once: the whole and each component, by what the Hub would call them."""
    folder = tmp_path_factory.mktemp("hub")
    (folder / "me").mkdir()
    training = json.loads((CHECKPOINT / "training.json").read_text())
    (tiny_folder / "training.json").write_text(json.dumps(training))
    write_evaluation(tiny_folder, "clone", **EVALUATION)
    processors = {"earspeech": processor.feature_extractor, "rtvc7": processor.tokenizer}
    laid_out = {"me/voice": lay_out(tiny_folder, folder / "me" / "voice", "me/voice", VOICES)}
    for name in COMPONENTS:
        getattr(tiny_model, name).save_pretrained(folder / name)
        if name in processors:
            processors[name].save_pretrained(folder / name)
        laid_out[f"me/{name}"] = lay_out(folder / name, folder / "me" / name, f"me/{name}")
    return laid_out


@pytest.fixture
def repository(repositories) -> Path:
    return repositories["me/voice"]


@pytest.fixture
def hub(repositories):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.repositories, server.cut = repositories, False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
