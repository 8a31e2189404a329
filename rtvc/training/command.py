"""The command line of ``train.py``: a stage's config, and the stage."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from accelerate import PartialState
from transformers.utils import logging as transformers_logging

from rtvc.errors import RTVCError
from rtvc.training import folders, loop
from rtvc.training.clock import refuse_unlike
from rtvc.training.config import FOLDERS, load_config
from rtvc.training.data.corpora import Corpora
from rtvc.training.folders import CONFIGS, located
from rtvc.training.machine import keep_memory, refuse_separate_disks, refuse_splitting
from rtvc.training.stage_names import FAMILY, LOOPED, NAMES, RECIPE
from rtvc.training.stages import find


def run(config: dict) -> None:
    """Run the stage of a loaded config."""
    given = config
    places = {key for key in FOLDERS if config.get(key) and isinstance(config[key], str)}
    config = {key: located(value) if key in places else value for key, value in config.items()}
    if "validation" in config:
        config["corpora"] = Corpora.of(config)
    if config["stage"] in (FAMILY, RECIPE):
        for part in config.values():
            if isinstance(part, dict):
                run(part)
    elif config["stage"] in LOOPED:
        loop.train(find(config["stage"]), config, given)
    else:
        _first_alone(find(config["stage"]), config)


def result(config: dict) -> Path:
    """The model of a run of exactly this config, trained first, or to its end, where it has not come there.

    A run that has is not loaded again: its data would be.

    Raises:
        TrainingError: a run of that name is of another config, or does not say of which.
    """
    folder = folders.RUNS / config["name"]
    found, model = folders.last_checkpoint(folder), folder / "model"
    if found or model.exists():
        refuse_unlike(config, found)
    steps = sum(phase["steps"] for phase in config.get("phases") or [config])
    if not (model.exists() and found and int(found.name.removeprefix("step_")) >= steps):
        run(config)
    return model


def _first_alone(stage: Callable[[dict], None], config: dict) -> None:
    """Run a stage that is no loop: of several processes the first does it, for all."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        stage(config)
        return
    processes = PartialState(cpu=not torch.cuda.is_available(), timeout=loop.PATIENCE)
    refuse_separate_disks()
    if processes.is_main_process:
        stage(config)
    processes.wait_for_everyone()


def _hush() -> None:
    """Keep the libraries' warnings off the terminal: stderr is for what a person can act on."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()


def main(arguments: list[str] | None = None) -> int:
    """Run one stage; the exit code (0 done, 2 refused, 130 interrupted)."""
    parser = argparse.ArgumentParser(
        prog="train.py",
        description="Train one stage of rtvc; --key value sets any key of its config.",
        epilog=f"Stages: {', '.join(NAMES)}. Keys and defaults: configs/STAGE.yaml and docs/training.md.",
        allow_abbrev=False,
    )
    usual = CONFIGS / "joint.yaml"
    parser.add_argument("--config", type=Path, default=usual, help="configs/STAGE.yaml; default: configs/joint.yaml")
    known, overrides = parser.parse_known_args(arguments)
    _hush()
    try:
        refuse_splitting()
        config = load_config(known.config, overrides)
        keep_memory()
        run(config)
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
    except RTVCError as error:
        if os.environ.get("LOCAL_RANK", "0") == "0":
            print(f"train.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0
