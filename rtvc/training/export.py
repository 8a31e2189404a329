"""Stage ``export``: the trained components as one float16 folder that ``from_pretrained`` and the pipeline load."""

from __future__ import annotations

from pathlib import Path

import torch

from rtvc import VoiceCloningModel, VoiceCloningProcessor
from rtvc.card import write_card
from rtvc.earspeech import EarSpeechFeatureExtractor, EarSpeechModel
from rtvc.rtvc7 import RTVC7Model
from rtvc.sayen import SayENModel
from rtvc.text import VoiceCloningTokenizer
from rtvc.tuned_ge2e import TunedGE2EModel

COMPONENTS = {"earspeech": EarSpeechModel, "tuned_ge2e": TunedGE2EModel, "sayen": SayENModel, "rtvc7": RTVC7Model}


def train(config: dict) -> None:
    """Join the components' folders into ``output``, with its card; ``calibrated`` are fields of its config."""
    parts = {
        name: component.from_pretrained(config[name], dtype=torch.float32) for name, component in COMPONENTS.items()
    }
    output = Path(config["output"])
    VoiceCloningModel.from_components(**parts, **config["calibrated"]).half().save_pretrained(output)
    VoiceCloningProcessor(EarSpeechFeatureExtractor(), VoiceCloningTokenizer()).save_pretrained(output)
    write_card(output)
    for file in output.glob("*.*"):
        file.chmod(0o644)  # safetensors writes for the owner alone
    size = sum(file.stat().st_size for file in output.glob("*.*"))
    print(f"export: {output} {size / 1e6:.1f} MB")
