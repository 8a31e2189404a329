"""The options of a call: what they are called and what they may be. Nothing heavy is imported, for the shell's sake."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from .errors import RTVCError, shown

PROSODY = {"speed": (0.25, 4.0), "pitch": (-12.0, 12.0), "variation": (0.0, 1.0)}
RANGES = {**PROSODY, "pause": (0.0, 10.0)}
OPTIONS = {*RANGES, "seed", "watermark"}  # of a call, but for what makes the voice


def checked(name: str, value: Any) -> float | int:
    """One of `OPTIONS`, within its range.

    Raises:
        RTVCError: it is not.
    """
    if name == "watermark":
        if not isinstance(value, bool):
            raise RTVCError(f"watermark must be True or False, not {shown(value)}.")
        return value
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if name == "seed":
        if not number or not 0 <= value < 2**63 or value != int(value):  # in this order: NaN has no int
            raise RTVCError(f"seed must be a whole number from 0 on, not {shown(value)}.")
        return int(value)
    low, high = RANGES[name]
    if not number or not low <= value <= high:
        raise RTVCError(f"{name} must be a number from {low:g} to {high:g}, not {shown(value)}.")
    return float(value)


def checked_enhance(enhance: Any) -> bool | str:
    """ "auto", True or False, or an RTVCError."""
    if isinstance(enhance, str) and enhance == "auto":
        return "auto"
    if isinstance(enhance, int | np.integer | np.bool_) and enhance in (0, 1):
        return bool(enhance)
    raise RTVCError(f'enhance must be "auto", True or False, not {shown(enhance)}.')


def checked_size(size: Any) -> int | None:
    """A batch size, or None where none was given; otherwise an RTVCError."""
    if size is None:
        return None
    if isinstance(size, int | np.integer) and not isinstance(size, bool) and size > 0:
        return min(int(size), sys.maxsize)  # all at once
    raise RTVCError(f"batch_size must be a whole number from 1 on, not {shown(size)}.")
