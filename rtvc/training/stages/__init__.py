"""The stages by name, and the command line of ``train.py``."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import yaml

from rtvc.errors import RTVCError, TrainingError
from rtvc.training.config import FOLDERS, FREE, fitted

ROOT = Path(__file__).parents[3]
CONFIGS = ROOT / "configs"
PLAIN = {  # stages that are one function of the config
    "data": "rtvc.training.data.measurements:train",
    "teacher": "rtvc.training.stages.teacher:train",
    "alignment": "rtvc.training.data.alignment:train",
    "people": "rtvc.training.stages.people:train",
    "embeddings": "rtvc.training.data.measurements:embed",
    "export": "rtvc.training.models:train",
}
LOOPED = {  # stages that run in rtvc.training.loop
    "earspeech": "rtvc.training.stages.earspeech:EarSpeech",
    "ge2e": "rtvc.training.stages.ge2e:GE2E",
    "sayen": "rtvc.training.stages.sayen:SayEN",
    "decoder": "rtvc.training.synthesis:Decoder",
    "prior": "rtvc.training.synthesis:Prior",
    "polish": "rtvc.training.synthesis:Polish",
    "joint": "rtvc.training.stages.joint:Joint",
    "finetune": "rtvc.training.stages.finetune:Finetune",
}
FAMILY = "rtvc7"  # its config holds other stages by name, which run one after another


def load_config(path: Path, overrides: list[str]) -> dict:
    """A stage's settings: the loop's defaults, ``configs/STAGE.yaml``, the file itself, then ``--key value`` pairs.

    A file of one's own needs ``stage`` and what differs. ``--a.b value`` reaches into a section.

    Raises:
        TrainingError: a file that cannot be read, a stage or key that does not exist, a value of another kind than the
            usual one: what is misspelled must not pass.
    """
    given = _read(path)
    stage = given.get("stage")
    if stage not in (*PLAIN, *LOOPED, FAMILY):
        raise TrainingError(f"{path} names no stage; its line “stage:” must be one of {', '.join(_names())}.")
    usual = _shipped(stage)
    config = _merged(usual, given, path.name)
    overrides = _pairs(overrides)
    if len(overrides) % 2:
        raise TrainingError(f"{overrides[-1]} needs a value: {overrides[-1]} VALUE.")
    for name, value in zip(overrides[::2], overrides[1::2], strict=True):
        _override(config, name, value, path.name)
    return {key: fitted(key, usual[key], value) for key, value in config.items()}


def _names() -> list[str]:
    return sorted([*PLAIN, *LOOPED, FAMILY])


def _read(path: Path) -> dict:
    try:
        content = yaml.safe_load(Path(located(str(path))).read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainingError(f"The config “{path}” cannot be read; name one of {CONFIGS.name}/*.yaml.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise TrainingError(f"The config “{path}” is no valid YAML: {' '.join(str(error).split())}.") from error
    return content if isinstance(content, dict) else {}


def _shipped(stage: str) -> dict:
    """All keys of a stage with their usual values."""
    from rtvc.training.loop import DEFAULTS

    own = _read(CONFIGS / f"{stage}.yaml")
    if stage == FAMILY:
        parts = {name: _merged(_shipped(name), changes or {}, stage) for name, changes in own.items() if name in LOOPED}
        return own | parts
    return (DEFAULTS | own) if stage in LOOPED else own


def _merged(usual: dict, given: dict, where: str) -> dict:
    """``given`` over ``usual``, section by section."""
    merged = dict(usual)
    for key, value in given.items():
        if key not in usual:
            raise TrainingError(f"{where} has the unknown key “{key}”; in its place can stand {_list(usual)}.")
        nested = isinstance(value, dict) and isinstance(usual[key], dict) and key not in FREE
        merged[key] = _merged(usual[key], value, where) if nested else value
    return merged


def _override(config: dict, name: str, value: str, where: str) -> None:
    """Set ``--a.b value``; ``b`` may be new in the sections whose keys are free."""
    *above, last = name.removeprefix("--").split(".")
    section, free = config, False
    for key in above:
        free = key in FREE
        if not isinstance(section.get(key, 0), dict | None):
            section = {}
            break
        section[key] = section[key] or {}
        section = section[key]
    if not (name.startswith("--") and (last in section or free)):
        known = _list(section or config)
        raise TrainingError(f"{where} has no key “{name.removeprefix('--')}”; it has {known}.")
    given, usual = _value(name, value), section.get(last)
    if isinstance(given, dict) and isinstance(usual, dict) and last not in FREE and not free:
        given = _merged(usual, given, where)
    section[last] = given


def _list(section: dict) -> str:
    return ", ".join(key for key in section if key != "stage")


def _value(name: str, written: str) -> object:
    """What YAML makes of it; ``1e-5`` too, which YAML takes for a string, is a number."""
    try:
        value = yaml.safe_load(written)
    except yaml.YAMLError as error:
        raise TrainingError(f"What stands behind {name}, “{written}”, is no YAML; close what it opens.") from error
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def find(name: str) -> Any:
    """The function or class that stands behind a stage."""
    module, attribute = (PLAIN | LOOPED)[name].split(":")
    return getattr(importlib.import_module(module), attribute)


def located(folder: str) -> str:
    """A folder or file that a config names: as seen from here, or else from the folder of runs or this repository."""
    from rtvc.training.loop import RUNS

    path = Path(folder).expanduser()
    runs = [RUNS / path.relative_to("runs")] if path.parts[:1] == ("runs",) else []
    return next((str(one) for one in (path, *runs, ROOT / path) if one.exists()), folder)


def run(config: dict) -> None:
    """Run the stage of a loaded config."""
    from rtvc.training import loop

    folders = {key for key in FOLDERS if config.get(key) and isinstance(config[key], str)}
    config = {key: located(value) if key in folders else value for key, value in config.items()}
    if config["stage"] == FAMILY:
        for part in config.values():
            if isinstance(part, dict):
                run(part)
    elif config["stage"] in LOOPED:
        loop.train(find(config["stage"]), config)
    else:
        find(config["stage"])(config)


def _hush() -> None:
    """Keep the libraries' warnings off the terminal: stderr is for what a person can act on."""
    from transformers.utils import logging as transformers_logging

    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()


def main(arguments: list[str] | None = None) -> int:
    """Run one stage; the exit code (0 done, 2 refused, 130 interrupted)."""
    parser = argparse.ArgumentParser(
        prog="train.py",
        description="Train one stage of rtvc; --key value sets any key of its config.",
        epilog=f"Stages: {', '.join(_names())}. Keys and defaults: configs/STAGE.yaml and docs/training.md.",
        allow_abbrev=False,
    )
    usual = CONFIGS / "joint.yaml"
    parser.add_argument("--config", type=Path, default=usual, help="configs/STAGE.yaml; default: configs/joint.yaml")
    known, overrides = parser.parse_known_args(arguments)
    _hush()
    try:
        config = load_config(known.config, overrides)
        from rtvc.training.loop import keep_memory

        keep_memory()
        run(config)
    except RTVCError as error:
        if os.environ.get("LOCAL_RANK", "0") == "0":
            print(f"train.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _pairs(overrides: list[str]) -> list[str]:
    """``--key=value`` as ``--key value``."""
    return [part for one in overrides for part in (one.split("=", 1) if one.startswith("--") else [one])]
