"""Stage ``finetune``: RTVC-7 to one person, from a few minutes of their recordings and what they say in them.

The prior and its flow learn, which make the sounds of the language as this person makes them. Rhythm, melody and the
decoder stay as they are: from a minute of speech they lose more naturalness than they add likeness. Some recordings are
held out: by them the best moment is chosen, and the likeness measured before and after.
"""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rtvc import VoiceCloningModel, audio, phonemes
from rtvc.errors import TextError, TrainingError
from rtvc.rtvc7 import RTVC7Model
from rtvc.training import folders, loop
from rtvc.training.data import own_recordings, store
from rtvc.training.data.corpora import Corpora
from rtvc.training.data.speech import Batch, SpeechCorpora
from rtvc.training.losses import SpeakerConsistency
from rtvc.training.models import save_whole, whole_model
from rtvc.training.optim import adam, rate_by
from rtvc.training.synthesis import TextToSpeech, weighted
from rtvc.voice import Voice

LEAST_SECONDS = 20.0  # seconds of recordings to adapt to
VOICE_FILE = "speaker.voice"  # the enrolled person, beside the model


class FinetuneStage(loop.Stage[RTVC7Model]):
    """The exported folder is a whole model, with the person's enrolled voice in it."""

    chosen_by = "total"

    def __init__(self, config: dict):
        super().__init__(config := with_texts(config))
        self.whole = whole_model(config["rtvc_ckpt"])
        self.whole.config.timbre_emphasis = 0.0  # RTVC-7 learns what this voice is like; nothing draws it elsewhere
        self.model = self.kept = self.whole.rtvc7
        own, self.held = divided(config)
        self.voice = self.whole.enroll([store.load_corpus(config["recordings"]).wave(utterance) for utterance in own])
        names = Corpora.everybody(config["recordings"])
        self.speech, self.unheard = (
            SpeechCorpora(
                names,
                "all",
                reject=0.0,
                only={utterance.file for utterance in some},
                rate=self.whole.config.sampling_rate,
            )
            for some in (own, self.held)
        )
        self.model.requires_grad_(False)
        learning = [*self.model.prior.parameters(), *self.model.flow.parameters()]
        for parameter in learning:
            parameter.requires_grad_(True)
        judges = copy.deepcopy(self.whole.earspeech), copy.deepcopy(self.whole.tuned_ge2e)
        self.listeners = {"speaker": SpeakerConsistency(*judges)}
        self.objective = TextToSpeech(self.model, self.listeners, config)
        self.optimizer = adam(learning, config["learning_rate"])
        self.evaluation_parts = len(self.held)

    def draw(self, random: np.random.Generator, phase: int) -> Batch:
        return self._in_the_voice(self.speech.pieces(self.config["seconds"], random, self.config["longest"]))

    def _in_the_voice(self, batch: Batch) -> Batch:
        """What is known of the person at use, the enrolled voice, in every row. A recording's noise is its own: it must
        not become part of the voice.
        """
        rows, voice = len(batch.wave), self.voice
        embedding, spectrum = (
            torch.tensor(vector).expand(rows, -1) for vector in (voice.speaker_embedding, voice.timbre)
        )
        statistics = (voice.pitch_mean, voice.pitch_std, voice.tempo)
        pitch_mean, pitch_std, tempo = (torch.full((rows,), float(number)) for number in statistics)
        batch.pitch_mean, batch.timbre = pitch_mean, spectrum.contiguous()
        batch.voice = RTVC7Model.voice(embedding, batch.timbre, pitch_mean, pitch_std, tempo, batch.quality)
        batch.reference = torch.tensor(voice.reference).float().expand(rows, -1, -1)
        return batch

    def losses(self, batch: Batch, clock: loop.Clock) -> dict[str, Tensor]:
        return weighted(self.objective(batch)[0], self.config["weights"])

    def rates(self, clock: loop.Clock) -> list[float]:
        return [self.config["learning_rate"] * rate_by(clock.progress())]

    @torch.no_grad()
    def evaluate_part(self, kept: RTVC7Model, number: int) -> dict[str, float]:
        """Of a held-out recording: the losses on it, and the likeness of its sentence, spoken, to it (cosine)."""
        loop.seed(number)
        items = [item for item in self.unheard.items if item.key.endswith(f"/{self.held[number].file}")]
        batch = self._in_the_voice(self.unheard.pieces_of(items, np.random.default_rng(number), 20.0))
        found, _, _ = TextToSpeech(kept, self.listeners, self.config)(batch.to(kept.device))
        spoken = audio.resample(self._spoken(kept, number), self.whole.config.sampling_rate)
        recorded = store.load_corpus(self.config["recordings"]).wave(self.held[number])
        likeness = 1 - self.listeners["speaker"](
            *(torch.from_numpy(wave)[None].to(kept.device) for wave in (spoken, recorded))
        )
        return {name: value.item() for name, value in (weighted(found, self.config["weights"])).items()} | {
            "similarity": likeness.item()
        }

    def sounds(self, kept: RTVC7Model) -> dict[str, Tensor]:
        return {"held out": torch.from_numpy(self._spoken(kept, 0))}

    def _spoken(self, kept: RTVC7Model, number: int) -> np.ndarray:
        ids = torch.tensor([phonemes.IDS[symbol] for symbol in phonemes.phonemize(self.held[number].text)])
        return self.whole_with(kept).synthesize(ids, self.voice)

    def whole_with(self, kept: RTVC7Model) -> VoiceCloningModel:
        """The whole model with another RTVC-7, on its device: the loop moves nothing but what learns."""
        whole = copy.copy(self.whole.to(kept.device))  # type: ignore[arg-type]  # transformers' type of it is wrong
        whole._modules = self.whole._modules | {"rtvc7": kept}
        return whole

    def save(self, kept: RTVC7Model, folder: Path) -> None:
        save_whole(copy.deepcopy(self.whole_with(kept)), folder)
        Voice.save(self.voice, folder / VOICE_FILE)


def with_texts(config: dict) -> dict:
    """The config with a folder of recordings that have their texts."""
    if not config["recordings"]:
        raise TrainingError(
            "No recordings are named; --recordings FOLDER or FILE, with what is said in NAME.txt beside."
        )
    heard = folders.RUNS / config["name"] / "recordings"
    return config | {"recordings": own_recordings.with_texts(str(folders.placed(config["recordings"])), heard)}


def divided(config: dict) -> tuple[list[store.Utterance], list[store.Utterance]]:
    """Recordings to adapt to and held-out ones, the last ``held_out`` by name; only those whose text can be read."""
    usable = [
        utterance for utterance in store.load_corpus(config["recordings"]).utterances if _readable(utterance.text)
    ]
    usable.sort(key=lambda utterance: utterance.file)
    count = config["held_out"]
    own, held = usable[: len(usable) - count], usable[len(usable) - count :]
    seconds = sum(utterance.seconds for utterance in own)
    if seconds < LEAST_SECONDS or not held:
        raise TrainingError(
            f"“{config['recordings']}” has {len(usable)} recordings with texts; beside {count} held out they last "
            f"{seconds:.0f} s, and {LEAST_SECONDS:g} s are needed: record more, or write down what is said."
        )
    return own, held


def _readable(line: str) -> bool:
    try:
        return bool(phonemes.phonemize(line))
    except TextError:
        return False
