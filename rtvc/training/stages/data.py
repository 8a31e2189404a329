"""Stage ``data``: decode every corpus into the cache, then measure those that RTVC-7 learns from, or all of them."""

from __future__ import annotations

from rtvc.training.data.corpora import Corpora
from rtvc.training.data.measurements import measure


def train(config: dict) -> None:
    """Run the stage."""
    measured = config["measured"] or list(config["corpora"])
    corpora = Corpora([*config["corpora"], *measured], Corpora(config["corpora"]).division)
    for name in config["corpora"]:
        corpora.load(name, config["processes"])
    for name in measured:
        measure(corpora.load(name, config["processes"]), config["processes"])
