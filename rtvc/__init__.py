"""rtvc: five seconds of a voice and a line of text in, that line in that voice out.

Importing it registers the transformers task "voice-cloning". The command `rtvc` is the exception: most of its answers
need neither torch nor transformers, which take ten seconds to import, so there it waits until a model is asked for.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import CheckpointError, RTVCError, TextError, VoiceError
    from .loading import embed, enhance, load, similarity
    from .pipeline import VoiceCloningPipeline
    from .processing import VoiceCloningProcessor
    from .voice import EnrolmentReport, Voice
    from .voice_cloning import VoiceCloningConfig, VoiceCloningModel

__version__ = "0.1.0"

__all__ = [
    "CheckpointError",
    "EnrolmentReport",
    "RTVCError",
    "TextError",
    "Voice",
    "VoiceCloningConfig",
    "VoiceCloningModel",
    "VoiceCloningPipeline",
    "VoiceCloningProcessor",
    "VoiceError",
    "embed",
    "enhance",
    "load",
    "similarity",
]

_HOMES = {
    "errors": ("CheckpointError", "RTVCError", "TextError", "VoiceError"),
    "loading": ("embed", "enhance", "load", "similarity"),
    "pipeline": ("VoiceCloningPipeline",),
    "processing": ("VoiceCloningProcessor",),
    "voice": ("EnrolmentReport", "Voice"),
    "voice_cloning": ("VoiceCloningConfig", "VoiceCloningModel"),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """A public name, imported when it is first asked for (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{_MODULES[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _is_the_command() -> bool:
    """Whether this process is `rtvc …` or `python -m rtvc.cli …`."""
    return "rtvc.cli" in sys.orig_argv or [Path(name).stem for name in sys.argv[:1]] == ["rtvc"]


if not _is_the_command():
    from . import loading  # noqa: F401 (registers)
