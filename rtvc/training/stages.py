"""The stages by name, and the command line of ``train.py``."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

import yaml

from rtvc.training.loop import keep_memory

STAGES = {
    "data": "rtvc.training.cache:train",
    "teacher": "rtvc.training.teacher:train",
    "alignment": "rtvc.training.alignment:train",
    "ge2e": "rtvc.training.ge2e:train",
    "sayen": "rtvc.training.sayen:train",
    "embeddings": "rtvc.training.cache:embed",
    "decoder": "rtvc.training.rtvc7:train_decoder",
    "prior": "rtvc.training.rtvc7:train_prior",
    "polish": "rtvc.training.rtvc7:train_polish",
    "export": "rtvc.training.export:train",
}


def load_config(path: Path, overrides: list[str]) -> dict:
    """A stage's YAML with ``--key value`` pairs on top; ``--a.b value`` reaches into a section.

    Raises ValueError where a key is not in the file: a misspelled one must not pass silently.
    """
    config = yaml.safe_load(path.read_text())
    if len(overrides) % 2:
        raise ValueError(f"{overrides[-1]} needs a value.")
    for name, value in zip(overrides[::2], overrides[1::2], strict=True):
        section, *keys = config, *name.removeprefix("--").split(".")
        for key in keys[:-1]:
            section = section[key]
        if not name.startswith("--") or keys[-1] not in section:
            raise ValueError(f"{path.name} has no key {name.removeprefix('--')!r}; it has {', '.join(section)}.")
        section[keys[-1]] = _value(value)
    return config


def _value(written: str) -> object:
    """What YAML makes of it; ``1e-5`` too, which YAML takes for a string, is a number."""
    try:
        return float(written) if "e" in written.lower() else yaml.safe_load(written)
    except ValueError:
        return yaml.safe_load(written)


def main(arguments: list[str] | None = None) -> None:
    """Run one stage."""
    parser = argparse.ArgumentParser(description="Train one stage of rtvc; --key value sets any key.")
    parser.add_argument("--config", type=Path, required=True, help="configs/STAGE.yaml")
    known, overrides = parser.parse_known_args(arguments)
    try:
        config = load_config(known.config, overrides)
        module, name = STAGES[config["stage"]].split(":")
    except (ValueError, OSError, KeyError) as error:
        sys.exit(f"train.py: {error}")
    keep_memory()
    getattr(importlib.import_module(module), name)(config)
