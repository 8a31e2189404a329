"""Stage ``polish``: RTVC-7 as a whole, from symbols to wave, against discriminators, with true durations and pitch."""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn

from rtvc.earspeech import EarSpeechModel
from rtvc.rtvc7 import RTVC7Model
from rtvc.training import loop
from rtvc.training.data.speech import Batch, SpeechCorpora
from rtvc.training.discriminators import Discriminators, Opponent
from rtvc.training.losses import SpeakerConsistency, SpeakerFeatures, SpeakerTeacherConsistency
from rtvc.training.models import component
from rtvc.training.optim import muon, rate_by
from rtvc.training.synthesis import SynthesisStage, TextToSpeech, adversarial_losses, text_side
from rtvc.tuned_ge2e import TunedGE2EModel


class PolishStage(SynthesisStage):
    """The whole from symbols to wave against discriminators, which learn alone for ``warm_up`` steps."""

    def __init__(self, config: dict):
        super().__init__(config)
        if config["decoder"]:
            self.model.decoder.load_state_dict(component(RTVC7Model, config["decoder"]).decoder.state_dict())
        encoders = component(EarSpeechModel, config["earspeech"]), component(TunedGE2EModel, config["tuned_ge2e"])
        self.listeners: dict[str, nn.Module] = {"speaker": SpeakerConsistency(*encoders)}
        if config["weights"].get("sounds"):
            self.listeners["sounds"] = SpeakerFeatures(*encoders)
        if config["weights"].get("teacher"):
            self.listeners["teacher"] = SpeakerTeacherConsistency()
        self.objective = TextToSpeech(self.model, self.listeners, config)
        self.optimizer = muon([self.model.decoder, *text_side(self.model)], config["learning_rate"])
        discriminators = Discriminators(self.model.config)
        self.opponent = Opponent(discriminators, config["discriminator_rate"], config["opponent"])

    def draw_from(self, speech: SpeechCorpora, random: np.random.Generator) -> Batch:
        return speech.pieces(self.config["seconds"], random, self.config["longest"])

    def scored(self, kept: RTVC7Model, batch: Batch) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        return TextToSpeech(kept, self.listeners, self.config)(batch)

    def losses(self, batch: Batch, clock: loop.Clock) -> dict[str, Tensor]:
        return adversarial_losses(self, batch, batch, clock)

    def rates(self, clock: loop.Clock) -> list[float]:
        return 2 * [self.config["learning_rate"] * rate_by(clock.progress())]
