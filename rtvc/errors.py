"""The errors that a person can act on.

Each carries one sentence: what is wrong and what to do. Python raises it, the shell prints it and exits with 2, the
page shows it beside the control it is about.
"""

from __future__ import annotations


class RTVCError(ValueError):
    """Something a person can put right: a recording, a text or a set of model files."""


class VoiceError(RTVCError):
    """A recording, or a saved voice, cannot be used."""


class TextError(RTVCError):
    """A text cannot be spoken."""


class CheckpointError(RTVCError):
    """The model files cannot be used."""
