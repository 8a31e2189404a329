"""The options of a call: what they are called and what they may be. Nothing heavy is imported, for the shell's sake."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import RTVCError

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
            raise RTVCError(f"watermark must be True or False, not {value!r}.")
        return value
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if name == "seed":
        if not number or not 0 <= value < 2**63 or value != int(value):  # in this order: NaN has no int
            raise RTVCError(f"seed must be a whole number from 0 on, not {value!r}.")
        return int(value)
    low, high = RANGES[name]
    if not number or not low <= value <= high:
        raise RTVCError(f"{name} must be a number from {low:g} to {high:g}, not {value!r}.")
    return float(value)


def checked_enhance(enhance: Any) -> bool | str:
    """ "auto", True or False, or an RTVCError."""
    if enhance in (True, False, "auto"):
        return enhance if isinstance(enhance, str) else bool(enhance)  # numpy's truth too
    raise RTVCError(f'enhance must be "auto", True or False, not {enhance!r}.')


def checked_size(size: Any) -> int | None:
    """A batch size, or None where none was given; otherwise an RTVCError."""
    if size is None:
        return None
    if isinstance(size, int | np.integer) and not isinstance(size, bool) and size > 0:
        return int(size)
    raise RTVCError(f"batch_size must be a whole number from 1 on, not {size!r}.")


def with_prosody(options: dict[str, Any], rate: float, pitch: float) -> dict[str, float]:
    """Speed, pitch and variation of a call, and what the text asks for on top, within their ranges.

    Args:
        rate: how many times as fast.
        pitch: how many semitones higher.
    """
    numbers = {name: options[name] for name in PROSODY if name in options}
    if rate != 1.0:
        numbers["speed"] = float(np.clip(numbers.get("speed", 1.0) * rate, *RANGES["speed"]))
    if pitch:
        numbers["pitch"] = float(np.clip(numbers.get("pitch", 0.0) + pitch, *RANGES["pitch"]))
    return numbers
