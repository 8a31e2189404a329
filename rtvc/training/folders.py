"""Where things lie: this repository; and the runs, the cache and the archives, which may lie elsewhere (RTVC_…)."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs"
RUNS = Path(os.environ.get("RTVC_RUNS", ROOT / "runs"))
CACHE = Path(os.environ.get("RTVC_CACHE", ROOT / ".cache"))
DATA = Path(os.environ.get("RTVC_DATA", ROOT.parent / "shared" / "data"))


def placed(folder: str) -> Path:
    """Where a folder that a config names is written: ``runs/…`` into the folder of runs, wherever that is."""
    path = Path(folder).expanduser()
    return RUNS / path.relative_to("runs") if path.parts[:1] == ("runs",) else path


def located(folder: str) -> str:
    """A folder or file that a config names: ``runs/…`` as it was :func:`placed`; as seen from here, or else from this
    repository."""
    path = Path(folder).expanduser()
    return next((str(place) for place in (placed(folder), path, ROOT / path) if place.exists()), folder)


def last_checkpoint(run: Path) -> Path | None:
    """The newest complete checkpoint of a run's folder."""
    found = sorted(folder for folder in (run / "checkpoints").glob("step_*") if not folder.suffix)
    return found[-1] if found else None
