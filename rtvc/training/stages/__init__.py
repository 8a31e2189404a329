"""The stages by name."""

from __future__ import annotations

import importlib
from typing import Any

FUNCTIONS = (
    "teacher",
    "kokoro",
    "data",
    "alignment",
    "people",
    "embeddings",
    "export",
)  # stages that are one function of the config
LOOPED = {  # stages that run in rtvc.training.loop
    "earspeech": "EarSpeechStage",
    "ge2e": "GE2EStage",
    "sayen": "SayENStage",
    "decoder": "DecoderStage",
    "prior": "PriorStage",
    "polish": "PolishStage",
    "joint": "JointStage",
    "finetune": "FinetuneStage",
}
FAMILY = "rtvc7"  # its config holds other stages by name, which run one after another
NAMES = sorted([*FUNCTIONS, *LOOPED, FAMILY])


def find(name: str) -> Any:
    """The function or class that stands behind a stage."""
    module = importlib.import_module(f"{__name__}.{name}")
    return getattr(module, LOOPED.get(name, "train"))
