"""The stages, a file each."""

from __future__ import annotations

import importlib
from typing import Any

from rtvc.training.stage_names import LOOPED


def find(name: str) -> Any:
    """The function or class that stands behind a stage."""
    module = importlib.import_module(f"{__name__}.{name}")
    return getattr(module, LOOPED.get(name, "train"))
