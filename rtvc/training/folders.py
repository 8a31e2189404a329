"""Where things lie: this repository; and the runs, the cache and the archives, which may lie elsewhere (RTVC_…)."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs"
RUNS = Path(os.environ.get("RTVC_RUNS", ROOT / "runs"))
CACHE = Path(os.environ.get("RTVC_CACHE", ROOT / ".cache"))
DATA = Path(os.environ.get("RTVC_DATA", ROOT.parent / "shared" / "data"))


def located(folder: str) -> str:
    """A folder or file that a config names: as seen from here, or else from the folder of runs or this repository."""
    path = Path(folder).expanduser()
    runs = [RUNS / path.relative_to("runs")] if path.parts[:1] == ("runs",) else []
    return next((str(place) for place in (path, *runs, ROOT / path) if place.exists()), folder)


def last_checkpoint(run: Path) -> Path | None:
    """The newest complete checkpoint of a run's folder."""
    found = sorted(folder for folder in (run / "checkpoints").glob("step_*") if not folder.suffix)
    return found[-1] if found else None
