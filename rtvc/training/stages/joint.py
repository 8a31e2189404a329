"""Stage ``joint``: all four components together, from a whole model to a whole model.

Each micro-batch holds two recordings of several people. Tuned-GE2E hears a crop of each: GE2E tells the people apart,
SayEN cleans a noisy copy of the crop with the embedding of that copy, and RTVC-7 speaks words of one recording in the
voice heard in the other. So what RTVC-7 and SayEN need reaches the encoder and EarSpeech too.
"""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from rtvc import VoiceCloningModel, audio
from rtvc.rtvc7_networks import TRAITS
from rtvc.rtvc7_signal import long_term_average_spectrum
from rtvc.training import loop
from rtvc.training.data import store
from rtvc.training.data.noisy_speech import NoisySpeech
from rtvc.training.data.speech import SpeechCorpora, held_out
from rtvc.training.discriminators import Discriminators, Opponent
from rtvc.training.losses import SayENLoss, SpeakerConsistency, TunedGE2ELoss
from rtvc.training.machine import gathered
from rtvc.training.models import save_whole, whole_model
from rtvc.training.optim import adam, rate_by
from rtvc.training.synthesis import TextToSpeech, adversarial_losses, text_side


class JointModel(nn.Module):
    """The whole model and its losses; ``judges``: EarSpeech and Tuned-GE2E that stay as they are, for likeness."""

    def __init__(self, model: VoiceCloningModel, judges: tuple[nn.Module, nn.Module], config: dict):
        super().__init__()
        self.model, self.judges = model, nn.ModuleList(judges)
        self.speaking = TextToSpeech(model.rtvc7, {"speaker": SpeakerConsistency(*judges)}, config)
        self.enhancement = SayENLoss(model.sayen.config, *judges)
        self.ge2e = TunedGE2ELoss(margins=tuple(config["margins"])).requires_grad_(False)
        self.rest = TRAITS + model.rtvc7.config.timbre_size

    def forward(self, batch: dict, scored: bool = True) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """Losses, and windows generated and real (windows, samples); without ``scored`` no losses."""
        embeddings = self._embed(batch["crop"])[1]
        speech = batch["speech"]
        others = embeddings.unflatten(0, (-1, 2)).flip(1).flatten(0, 1)  # of the same person's other recording
        voice = torch.cat([others, speech.voice[:, -self.rest :]], -1)
        losses, generated, real = self.speaking(speech, scored, voice)
        if not scored:
            return losses, generated, real
        losses["ge2e"] = people_apart(self.ge2e, embeddings.unflatten(0, (-1, 2)), batch["who"])
        features, noisy_voice = self._embed(batch["noisy"])
        enhanced = self.model.sayen(batch["noisy"], features, noisy_voice).enhanced
        losses["enhancement"] = self.enhancement(enhanced, batch["clean"])["total"]
        return losses, generated, real

    def _embed(self, waves: Tensor) -> tuple[Tensor, Tensor]:
        """(rows, samples) → features (rows, frames, 64), embeddings (rows, size)."""
        features = self.model.earspeech(waves).features
        return features, self.model.tuned_ge2e(features).speaker_embedding


def people_apart(ge2e: TunedGE2ELoss, embeddings: Tensor, who: Tensor) -> Tensor:
    """GE2E of (people, 2, size), whose numbers are ``who`` (people,); where it is learned from, of the people of all
    processes. An evaluation's parts are each process's own, and as many as fall to it."""
    rows = embeddings.float(), who
    if torch.is_grad_enabled():
        rows = gathered(rows[0]), gathered(rows[1])
    with torch.autocast(embeddings.device.type, enabled=False):
        return ge2e(rows[0], who=rows[1])


class JointStage(loop.Stage[VoiceCloningModel]):
    """A parameter group and learning rate a component."""

    EVALUATION_BATCHES = 4

    def __init__(self, config: dict):
        super().__init__(config)
        self.model = self.kept = whole_model(config["rtvc_ckpt"])
        self._set_dropout(config["sayen_dropout"])
        self.judges = copy.deepcopy(self.model.earspeech), copy.deepcopy(self.model.tuned_ge2e)
        self.objective = JointModel(self.model, self.judges, config)
        rate = self.model.config.sampling_rate
        self.speech = SpeechCorpora(config["corpora"], shifted=config["shifted"], rate=rate)
        self.held_out = held_out(config["corpora"], rate=rate)
        self.evaluation_parts = self.EVALUATION_BATCHES if self.held_out else 0
        self.noisy_speech = NoisySpeech(config["corpora"], config["seconds"], config["snr"])
        self.optimizer = adam(self._groups(), config["rtvc7_lr"])
        self.opponent = Opponent(
            Discriminators(self.model.config.rtvc7_config), config["discriminator_lr"], config["opponent"]
        )

    def _set_dropout(self, dropout: float) -> None:
        """SayEN learns with it; the encoder stays in evaluation mode, as batch norm would make what RTVC-7 hears of a
        voice depend on the others in the batch."""
        self.model.sayen.config.sayen_dropout = dropout
        for module in self.model.sayen.blocks.modules():
            if isinstance(module, nn.Dropout):
                module.p = dropout
        self.model.sayen.train()

    def _groups(self) -> list[dict]:
        """In the order of :meth:`rates`."""
        model = self.model
        rtvc7 = [p for part in (*text_side(model.rtvc7), model.rtvc7.decoder) for p in part.parameters()]
        others = (model.earspeech, model.tuned_ge2e, model.sayen)
        return [{"params": list(part.parameters())} for part in others] + [{"params": rtvc7}]

    def draw(self, random: np.random.Generator, phase: int) -> dict:
        return self.draw_from(self.speech, random)

    def draw_from(self, speech: SpeechCorpora, random: np.random.Generator) -> dict:
        """Pieces to speak, crops to hear, and noisy and clean crops; rows 2k and 2k + 1 are of one person."""
        items = speech.pairs(max(1, self.config["batch_size"] // 2), random)
        crops = [self._crop(audio.resample(speech.wave(item), speech.rate), random) for item in items]
        noisy, clean = zip(*(self.noisy_speech.disturb(crop, random) for crop in crops), strict=True)
        waves = {"crop": crops, "noisy": noisy, "clean": clean}
        stacked = {name: torch.from_numpy(np.stack(rows)).float() for name, rows in waves.items()}
        pieces = speech.pieces_of(items, random, self.config["longest"])
        places = np.arange(len(items)) ^ 1  # the same person's other recording
        pieces.timbre = torch.stack(
            [
                long_term_average_spectrum(stacked["crop"][place], self.model.rtvc7.config.timbre_size)
                for place in places
            ]
        )
        pieces.voice = torch.cat([pieces.voice[:, : -pieces.timbre.shape[1]], pieces.timbre], -1)
        return {"speech": pieces, "who": torch.tensor([speech.numbers[item.speaker] for item in items[::2]])} | stacked

    def _crop(self, wave: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """``seconds`` of a recording from anywhere; a shorter one is repeated."""
        size = int(self.config["seconds"] * store.SAMPLING_RATE)
        wave = np.resize(wave, max(size, len(wave)))
        start = random.integers(len(wave) - size + 1)
        return wave[start : start + size]

    def losses(self, batch: dict, clock: loop.Clock) -> dict[str, Tensor]:
        return adversarial_losses(self, batch, batch["speech"], clock)

    def rates(self, clock: loop.Clock) -> list[float]:
        factor = rate_by(clock.progress())
        return [factor * self.config[f"{name}_lr"] for name in ("earspeech", "ge2e", "sayen", "rtvc7")]

    def evaluate_part(self, kept: VoiceCloningModel, number: int) -> dict[str, float]:
        """The losses, without the discriminators', on development speakers."""
        return {name: value.item() for name, value in self._evaluated(kept, number)[1][0].items()}

    def sounds(self, kept: VoiceCloningModel) -> dict[str, Tensor]:
        """Of the first row of the evaluation: a window real and generated, the crop noisy and cleaned."""
        if not self.evaluation_parts:
            return {}
        batch, (_, generated, real) = self._evaluated(kept, 0)
        with torch.no_grad():
            voices = kept.earspeech(batch["noisy"][:1]).features
            embedding = kept.tuned_ge2e(voices).speaker_embedding
            enhanced = kept.sayen(batch["noisy"][:1], voices, embedding).enhanced
        waves = {"real": real, "generated": generated, "noisy": batch["noisy"], "enhanced": enhanced}
        return {name: wave[0] for name, wave in waves.items()}

    @torch.no_grad()
    def _evaluated(self, kept: VoiceCloningModel, number: int) -> tuple[dict, tuple]:
        """A batch of development speakers, and what :class:`JointModel` makes of it."""
        assert self.held_out is not None  # or the evaluation has no parts
        loop.seed(number)
        batch = self.draw_from(self.held_out, np.random.default_rng(number))
        batch = {name: part.to(kept.device) for name, part in batch.items()}
        return batch, JointModel(kept.eval(), self.judges, self.config)(batch)

    def save(self, kept: VoiceCloningModel, folder: Path) -> None:
        """A whole model's folder, as the pipeline loads it."""
        save_whole(copy.deepcopy(kept), folder)
