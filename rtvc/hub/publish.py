"""Publishing a model on the Hub: lay a folder out as a repository that works without rtvc, and upload it.

The repository holds the weights, the code that inference needs as one flat folder (for `trust_remote_code=True`), the
processor, voices, the model card, and the handler for Inference Endpoints.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import HfApi
from safetensors import safe_open
from transformers import PreTrainedModel
from transformers.dynamic_module_utils import get_relative_imports

from ..earspeech import EarSpeechConfig, EarSpeechFeatureExtractor
from ..errors import CheckpointError
from ..loading import TRANSFER, check_name, load, refusal
from ..model_files import WEIGHTS
from ..processing import VoiceCloningProcessor
from ..rtvc7 import RTVC7Config
from ..text import VoiceCloningTokenizer
from ..voice import SUFFIXES
from ..voice_cloning import MODELS, TASK, VoiceCloningConfig
from .card import keep_origin, write_card

CODE = Path(__file__).parents[1]
COPIED = ("model.safetensors", "generation_config.json", "training.json", "evaluation")  # of a model's folder
NAMED = "from .{0} import __name__ as _{0}\n"
SIBLINGS = re.compile(r"^from \. import (\w+(?:, \w+)*)", re.MULTILINE)
SOUNDS = (".wav", ".flac", ".ogg", ".mp3")
# What inference imports. An endpoint installs it: the versions that laid the repository out.
LIBRARIES = (
    "torch",
    "transformers",
    "huggingface-hub",
    "safetensors",
    "numpy",
    "scipy",
    "soundfile",
    "soxr",
) + ("pyloudnorm", "onnxruntime", "silero-vad", "swift-f0", "hibari-tts")


def lay_out(folder: str | os.PathLike, output: str | os.PathLike, repo_id: str, voices: Any = None) -> Path:
    """Write the repository of a model, or of one component, to a new folder; it appears whole or not at all.

    Args:
        folder: a `from_pretrained` folder of the model or a component.
        output: the folder to make; it must be missing or empty.
        repo_id: what the repository will be called, "user/name"; the card's examples name it.
        voices: a folder of recordings and saved voices to add (default: the model's own `voices`, if it has some);
            each recording is enrolled with this very model, and a text beside them, such as their licence, goes along.

    Raises:
        CheckpointError: the folder is no model of rtvc, the name cannot be a repository's, or `output` holds files.
        VoiceError: a recording cannot be enrolled.
    """
    folder, output = Path(folder), Path(output)
    config = _config(folder)
    check_name(repo_id)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise CheckpointError(f"“{output.name}” is not empty; choose a new folder for the repository.")
    if not output.absolute().parent.is_dir():
        raise CheckpointError(f"The folder above “{output.name}” does not exist; create it or choose another one.")
    with tempfile.TemporaryDirectory(dir=output.absolute().parent) as temporary:
        repository = Path(temporary) / "repository"
        repository.mkdir()
        _copy(folder, repository)
        _write_processor(folder, repository, config["model_type"])
        _write_config(repository, config)
        _copy_code(repository, config["model_type"])
        _add_voices(folder, repository, voices)
        write_card(repository, repo_id)
        if output.exists():
            output.rmdir()
        repository.rename(output)
    return output


def push(
    folder: str | os.PathLike,
    repo_id: str,
    voices: Any = None,
    private: bool | None = None,
    revision: str | None = None,
    token: str | None = None,
    commit_message: str = "Upload the model",
) -> str:
    """Upload a model, or a component, as a complete repository (see :func:`lay_out`); returns its address.

    Args:
        folder, repo_id, voices: see :func:`lay_out`.
        private: whether a new repository is.
        revision: the branch to upload to; it must exist unless it is the main one.
        token: of the account; the stored one by default.

    Raises:
        CheckpointError: what the Hub refused, and what to do.
    """
    with tempfile.TemporaryDirectory() as temporary:
        repository = lay_out(folder, Path(temporary) / "repository", repo_id, voices)
        api = HfApi(token=token)
        try:
            address = api.create_repo(repo_id, private=private, exist_ok=True)
            api.upload_folder(folder_path=repository, repo_id=repo_id, revision=revision, commit_message=commit_message)
        except TRANSFER as error:
            raise CheckpointError(refusal(repo_id, revision, error)) from error
    return str(address)


def push_model(model: PreTrainedModel, processor: VoiceCloningProcessor, repo_id: str, **options: Any) -> str:
    """Upload a model that is in memory; its address. ``options``: see :func:`push`.

    As long as it is what its folder holds, that folder is uploaded, with what was measured of it.
    """
    source = Path(model.name_or_path or "")
    if _is_as_saved(model, source):
        return push(source, repo_id, **options)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        processor.save_pretrained(folder)
        keep_origin(source, folder)
        return push(folder, repo_id, **options)


def _is_as_saved(model: PreTrainedModel, folder: Path) -> bool:
    """Whether weights and settings are those in the folder."""
    if not (folder / WEIGHTS).is_file():
        return False
    stored = type(model.config).from_pretrained(folder).to_dict()
    if _settings(stored) != _settings(model.config.to_dict()):
        return False
    weights = model.state_dict()
    with safe_open(folder / WEIGHTS, "pt") as file:
        if set(file.keys()) != set(weights):
            return False
        return all(torch.equal(file.get_tensor(name).to(weight), weight) for name, weight in weights.items())


def _settings(config: dict[str, Any]) -> dict[str, Any]:
    """A config, and those in it, without where it lay and how its weights are stored."""
    kept = {
        key: value for key, value in config.items() if key not in ("dtype", "weights_sha256") and str(key)[0] != "_"
    }
    return {key: _settings(value) if isinstance(value, dict) else value for key, value in kept.items()}


def _config(folder: Path) -> dict[str, Any]:
    """The config.json of a model of rtvc."""
    for name in ("config.json", "model.safetensors"):
        if not (folder / name).is_file():
            raise CheckpointError(f"The model folder “{folder.name}” has no {name}; give the folder of an rtvc model.")
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        known = config["model_type"] in {kind.model_type for kind in MODELS}
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"config.json in “{folder.name}” is damaged; get the model files again.") from error
    if not known:
        raise CheckpointError(f"“{folder.name}” holds another kind of model; give the folder of an rtvc model.")
    return config


# -- what the repository holds


def _copy(folder: Path, repository: Path) -> None:
    for path in (folder / name for name in COPIED):
        if path.is_dir():
            shutil.copytree(path, repository / path.name)
        elif path.is_file():
            shutil.copy(path, repository)


def _write_processor(folder: Path, repository: Path, model_type: str) -> None:
    """The processor of the whole; of a component what it has of it, with where its code is."""
    parts: dict[str, Callable[[], Any]] = {
        VoiceCloningConfig.model_type: lambda: VoiceCloningProcessor.from_pretrained(folder),
        EarSpeechConfig.model_type: EarSpeechFeatureExtractor,
        RTVC7Config.model_type: VoiceCloningTokenizer,
    }
    if model_type not in parts:
        return
    parts[model_type]().save_pretrained(repository)
    for name in ("processor_config.json", "preprocessor_config.json", "tokenizer_config.json"):
        if (repository / name).is_file():
            stored = json.loads((repository / name).read_text(encoding="utf-8"))
            _write_json(repository / name, _with_code(stored, _auto_map(model_type)))


def _with_code(stored: dict[str, Any], auto_map: dict[str, Any]) -> dict[str, Any]:
    """The stored processor, and the parts that lie in it, with where the code is."""
    parts = {name: _with_code(stored[name], auto_map) for name in ("feature_extractor",) if name in stored}
    return {**stored, **parts, "auto_map": auto_map}


def _write_config(repository: Path, config: dict[str, Any]) -> None:
    """config.json, with where the code of each class and of the pipeline is."""
    config = {**config, "auto_map": _auto_map(config["model_type"])}
    if config["model_type"] == VoiceCloningConfig.model_type:
        pipeline = {"impl": "pipeline.VoiceCloningPipeline", "pt": ["AutoModel"], "tf": [], "type": "audio"}
        config["custom_pipelines"] = {TASK: {**pipeline, "default": {}}}
    _write_json(repository / "config.json", config)


def _auto_map(model_type: str) -> dict[str, Any]:
    """Auto class → "file.Class"."""
    config, model = next(pair for pair in MODELS.items() if pair[0].model_type == model_type)
    classes: dict[str, Any] = {"AutoConfig": config, "AutoModel": model}
    if config in (VoiceCloningConfig, EarSpeechConfig):
        classes["AutoFeatureExtractor"] = EarSpeechFeatureExtractor
    if config is VoiceCloningConfig:
        classes["AutoProcessor"] = VoiceCloningProcessor
    addresses: dict[str, Any] = {
        auto: f"{kind.__module__.rsplit('.')[-1]}.{kind.__name__}" for auto, kind in classes.items()
    }
    if config in (VoiceCloningConfig, RTVC7Config):
        addresses["AutoTokenizer"] = [f"text.{VoiceCloningTokenizer.__name__}", None]
    return addresses


def _copy_code(repository: Path, model_type: str) -> None:
    """The files that the repository's classes import, side by side."""
    whole = model_type == VoiceCloningConfig.model_type
    first = {"pipeline"} if whole else set()
    for address in _auto_map(model_type).values():
        first.add((address if isinstance(address, str) else address[0]).split(".")[0])
    waiting = sorted(first)
    while waiting:
        file = repository / f"{waiting.pop()}.py"
        if not file.exists():
            file.write_text(_with_named_siblings((CODE / file.name).read_text(encoding="utf-8")), encoding="utf-8")
            waiting += get_relative_imports(file)
    if whole:
        shutil.copy(Path(__file__).with_name("handler.py"), repository)
        pins = [f"{name}=={version(name).partition('+')[0]}" for name in LIBRARIES]
        (repository / "requirements.txt").write_text("\n".join(pins) + "\n")


def _with_named_siblings(code: str) -> str:
    """A file's code with a line `from .name import …` before each `from . import name`: transformers fetches and copies
    the files that such lines name, and no others.
    """
    return SIBLINGS.sub(lambda match: "".join(map(NAMED.format, match[1].split(", "))) + match[0], code)


def _add_voices(folder: Path, repository: Path, voices: Any) -> None:
    source = Path(voices) if voices else folder / "voices"
    if not source.is_dir():
        if voices:
            raise CheckpointError(f"The folder of voices “{source.name}” does not exist; check its path.")
        return
    clone, target = load(folder), repository / "voices"
    target.mkdir()
    for path in _files(source):
        shutil.copy(path, target)
        if path.suffix.lower() in SOUNDS:
            clone.enroll(path).save(target / f"{path.stem}.voice")


def _files(folder: Path) -> Iterable[Path]:
    """Recordings, saved voices, and the texts beside them."""
    known = (*SOUNDS, *SUFFIXES, ".md", ".txt")
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in known and path.is_file())


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
