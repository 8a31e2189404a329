"""The model folder's front door: its files are checked before anything of their size is allocated or any of it is run.

Only safetensors weights are read, so no file can carry code. Every check raises CheckpointError with the folder's name.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError, safe_open
from transformers import PreTrainedModel

from .errors import REPOSITORY_KEYS, CheckpointError, quoted

WEIGHTS = "model.safetensors"
DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)  # that models compute in
_MAXIMUM_JSON = 1 << 20  # bytes; a config has 3,000
_LARGEST_NUMBER = 1_000_000  # in a config: sampling rates are the largest there are
_MOST_LAYERS = 64
_COUNTS = ("layers", "blocks", "steps")  # how names of numbers of layers end
_POSITIVE = (*_COUNTS, "length", "size", "rate", "fft", "seconds")


def read_config(folder: Path, known: Mapping[str, Any]) -> dict[str, Any]:
    """config.json of a model folder.

    Args:
        folder: of the model.
        known: a config as `to_dict` gives it: its keys, and those of the configs in it, are all that may occur.

    Raises:
        CheckpointError: it is missing, damaged, holds an unknown entry, or a size that no model has.
    """
    config = read_json(folder / "config.json")
    _check_entries(config, known, folder)
    return config


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object of a model folder.

    Raises:
        CheckpointError: the file is missing, too large, or holds something else.
    """
    place = f"{path.name} in {quoted(path.parent.name)}"
    try:
        if path.stat().st_size > _MAXIMUM_JSON:
            raise CheckpointError(f"{place} is too large; get the model files again.")
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        message = f"The model folder {quoted(path.parent.name)} has no {path.name}; get its files again."
        raise CheckpointError(message) from error
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{place} is damaged; get the model files again.") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{place} is damaged; get the model files again.")
    return content


def _check_entries(config: Mapping[str, Any], known: Mapping[str, Any], folder: Path) -> None:
    for key, value in config.items():
        within = known.get(key)
        if isinstance(value, dict) and isinstance(within, dict) and key.endswith("_config"):
            _check_entries(value, within, folder)
        elif key not in known and key not in REPOSITORY_KEYS | {"architectures", "dtype"}:
            message = f"The model {quoted(folder.name)} cannot be loaded: its config.json has an unknown entry"
            raise CheckpointError(f"{message} {quoted(key)}; get matching model files.")
        elif not _is_sane(key, value):
            message = f"The model {quoted(folder.name)} cannot be loaded: {quoted(key)} in its config.json is no size"
            raise CheckpointError(f"{message} that a model has; get the model files again.")


def _is_sane(key: str, value: Any) -> bool:
    if isinstance(value, list):
        return len(value) <= 1000 and all(_is_sane(key, one) for one in value)
    if isinstance(value, int | float):
        largest = _MOST_LAYERS if key.endswith(_COUNTS) else _LARGEST_NUMBER
        return math.isfinite(value) and (1 if key.endswith(_POSITIVE) else -largest) <= value <= largest
    return True


def check_weights(folder: Path, shapes: Mapping[str, tuple[int, ...]], checksum: str = "") -> None:
    """That the weights are the ones that the config describes, before they are read.

    Args:
        folder: of the model.
        shapes: of all weights, by name.
        checksum: SHA-256 of the file as it was saved; empty where it is not known.

    Raises:
        CheckpointError: the file is missing, damaged, changed since it was saved, or of another model.
    """
    path = folder / WEIGHTS
    if (folder / "adapter_config.json").exists():  # transformers would follow it to another model
        raise CheckpointError(f"{quoted(folder.name)} holds an adapter; give the folder of a whole rtvc model.")
    try:
        with safe_open(path, "pt") as file:  # reads the header, which has to account for every byte of the file
            found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 (no dict)
    except FileNotFoundError as error:
        raise CheckpointError(
            f"The model folder {quoted(folder.name)} has no {WEIGHTS}; get its files again."
        ) from error
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"The model files in {quoted(folder.name)} are damaged; get them again.") from error
    if found != dict(shapes):
        message = f"The weights in {quoted(folder.name)} do not fit this version of rtvc; get matching model files."
        raise CheckpointError(message)
    if checksum and checksum != file_checksum(path):
        message = f"The weights in {quoted(folder.name)} were damaged, swapped or changed after they were saved"
        raise CheckpointError(f"{message}; get the model files again.")


def file_checksum(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checked_dtype(dtype: Any) -> torch.dtype:
    """What a model shall compute in; float32 where nothing is said, as files may be float16, slow on a CPU."""
    if dtype in (None, "auto"):
        return torch.float32
    named = getattr(torch, dtype.removeprefix("torch."), None) if isinstance(dtype, str) else dtype
    if named not in DTYPES:
        known = ", ".join(str(one).removeprefix("torch.") for one in DTYPES)
        raise CheckpointError(f"A model cannot compute in {quoted(dtype)}; choose dtype from {known}.")
    return named


class CheckedModel(PreTrainedModel):
    """What all models here are: loaded from safetensors alone, and only if every weight is there and fits."""

    config_class: Any

    @classmethod
    def from_pretrained(cls, name: Any, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        """As in transformers, but in float32 unless `dtype` names another of `DTYPES`; no weight may be missing.

        Weights are read from safetensors files alone, and those of a folder once their header fits the config.

        Raises:
            CheckpointError: the files are damaged, weights are missing, of another shape or not those that were
                saved, or `dtype` is none that a model computes in.
        """
        kwargs["use_safetensors"] = True
        if Path(str(name)).is_dir():
            cls._check_folder(Path(str(name)))
        kwargs["dtype"] = _checked_dtype(kwargs.pop("torch_dtype", None) or kwargs.get("dtype"))
        wants_info = kwargs.pop("output_loading_info", False)
        shown = quoted(Path(str(name)).name)
        try:
            loaded: Any = super().from_pretrained(name, *args, output_loading_info=True, **kwargs)
        except (SafetensorError, RuntimeError, UnicodeDecodeError) as error:
            raise CheckpointError(f"The model files in {shown} are damaged; get them again.") from error
        model, info = loaded
        if info["missing_keys"] or info["mismatched_keys"] or info["unexpected_keys"]:
            message = f"The weights in {shown} do not fit this version of rtvc"
            raise CheckpointError(f"{message}; get matching model files.")
        for module in model.modules():
            for key, buffer in list(module.named_buffers(recurse=False)):
                setattr(module, key, buffer.clone())  # a view of the file, however small, keeps all of it in memory
        return (model, info) if wants_info else model

    @classmethod
    def _check_folder(cls, folder: Path) -> None:
        stored = read_config(folder, cls.config_class().to_dict())
        try:
            with torch.device("meta"):  # shapes without memory
                expected = cls(cls.config_class.from_dict(stored)).state_dict()
        except (StrictDataclassError, ValueError, TypeError, RuntimeError, KeyError) as error:
            message = f"The model {quoted(folder.name)} cannot be loaded: its config.json describes no model"
            raise CheckpointError(f"{message}; get the model files again.") from error
        shapes = {name: tuple(weights.shape) for name, weights in expected.items()}
        check_weights(folder, shapes, stored.get("weights_sha256", ""))
