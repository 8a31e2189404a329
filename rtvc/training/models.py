"""Folders of models: the parts that a stage starts from, and the whole that it leaves."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from transformers import PreTrainedModel

from rtvc import VoiceCloningModel, VoiceCloningProcessor, load
from rtvc.earspeech import EarSpeechConfig, EarSpeechFeatureExtractor, EarSpeechModel
from rtvc.errors import CheckpointError, TrainingError
from rtvc.evaluation.baseline import MelBandsConfig, MelBandsModel
from rtvc.hub.card import NAMES, keep_origin, write_card
from rtvc.text import VoiceCloningTokenizer

Model = TypeVar("Model", bound=PreTrainedModel)
FRONT_ENDS = {"earspeech": (EarSpeechModel, EarSpeechConfig), "mel_bands": (MelBandsModel, MelBandsConfig)}
RUN = """
## This run

The stage `{stage}` of its training, {steps} steps.

{figures}

```json
{settings}
```
"""


def component(kind: type[Model], folder: str | Path, **options: Any) -> Model:
    """A component in float32 from its own folder, or out of a whole model's.

    Raises:
        TrainingError: the folder is missing, or holds something else.
    """
    folder = Path(folder)
    if not (folder / "config.json").is_file():
        raise TrainingError(f"“{folder}” is no folder of a model; run the stage that makes it, or name another one.")
    stored, wanted = _model_type(folder), getattr(kind.config_class, "model_type", None)
    if stored == VoiceCloningModel.config_class.model_type:
        return getattr(whole_model(folder), kind.base_model_prefix)
    if stored != wanted:
        raise TrainingError(f"“{folder}” holds {stored}, not {wanted}; name another folder.")
    try:
        loaded: Any = kind.from_pretrained(folder, dtype=torch.float32, output_loading_info=True, **options)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise TrainingError(f"The model in “{folder}” is damaged or of another architecture; make it again.") from error
    model, info = loaded
    if info["missing_keys"] or info["unexpected_keys"]:
        raise TrainingError(f"The model in “{folder}” is of another architecture; train it with this version.")
    return model


def new_front_end(kind: str) -> PreTrainedModel:
    """A new front end: "earspeech", or "mel_bands" for the baseline.

    Raises:
        TrainingError: there is no such front end.
    """
    if kind not in FRONT_ENDS:
        raise TrainingError(f"The key “front” must be one of {', '.join(FRONT_ENDS)}, not {kind}.")
    model, config = FRONT_ENDS[kind]
    return model(config())


def front_end(folder: str | Path) -> PreTrainedModel:
    """What an encoder hears through: EarSpeech, or the bands of the baseline in its place.

    Raises:
        TrainingError: as :func:`component`.
    """
    is_baseline = _model_type(Path(folder)) == MelBandsConfig.model_type
    return component(MelBandsModel if is_baseline else EarSpeechModel, folder)


def _model_type(folder: Path) -> str | None:
    """What kind of model a folder says that it holds."""
    config = folder / "config.json"
    return json.loads(config.read_text(encoding="utf-8")).get("model_type") if config.is_file() else None


def part(folder: str | Path, name: str) -> Path:
    """Where :func:`component` finds a component: its own folder in what a stage left, or the whole model ``folder``.

    ``name``: the folder's, which is "earspeech" for the baseline's front end too.
    """
    inner = Path(folder) / name
    return inner if inner.exists() else Path(folder)


def whole_model(folder: str | Path) -> VoiceCloningModel:
    """All four components from a folder, in float32, in evaluation mode.

    Raises:
        TrainingError: the folder is missing, damaged or of another architecture.
    """
    if not Path(folder).is_dir():
        raise TrainingError(f"The folder “{folder}” does not exist; name one that holds a whole model.")
    try:
        return load(folder).model
    except CheckpointError as error:
        raise TrainingError(str(error)) from error


def fingerprint(*modules: torch.nn.Module) -> str:
    """Of all weights: what a model made of the data is kept as long as it is this one."""
    found = hashlib.sha256()
    for name, tensor in (pair for module in modules for pair in sorted(module.state_dict().items())):
        found.update(name.encode() + tensor.detach().cpu().float().numpy().tobytes())
    return found.hexdigest()[:10]


def save_whole(model: VoiceCloningModel, folder: Path) -> None:
    """Model and processor, float16, as the pipeline loads them. ``model`` itself is left in float16."""
    model.half().save_pretrained(folder)
    VoiceCloningProcessor(EarSpeechFeatureExtractor(), VoiceCloningTokenizer()).save_pretrained(folder)
    for file in folder.glob("*.*"):
        file.chmod(0o644)  # safetensors writes for the owner alone


def describe(folder: Path, config: dict, figures: dict[str, float], steps: int) -> None:
    """The model card of what a stage exports, in ``folder`` or in a folder of it for each part, and of this run."""
    rows = [f"- {name.replace('_', ' ')}: {value:.4g}" for name, value in figures.items()]
    run = RUN.format(
        stage=config["stage"],
        steps=steps,
        figures="\n".join(rows) or "It measures nothing itself.",
        settings=json.dumps(_without_folders(config), indent=1, default=str),
    )
    if "rtvc_ckpt" in config:
        keep_origin(config["rtvc_ckpt"], folder)
    for model in (file.parent for file in folder.rglob("config.json")):
        kind = json.loads((model / "config.json").read_text(encoding="utf-8"))["model_type"]
        if kind in NAMES:  # not a baseline
            write_card(model)
            with open(model / "README.md", "a", encoding="utf-8") as file:
                file.write(run)


def _without_folders(value: Any) -> Any:
    """Settings whose paths are their last names: where things lay on somebody's disk is nobody's business."""
    if isinstance(value, dict):
        return {_without_folders(key): _without_folders(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_without_folders(part) for part in value]
    return Path(value).name if isinstance(value, str | Path) and Path(value).is_absolute() else value
