"""From a folder or a repository on the Hub to a pipeline; and what makes transformers know rtvc.

It is apart from the pipeline because a published repository brings the pipeline's code, and there transformers itself
downloads, registers and loads.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from huggingface_hub import errors, is_offline_mode, snapshot_download
from huggingface_hub.utils import validate_repo_id
from transformers import AutoConfig, AutoFeatureExtractor, AutoModel, AutoProcessor, AutoTokenizer
from transformers.pipelines import PIPELINE_REGISTRY
from transformers.utils import logging as transformers_logging

from .audio import Recording
from .earspeech import EarSpeechConfig, EarSpeechFeatureExtractor
from .errors import CheckpointError, quoted
from .model_files import WEIGHTS, read_json
from .pipeline import AnyVoice, VoiceCloningPipeline
from .processing import VoiceCloningProcessor
from .rtvc7 import RTVC7Config
from .text import VoiceCloningTokenizer
from .voice_cloning import MODELS, TASK, VoiceCloningConfig, VoiceCloningModel

CHECKPOINT = Path(__file__).parent / "checkpoint"
TRANSFER = (OSError, errors.HTTPError, errors.XetDownloadError)  # what the Hub's client raises

_lock = threading.Lock()


def load(model: str | os.PathLike | None = None, revision: str | None = None, **options: Any) -> VoiceCloningPipeline:
    """A pipeline from a folder of model files, or a Hub repository, without transformers' log lines.

    Args:
        model: the folder, or "user/name" on the Hub; none means the bundled model.
        revision: a branch, tag or commit of the repository.
        options: of the pipeline, such as `device`; `dtype` is what the model computes in, float32 by default.

    Raises:
        CheckpointError: the files are missing, damaged or of another model, or cannot be downloaded.
    """
    folder = model_folder(model, revision)
    _check_folder(folder)
    types = {name: options.pop(name) for name in ("dtype", "torch_dtype") if name in options}
    try:
        with _without_progress_bar():
            loaded = VoiceCloningModel.from_pretrained(folder, **types).eval()
        processor = VoiceCloningProcessor.from_pretrained(folder)
    except CheckpointError:
        raise
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CheckpointError(
            f"The model {quoted(folder.name)} cannot be loaded; check the name or get its files."
        ) from error
    ids, size = processor.tokenizer.get_vocab().values(), loaded.config.rtvc7_config.vocab_size
    if not all(isinstance(index, int) and 0 <= index < size for index in ids):
        raise CheckpointError(f"vocab.json in {quoted(folder.name)} is of another model; get matching model files.")
    return VoiceCloningPipeline(model=loaded, processor=processor, task=TASK, **options)


@contextmanager
def _without_progress_bar() -> Iterator[None]:
    """Weights are read in a moment; transformers would write a line about it to stderr."""
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()


def model_folder(model: str | os.PathLike | None = None, revision: str | None = None) -> Path:
    """Where a model's files lie, downloaded if they are on the Hub; the arguments are those of :func:`load`."""
    folder = Path(model) if model is not None else CHECKPOINT
    if not folder.exists() and not folder.is_absolute() and str(model).count("/") == 1:
        folder = download(str(model), revision)
    return folder


def _check_folder(folder: Path) -> None:
    """That a folder has the files of a voice-cloning model."""
    if folder.is_file():
        raise CheckpointError(f"{quoted(folder.name)} is a file; give the folder of an rtvc model that it lies in.")
    if not folder.is_dir():
        raise CheckpointError(f"The model folder {quoted(folder.name)} does not exist; check its path.")
    for name in ("config.json", WEIGHTS, "processor_config.json", "tokenizer_config.json", "vocab.json"):
        if not (folder / name).is_file():
            raise CheckpointError(f"The model folder {quoted(folder.name)} has no {name}; get its files again.")
    for name in ("processor_config.json", "tokenizer_config.json", "vocab.json"):
        read_json(folder / name)
    kind = read_json(folder / "config.json").get("model_type")
    if kind != VoiceCloningConfig.model_type:
        raise CheckpointError(f"{quoted(folder.name)} holds another kind of model; give the folder of an rtvc model.")


# -- the Hub


def download(repo_id: str, revision: str | None = None) -> Path:
    """The local folder of a repository's files, at one revision; what an interrupted download left is used.

    Raises:
        CheckpointError: there is no such repository or revision, or the download did not complete.
    """
    check_name(repo_id)
    patterns = ["*.json", "*.safetensors"]
    try:
        return Path(snapshot_download(repo_id, revision=revision, allow_patterns=patterns))
    except TRANSFER as error:
        raise CheckpointError(refusal(repo_id, revision, error)) from error


def check_name(repo_id: str) -> None:
    """Refuse what cannot name a repository on the Hub, with a CheckpointError."""
    try:
        validate_repo_id(repo_id)
        if repo_id.count("/") != 1:
            raise errors.HFValidationError(repo_id)
    except errors.HFValidationError as error:
        raise CheckpointError(f"“{repo_id}” cannot name a repository; write it as user/name.") from error


def refusal(repo_id: str, revision: str | None, error: BaseException) -> str:
    """What went wrong between here and the Hub, and what to do, as one sentence."""
    name = f"“{repo_id}”"
    status = getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{name} has no revision “{revision}”; check the branch, tag or commit."
    if isinstance(error, errors.GatedRepoError) or status == 403:
        return f"Your account may not use {name}; ask its owner for access."
    if isinstance(error, errors.LocalTokenNotFoundError) or (status == 401 and "token" in str(error).lower()):
        return f"{name} needs an account; log in with `hf auth login` and try again."
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"The repository {name} does not exist or is private; check its name, or log in with `hf auth login`."
    if is_offline_mode():
        return f"{name} cannot be reached offline; connect to the network, or give a folder of model files."
    return (
        f"The transfer of {name} was interrupted; check the connection and run it again, it goes on where it stopped."
    )


# -- what transformers knows


class _NoAdvice(logging.Filter):
    """Drops transformers' warning that no model was named: the bundled one is meant."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (str(record.msg).startswith("No model was supplied") and str(CHECKPOINT) in str(record.msg))


def register() -> None:
    """Make the Auto classes and the pipeline know rtvc. Doing it again changes nothing."""
    if TASK in PIPELINE_REGISTRY.supported_tasks:
        return
    for config, model in MODELS.items():
        AutoConfig.register(config.model_type, config, exist_ok=True)
        AutoModel.register(config, model, exist_ok=True)
    for config in (VoiceCloningConfig, EarSpeechConfig):
        AutoFeatureExtractor.register(config, EarSpeechFeatureExtractor, exist_ok=True)
    for config in (VoiceCloningConfig, RTVC7Config):
        AutoTokenizer.register(config, VoiceCloningTokenizer, exist_ok=True)
    AutoProcessor.register(VoiceCloningConfig, VoiceCloningProcessor, exist_ok=True)
    PIPELINE_REGISTRY.register_pipeline(
        TASK, VoiceCloningPipeline, pt_model=AutoModel, default={"model": (str(CHECKPOINT), None)}, type="audio"
    )
    logging.getLogger("transformers.pipelines").addFilter(_NoAdvice())


register()  # a processor is loaded by what the Auto classes know


# -- the bundled model, loaded once


@lru_cache(maxsize=1)
def _bundled() -> VoiceCloningPipeline:
    return load()


def _shared() -> VoiceCloningPipeline:
    with _lock:
        return _bundled()


def embed(recording: Recording) -> np.ndarray:
    """Who speaks in a recording: float32 (256,), unit length, by the bundled model."""
    return _shared().embed(recording)


def similarity(one: AnyVoice, other: AnyVoice) -> float:
    """The probability that two recordings or voices are of one person, 0 … 1, by the bundled model."""
    return _shared().similarity(one, other)


def enhance(recording: Recording, progress: Callable[[int, int], None] | None = None) -> np.ndarray:
    """The recording without its noise: float32 (samples,) at 16 kHz, by the bundled model."""
    return _shared().enhance(recording, progress)
