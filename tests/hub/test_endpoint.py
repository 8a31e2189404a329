"""The handler for Inference Endpoints."""

from __future__ import annotations

import base64
import importlib.util
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from rtvc.watermark import PROVENANCE


@pytest.fixture(scope="module")
def answer(repositories, tmp_path_factory):
    """As the service does it: the repository's handler.py, made with the repository's path, called with JSON."""
    folder = repositories["me/voice"]
    spec = importlib.util.spec_from_file_location("handler", folder / "handler.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.MonkeyPatch.context() as patch:  # the copies of the code that transformers makes go here
        patch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path_factory.mktemp("modules")))
        handler = module.EndpointHandler(str(folder))
        yield lambda **request: json.loads(json.dumps(handler(json.loads(json.dumps(request)))))


def test_the_endpoint_speaks(answer, woman, tiny, tmp_path):
    wanted = tiny("Hello there.", voice=woman)["audio"]
    tiny.enroll(woman).save(tmp_path / "w.voice")
    voices = ["woman", encoded(woman), encoded(tmp_path / "w.voice")]
    for voice, kind in zip(voices, ("wav", "flac", "wav"), strict=True):
        said = answer(inputs="Hello there.", parameters={"voice": voice, "format": kind})
        wave, rate = soundfile.read(io.BytesIO(base64.b64decode(said["audio"])))
        assert (rate, said["format"]) == (said["sampling_rate"], kind)
        with soundfile.SoundFile(io.BytesIO(base64.b64decode(said["audio"]))) as file:
            assert file.comment == PROVENANCE
        np.testing.assert_allclose(wave, wanted, atol=1e-4)
    faster = answer(inputs="Hello there.", parameters={"voice": "woman", "speed": 2})
    assert len(faster["audio"]) < 0.7 * 4 / 3 * 2 * wanted.size


def encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def test_the_endpoint_refuses_in_a_sentence(answer):
    speak = {"inputs": "Hello."}
    for request, words in (
        (speak, "The voice must be a recording in base64, or the name of one of: man, woman, young-man."),
        ({**speak, "parameters": {"voice": "../../etc/passwd"}}, "must be a recording"),
        ({**speak, "parameters": {"voice": base64.b64encode(b"no sound").decode()}}, "cannot be read as audio"),
        ({"inputs": "...", "parameters": {"voice": "man"}}, "write at least one English word"),
        ({**speak, "parameters": {"voice": "man", "speed": 9}}, "speed must be"),
        ({**speak, "parameters": {"voice": "man", "volume": 9}}, "does not know volume"),
        ({**speak, "parameters": {"voice": "man", "format": "exe"}}, "must be one of wav, flac, ogg"),
        ({**speak, "parameters": {"voice": "man", "watermark": False}}, "cannot be left out"),
        ({**speak, "parameters": {"voice": "man", "seed": float("nan")}}, "seed must be"),
        ({**speak, "parameters": {"voice": ["man"]}}, "must be a recording"),
        ({**speak, "parameters": {"voice": "man", "lexicon": "/etc/passwd"}}, "“lexicon” must be an object"),
        ({**speak, "parameters": "man"}, "an object of options"),
        ({"inputs": ["Hello."], "parameters": {"voice": "man"}}, "must be what to say"),
    ):
        with pytest.raises(ValueError, match=re.escape(words)):
            answer(**request)
