"""The errors that a person can act on.

Each carries one sentence: what is wrong and what to do. Python raises it, the shell prints it and exits with 2, the
page shows it beside the control it is about.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

REPOSITORY_KEYS = {"auto_map", "custom_pipelines", "model_type", "transformers_version"}  # of any config.json


class RTVCError(ValueError):
    """Something a person can put right: a recording, a text or a set of model files."""


class VoiceError(RTVCError):
    """A recording, or a saved voice, cannot be used."""


class TextError(RTVCError):
    """A text cannot be spoken."""


class CheckpointError(RTVCError):
    """The model files cannot be used."""


class EvaluationError(RTVCError):
    """An evaluation cannot begin: its cases, its judges or where its report shall go."""


class TrainingError(RTVCError):
    """A training run cannot begin or go on: its config, its data, its losses or its disk."""


def quoted(name: Any, longest: int = 80) -> str:
    """A file's name as a message shows it: in quotes, on one line, without what a terminal would obey."""
    return f"“{_printable(name, str, longest)}”"


def shown(value: Any, longest: int = 40) -> str:
    """A value as a message shows it: as Python writes it, of any type and size, on one line."""
    return _printable(value, repr, longest)


def _printable(value: Any, written: Callable[[Any], str], longest: int) -> str:
    try:
        text = written(value)
    except Exception:  # integers of thousands of digits, and what people's own classes raise
        text = type(value).__name__
    text = text if len(text) <= longest else text[: longest - 1] + "…"
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def refuse_unknown_keys(config: Any, keys: dict[str, Any]) -> None:
    """Refuse keys that transformers would keep silently on a config: a misspelled size must not pass.

    ``keys``: what the config's ``__post_init__`` was given beside its fields. Raises ValueError.
    """
    known = {field.name for field in fields(config)} | REPOSITORY_KEYS
    unknown = sorted(key for key in set(keys) & set(vars(config)) - known if not key.startswith("_"))
    if unknown:
        raise ValueError(f"{type(config).__name__} does not know {', '.join(unknown)}; see its fields.")
