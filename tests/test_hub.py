"""Models on the Hub: what is laid out, loaded without rtvc, uploaded, downloaded from a Hub in miniature."""

from __future__ import annotations

import base64
import copy
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import yaml
from huggingface_hub import HfApi, ModelCard, parse_eval_result_entries

from rtvc import CheckpointError, VoiceCloningPipeline, audio, load
from rtvc.hub import LIBRARIES, download, lay_out, push
from rtvc.hub.card import fingerprint, write_card, write_evaluation
from rtvc.loading import CHECKPOINT
from rtvc.optimized import optimize
from rtvc.watermark import PROVENANCE

ROOT = Path(__file__).parents[1]
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


@pytest.fixture(scope="module")
def repositories(tiny_model, tiny_folder, processor, tmp_path_factory) -> dict[str, Path]:
    """Laid out once: the whole and each component, by what the Hub would call them."""
    folder = tmp_path_factory.mktemp("hub")
    (folder / "me").mkdir()
    training = json.loads((CHECKPOINT / "training.json").read_text())
    (tiny_folder / "training.json").write_text(json.dumps(training))
    write_evaluation(tiny_folder, "clone", **EVALUATION)
    processors = {"earspeech": processor.feature_extractor, "rtvc7": processor.tokenizer}
    made = {"me/voice": lay_out(tiny_folder, folder / "me" / "voice", "me/voice", VOICES)}
    for name in COMPONENTS:
        getattr(tiny_model, name).save_pretrained(folder / name)
        if name in processors:
            processors[name].save_pretrained(folder / name)
        made[f"me/{name}"] = lay_out(folder / name, folder / "me" / name, f"me/{name}")
    return made


@pytest.fixture
def repository(repositories) -> Path:
    return repositories["me/voice"]


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


@pytest.fixture
def hub(repositories):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.repositories, server.cut = repositories, False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def python(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess:
    """A fresh process in `folder`, with caches of its own there, offline unless told otherwise."""
    own = {"HF_HOME": str(folder / "cache"), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, "-c", script]
    return subprocess.run(command, cwd=folder, env=os.environ | own, capture_output=True, text=True, timeout=300)


def endpoint(hub) -> dict[str, str]:
    return {"HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}", "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}


AUTO = """
from transformers import AutoConfig, AutoFeatureExtractor, AutoModel, AutoProcessor, AutoTokenizer, pipeline
import numpy as np
for name, folder in FOLDERS.items():
    config = AutoConfig.from_pretrained(folder, **OPTIONS)
    model = AutoModel.from_pretrained(folder, **OPTIONS)
    assert type(model).__name__ == config.architectures[0], name
    if name in ("me/voice", "me/earspeech"):
        assert type(AutoFeatureExtractor.from_pretrained(folder, **OPTIONS)).__name__ == "EarSpeechFeatureExtractor"
    if name in ("me/voice", "me/rtvc7"):
        assert AutoTokenizer.from_pretrained(folder, **OPTIONS)("Hello.")["input_ids"]
whole = FOLDERS["me/voice"]
ids = AutoProcessor.from_pretrained(whole, **OPTIONS)(text="Hello there.")["input_ids"]
clone = pipeline("voice-cloning", model=whole, **OPTIONS)
me = clone.enroll(VOICE)
me.save("me.voice")
one, two = clone("Hello there.", voice=me), clone("Hello there.", voice="me.voice")
assert np.array_equal(one["audio"], two["audio"]) and one["audio"].size > 1000
np.save("spoken.npy", one["audio"])
clone.save_pretrained(f"again {bool(HAS_RTVC)}")
again = pipeline("voice-cloning", model=f"again {bool(HAS_RTVC)}", **OPTIONS)
assert np.allclose(again("Hello there.", voice=me)["audio"], one["audio"], atol=1e-3)
assert ("rtvc.pipeline" in sys.modules) is bool(HAS_RTVC)
"""


def auto_script(folders: dict[str, Path], has_rtvc: bool) -> str:
    options = {} if has_rtvc else {"trust_remote_code": True}
    known = {name: str(folder) for name, folder in folders.items()}
    given = f"FOLDERS, OPTIONS, HAS_RTVC, VOICE = {known}, {options}, {has_rtvc}, {str(VOICES / 'man.flac')!r}\n"
    return ("import sys\nimport rtvc\n" if has_rtvc else WITHOUT_RTVC) + given + AUTO


def test_auto_classes_and_pipeline_in_a_fresh_process(repositories, tiny_folder, tiny, man, tmp_path):
    """Offline, in an empty folder: local folders with rtvc, the repositories without it; both say the same."""
    parent = repositories["me/voice"].parents[1]
    local = {"me/voice": tiny_folder} | {f"me/{name}": parent / name for name in COMPONENTS}
    for folders, has_rtvc in ((local, True), (repositories, False)):
        done = python(auto_script(folders, has_rtvc), tmp_path)
        assert done.returncode == 0, done.stderr[-3000:]
        spoken = np.load(tmp_path / "spoken.npy")
        np.testing.assert_allclose(spoken, tiny("Hello there.", voice=man)["audio"], atol=1e-5)


def test_an_optimized_model_needs_no_rtvc_and_no_exporter(tiny_model, processor, man, tmp_path):
    """Its repository, in a fresh process: neither rtvc nor onnx can be imported."""
    optimize(tiny_model).save_pretrained(tmp_path / "fast")
    processor.save_pretrained(tmp_path / "fast")
    made = lay_out(tmp_path / "fast", tmp_path / "repository", "me/fast")
    script = f"""
import sys
sys.modules["rtvc"] = sys.modules["onnx"] = None
import numpy as np
from transformers import pipeline
clone = pipeline("voice-cloning", model={str(made)!r}, trust_remote_code=True)
np.save("spoken.npy", clone("Hello there.", voice={str(man)!r})["audio"])
"""
    done = python(script, tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    said = load(tmp_path / "fast")("Hello there.", voice=man)["audio"]
    np.testing.assert_allclose(np.load(tmp_path / "spoken.npy"), said, atol=1e-4)


def test_the_cards_snippets_run(repositories, hub, tmp_path):
    """As they stand, from a Hub: without rtvc, and the one that says so with it."""
    soundfile.write(tmp_path / "me.wav", audio.read(VOICES / "woman.flac"), 16000)
    alone, with_rtvc, commands = [], [], []
    for folder in repositories.values():
        blocks = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
        alone.append("\n".join(block for block in blocks if "import rtvc" not in block))
        with_rtvc += [block for block in blocks if "import rtvc" in block]
        commands += re.findall(r"```sh\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    assert all(alone)
    assert len(with_rtvc) == len(commands) == 1
    script = WITHOUT_RTVC + f"for block in {alone!r}:\n    exec(block, {{}})\n"
    script += f"del sys.modules['rtvc']\nexec({with_rtvc[0]!r}, {{}})\n"
    script += "import shlex\nfrom pathlib import Path\nfrom rtvc.cli import main\nPath('hello.wav').unlink()\n"
    script += f"assert main(shlex.split({commands[0]!r})[1:]) == 0\n"
    done = python(script, tmp_path, **endpoint(hub))
    assert done.returncode == 0, done.stderr[-3000:]
    assert soundfile.info(tmp_path / "hello.wav").frames > 1000


# -- the repository's files


def test_what_a_repository_holds(repository, repositories):
    names = {path.name for path in repository.iterdir()}
    assert {"README.md", "config.json", "model.safetensors", "pipeline.py", "handler.py", "requirements.txt"} <= names
    assert not {"cli.py", "hub.py", "card.py", "__init__.py"} & names, "what only rtvc itself needs"
    assert {"woman.voice", "woman.flac", "ATTRIBUTION.md"} <= {path.name for path in (repository / "voices").iterdir()}
    assert not [path for path in repository.rglob("*") if path.suffix in (".bin", ".pt", ".pkl")]
    assert (repository / "pipeline.py").read_bytes() == (ROOT / "rtvc" / "pipeline.py").read_bytes()
    assert {path.name for path in repositories["me/tuned_ge2e"].iterdir() if path.suffix == ".py"} == {
        "tuned_ge2e.py",
        "errors.py",
        "model_files.py",
    }


def test_the_repository_installs_what_the_package_does(repository):
    import tomllib

    asked = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"])
    assert set((repository / "requirements.txt").read_text().split()) == asked
    assert len(LIBRARIES) == len(asked)


def test_a_voice_of_the_repository_is_of_its_model(repository, tiny, woman):
    own = np.asarray(tiny.enroll(woman).speaker_embedding)
    from rtvc import Voice

    np.testing.assert_allclose(Voice.load(repository / "voices" / "woman.voice").speaker_embedding, own, atol=1e-5)


# -- the card


def test_the_card_is_valid_and_complete(repository):
    card = ModelCard.load(repository / "README.md")
    header = card.data.to_dict()
    assert (header["license"], header["pipeline_tag"], header["language"]) == ("apache-2.0", "text-to-speech", "en")
    assert card.data.model_name == "voice"
    (result,) = card.data.eval_results
    assert (result.metric_type, result.metric_value) == ("wer", 2.5)
    text = card.text
    for words in ("LibriSpeech", "CC BY 4.0", "Prohibited", "English only", "at least 3 s", "neither sings", "hours"):
        assert words in text
    assert "rtvc evaluate --cases CASES" in text
    assert "other weights" not in text
    (entry,) = parse_eval_result_entries(yaml.safe_load((repository / ".eval_results" / "rtvc.yaml").read_text()))
    assert (entry.value, entry.date) == (2.5, "2026-01-31")


def test_results_of_other_weights_are_said_to_be(tiny_model, tmp_path):
    tiny_model.save_pretrained(tmp_path)
    write_evaluation(tmp_path, "clone", **EVALUATION)
    before = fingerprint(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    copy.deepcopy(tiny_model).half().save_pretrained(tmp_path)
    assert fingerprint(tmp_path) != before
    write_card(tmp_path)
    assert "Measured with other weights than these" in (tmp_path / "README.md").read_text()
    bad = {**EVALUATION, "metrics": [{"type": "wer", "name": "Word error rate", "value": float("nan")}]}
    with pytest.raises(ValueError, match="finite"):
        write_evaluation(tmp_path, "clone", **bad)


def test_the_bundled_card_is_up_to_date(bundled):
    from rtvc.hub.card import card

    written = (CHECKPOINT / "README.md").read_text(encoding="utf-8")
    assert written == str(card(CHECKPOINT)), "run `python -m rtvc.hub rtvc/checkpoint`"


# -- refusals


def test_what_cannot_be_laid_out(tiny_folder, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("mine")
    cases = [
        (tiny_folder, full, "me/voice", None, "not empty"),
        (tiny_folder, tmp_path / "no" / "way", "me/voice", None, "does not exist"),
        (tiny_folder, tmp_path / "out", "voice", None, "user/name"),
        (tiny_folder, tmp_path / "out", "me/no good", None, "user/name"),
        (tmp_path, tmp_path / "out", "me/voice", None, "has no config.json"),
        (tiny_folder, tmp_path / "out", "me/voice", tmp_path / "missing", "folder of voices"),
    ]
    for folder, output, name, voices, words in cases:
        with pytest.raises(CheckpointError, match=words):
            lay_out(folder, output, name, voices)
    assert [path.name for path in tmp_path.iterdir()] == ["full"], "nothing half made may stay"
    assert (full / "mine.txt").read_text() == "mine"


def test_the_command(tiny_folder, tmp_path, monkeypatch, capsys):
    from rtvc.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rtvc.cli.hush", lambda: None)
    assert main(["push", str(tiny_folder), "--repo-id", "me/tiny", "--dry-run"]) == 0
    assert "nothing uploaded" in capsys.readouterr().out
    assert load(tmp_path / "tiny").model.config.model_type == "voice_cloning"
    assert main(["push", str(tiny_folder), "--repo-id", "me/tiny", "--output", "x"]) == 2
    assert "--dry-run" in capsys.readouterr().err
    assert main(["push", str(tiny_folder), "--repo-id", "tiny"]) == 2
    assert main(["push", str(tiny_folder), "--repo-id", "me/tiny"]) == 2
    assert "connect to the network" in capsys.readouterr().err


# -- transfers


def test_uploading(tiny, tiny_folder, monkeypatch):
    """What reaches the Hub's client; the Hub's own answers are not ours to test."""
    sent = {}

    def upload(api, folder_path, **options):
        sent.update(options, files={path.name for path in Path(folder_path).iterdir()}, token=api.token)

    monkeypatch.setattr(HfApi, "create_repo", lambda api, repo_id, **options: f"https://huggingface.co/{repo_id}")
    monkeypatch.setattr(HfApi, "upload_folder", upload)
    assert push(tiny_folder, "me/voice", revision="next", token="t") == "https://huggingface.co/me/voice"
    assert (sent["repo_id"], sent["revision"], sent["token"]) == ("me/voice", "next", "t")
    assert {"pipeline.py", "model.safetensors", "README.md"} <= sent["files"]
    sent.clear()
    assert isinstance(tiny, VoiceCloningPipeline)
    assert tiny.push_to_hub("me/again") == "https://huggingface.co/me/again"
    assert {"pipeline.py", "model.safetensors", "README.md"} <= sent["files"]


def test_a_pipeline_is_pushed_with_what_is_known_of_its_weights(repositories, tiny_folder, monkeypatch):
    """`repositories` puts origin and results into the folder; results hold only for the weights that were measured."""
    sent = {}

    def upload(api, folder_path, **options):
        sent.update(files={str(one.relative_to(folder_path)) for one in Path(folder_path).rglob("*")})

    monkeypatch.setattr(HfApi, "create_repo", lambda api, repo_id, **options: repo_id)
    monkeypatch.setattr(HfApi, "upload_folder", upload)
    clone = load(tiny_folder)
    clone.push_to_hub("me/as-it-is")
    assert {"training.json", "evaluation/clone.json", ".eval_results/rtvc.yaml"} <= sent["files"]
    torch.nn.init.ones_(clone.model.rtvc7.position.bias)
    clone.push_to_hub("me/changed")
    assert "training.json" in sent["files"]
    assert "evaluation/clone.json" not in sent["files"]


DOWNLOAD = """
import sys
from urllib.request import urlopen
import huggingface_hub.constants as constants
import rtvc

def attempt(name, revision=None):
    try:
        rtvc.load(name, revision=revision)
        print("loaded")
    except rtvc.CheckpointError as error:
        print(error)

attempt("me/nobody")
attempt("me/voice", "0000000")
urlopen(constants.ENDPOINT + "/cut")
attempt("me/voice", REVISION)
urlopen(constants.ENDPOINT + "/mend")
attempt("me/voice", REVISION)
constants.HF_HUB_OFFLINE = True
attempt("me/voice", REVISION)
"""


def test_downloading(hub, tmp_path):
    """Wrong names, an interruption and going on after it at a pinned revision, and offline from what is there."""
    done = python(DOWNLOAD.replace("REVISION", repr(REVISION)), tmp_path, **endpoint(hub), HF_HUB_DOWNLOAD_TIMEOUT="1")
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip().splitlines() == [
        "The repository “me/nobody” does not exist or is private; check its name, or log in with `hf auth login`.",
        "“me/voice” has no revision “0000000”; check the branch, tag or commit.",
        "The transfer of “me/voice” was interrupted; check the connection and run it again, it goes on where it "
        "stopped.",
        "loaded",
        "loaded",
    ]


def test_offline_and_not_there():
    with pytest.raises(CheckpointError, match="connect to the network"):
        download("me/voice")
    with pytest.raises(CheckpointError, match="user/name"):
        download("voice")


# -- Inference Endpoints


@pytest.fixture(scope="module")
def answer(repositories, tmp_path_factory):
    """As the service does it: the repository's handler.py, made with the repository's path, called with JSON."""
    import importlib.util

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
        ({**speak, "parameters": "man"}, "an object of options"),
        ({"inputs": ["Hello."], "parameters": {"voice": "man"}}, "must be what to say"),
    ):
        with pytest.raises(ValueError, match=re.escape(words)):
            answer(**request)
