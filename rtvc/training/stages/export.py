"""Stage ``export``: the bundled model from the last folder of every component."""

from __future__ import annotations

from typing import Any

import torch

from rtvc import VoiceCloningModel
from rtvc.earspeech import EarSpeechModel
from rtvc.errors import TrainingError
from rtvc.hub.card import write_card
from rtvc.rtvc7 import RTVC7Model
from rtvc.sayen import SayENModel
from rtvc.training import folders
from rtvc.training.models import Model, component, save_whole
from rtvc.tuned_ge2e import TunedGE2EModel

COMPONENTS = {"earspeech": EarSpeechModel, "tuned_ge2e": TunedGE2EModel, "sayen": SayENModel, "rtvc7": RTVC7Model}


def train(config: dict) -> None:
    """Join the components' folders into ``output``, with its card; ``calibrated`` are fields of its config.

    Raises:
        TrainingError: a folder is none of that component, or of other sizes than one that it is averaged with.
    """
    parts: dict[str, Any] = {
        name: averaged(kind, [config[name], *config["averaged"][name]]) for name, kind in COMPONENTS.items()
    }
    output = folders.placed(config["output"])
    save_whole(VoiceCloningModel.from_components(**parts, **config["calibrated"]), output)
    write_card(output)
    size = sum(file.stat().st_size for file in output.glob("*.*"))
    print(f"export: {output} {size / 1e6:.1f} MB")


def averaged(kind: type[Model], runs: list[str]) -> Model:
    """The mean of the weights in several folders; what are no fractional numbers, such as counts, the first one's."""
    first, *others = [component(kind, folders.located(run)) for run in runs]
    known, states = first.state_dict(), [other.state_dict() for other in others]
    for run, state in zip(runs[1:], states, strict=True):
        if {name: value.shape for name, value in state.items()} != {name: value.shape for name, value in known.items()}:
            raise TrainingError(
                f"The models in “{runs[0]}” and “{run}” have other sizes; name runs of one architecture."
            )
    means = {
        name: torch.stack([value, *(state[name] for state in states)]).mean(0)
        for name, value in known.items()
        if value.is_floating_point()
    }
    first.load_state_dict(known | means)
    return first
