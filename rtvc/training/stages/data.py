"""Stage ``data``: decode every corpus into the cache, then measure those that RTVC-7 learns from."""

from __future__ import annotations

from rtvc.training.data.measurements import measure
from rtvc.training.data.store import load_corpus


def train(config: dict) -> None:
    """Run the stage."""
    for name in config["corpora"]:
        load_corpus(name, config["processes"])
    for name in config["measured"]:
        measure(load_corpus(name, config["processes"]), config["processes"])
