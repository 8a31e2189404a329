"""What a repository holds, and that it works in a fresh process without rtvc."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import soundfile
from small_hub import COMPONENTS, ROOT, VOICES, WITHOUT_RTVC, endpoint, python
from transformers.dynamic_module_utils import get_relative_import_files

from rtvc import Voice, audio, load
from rtvc.hub import LIBRARIES, lay_out
from rtvc.optimized import optimize

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


def test_auto_classes_and_pipeline_with_rtvc(repositories, tiny_folder, tiny, man, tmp_path, monkeypatch):
    """Of local folders, in an empty one."""
    parent = repositories["me/voice"].parents[1]
    local = {"me/voice": tiny_folder} | {f"me/{name}": parent / name for name in COMPONENTS}
    monkeypatch.chdir(tmp_path)
    exec(auto_script(local, True), {})
    np.testing.assert_allclose(np.load("spoken.npy"), tiny("Hello there.", voice=man)["audio"], atol=1e-5)


OPTIMIZED = """
clone = pipeline("voice-cloning", model=FAST, trust_remote_code=True)
np.save("fast.npy", clone("Hello there.", voice=VOICE)["audio"])
"""


def test_repositories_need_no_rtvc(repositories, tiny_model, processor, tiny, man, tmp_path):
    """Offline, in a fresh process and an empty folder: they say what the model says that was published; an optimised
    one needs no exporter either.
    """
    optimize(tiny_model).save_pretrained(tmp_path / "fast")
    processor.save_pretrained(tmp_path / "fast")
    fast = lay_out(tmp_path / "fast", tmp_path / "repository", "me/fast")
    script = (
        f"import sys\nsys.modules['onnx'] = None\n{auto_script(repositories, False)}FAST = {str(fast)!r}\n{OPTIMIZED}"
    )
    done = python(script, tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    np.testing.assert_allclose(np.load(tmp_path / "spoken.npy"), tiny("Hello there.", voice=man)["audio"], atol=1e-5)
    said = load(tmp_path / "fast")("Hello there.", voice=man)["audio"]
    np.testing.assert_allclose(np.load(tmp_path / "fast.npy"), said, atol=1e-4)


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


def test_what_a_repository_holds(repository, repositories):
    names = {path.name for path in repository.iterdir()}
    assert {"README.md", "config.json", "model.safetensors", "pipeline.py", "handler.py", "requirements.txt"} <= names
    assert not {"cli.py", "hub.py", "card.py", "__init__.py"} & names, "what only rtvc itself needs"
    assert {"woman.voice", "woman.flac", "ATTRIBUTION.md"} <= {path.name for path in (repository / "voices").iterdir()}
    assert not [path for path in repository.rglob("*") if path.suffix in (".bin", ".pt", ".pkl")]
    published = (repository / "pipeline.py").read_text(encoding="utf-8").splitlines()
    own = (ROOT / "rtvc" / "pipeline.py").read_text(encoding="utf-8").splitlines()
    assert [line for line in published if " import __name__ as _" not in line] == own
    assert {path.name for path in repositories["me/tuned_ge2e"].iterdir() if path.suffix == ".py"} == {
        "tuned_ge2e.py",
        "errors.py",
        "model_files.py",
    }


def imported_siblings(file: Path) -> set[Path]:
    """The files beside a file that it imports, within functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            names |= {node.module} if node.module else {alias.name for alias in node.names}
    return {file.with_name(f"{name}.py") for name in names}


def test_transformers_finds_every_file_that_the_code_imports(repositories):
    """It fetches and copies what lines `from .name import …` name: in `from . import audio, samples` it saw nothing,
    and a published model could not be loaded."""
    for folder in repositories.values():
        for file in folder.glob("*.py"):
            needed = imported_siblings(file)
            assert [path.name for path in needed if not path.exists()] == []
            assert {path.name for path in needed} <= {Path(found).name for found in get_relative_import_files(file)}


def test_the_repository_installs_what_the_package_does(repository):
    import tomllib

    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = {one.name: one.specifier for one in map(Requirement, project["dependencies"])}
    pinned = {
        one.name: str(one.specifier) for one in map(Requirement, (repository / "requirements.txt").read_text().split())
    }
    assert set(pinned) == set(LIBRARIES) == set(asked) - {"tqdm", "pyyaml"}, "the shell and the card use those"
    assert all(version.removeprefix("==") in asked[name] for name, version in pinned.items())


def test_a_voice_of_the_repository_is_of_its_model(repository, tiny, woman):
    own = np.asarray(tiny.enroll(woman).speaker_embedding)

    np.testing.assert_allclose(Voice.load(repository / "voices" / "woman.voice").speaker_embedding, own, atol=1e-5)
