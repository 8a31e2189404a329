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
    from .mixing import mix
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
    "mix",
    "similarity",
]

_HOMES = {
    "errors": ("CheckpointError", "RTVCError", "TextError", "VoiceError"),
    "loading": ("embed", "enhance", "load", "similarity"),
    "mixing": ("mix",),
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
    """Whether the program is the command: its main module asks for `rtvc.cli`, as the console script, `-m` and `-c` do.

    Python imports a package before the module in it that was asked for, which only the frames of the import know. A
    program of another name that imports the command's functions is no command: there everything is registered.
    """
    if [Path(name).stem for name in sys.argv[:1]] not in (["rtvc"], ["rtvc-voice"], ["-m"], ["-c"]):
        return False
    frame, asked = sys._getframe(1).f_back, set()
    while frame and frame.f_code.co_filename.startswith("<frozen "):  # importlib's and runpy's
        asked |= {frame.f_locals.get("name"), frame.f_locals.get("mod_name")}
        frame = frame.f_back
    return "rtvc.cli" in asked and (frame is None or frame.f_globals.get("__name__") == "__main__")


if not _is_the_command():
    from . import loading  # noqa: F401 (registers)
