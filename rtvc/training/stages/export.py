"""Stage ``export``: the bundled model from the last folder of every component."""

from __future__ import annotations

from typing import Any

from rtvc import VoiceCloningModel
from rtvc.earspeech import EarSpeechModel
from rtvc.hub.card import write_card
from rtvc.rtvc7 import RTVC7Model
from rtvc.sayen import SayENModel
from rtvc.training import folders
from rtvc.training.models import component, save_whole
from rtvc.tuned_ge2e import TunedGE2EModel

COMPONENTS = {"earspeech": EarSpeechModel, "tuned_ge2e": TunedGE2EModel, "sayen": SayENModel, "rtvc7": RTVC7Model}


def train(config: dict) -> None:
    """Join the components' folders into ``output``, with its card; ``calibrated`` are fields of its config."""
    parts: dict[str, Any] = {name: component(kind, config[name]) for name, kind in COMPONENTS.items()}
    output = folders.placed(config["output"])
    save_whole(VoiceCloningModel.from_components(**parts, **config["calibrated"]), output)
    write_card(output)
    size = sum(file.stat().st_size for file in output.glob("*.*"))
    print(f"export: {output} {size / 1e6:.1f} MB")
