"""Judges from the Hugging Face Hub by their id, or from a folder of transformers' files: recognisers and x-vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from rtvc.errors import EvaluationError, quoted
from rtvc.evaluation.judges.base import Judge
from rtvc.evaluation.judges.words import Words

WHISPER_HEARS = 30 * 16_000  # samples at once; of more it asks for timestamps


class FromHub(Judge):
    """What both kinds share: they are named by their source."""

    def __init__(self, source: str):
        """
        Raises:
            MissingJudge: a package is missing.
            EvaluationError: there is no such model, or it cannot be reached.
        """
        self.source, self.name = source, Path(source).name
        self.weights = f"{Path(source).name} on this computer" if Path(source).is_dir() else f"hf.co/{source}"
        self.licence = _licence(source)
        try:
            super().__init__()
        except (OSError, ValueError, KeyError) as error:
            message = f"The judge {quoted(source)} cannot be loaded; check its name and kind, and the network."
            raise EvaluationError(message) from error


class HubWords(FromHub, Words):
    """A recogniser of speech, such as openai/whisper-large-v3; one of many languages is told that it hears English."""

    def load(self) -> None:
        from transformers import pipeline

        super().load()
        self.recognise = pipeline("automatic-speech-recognition", model=self.source, device="cpu")
        settings = getattr(self.recognise.model, "generation_config", None)
        many = getattr(settings, "is_multilingual", False)  # else it would take some accents for other languages
        self.spoken = {"generate_kwargs": {"language": "english", "task": "transcribe"}} if many else {}

    def __call__(self, wave: np.ndarray) -> str:
        sound: dict[str, Any] = {"raw": np.asarray(wave, np.float32), "sampling_rate": 16_000}
        long = self.recognise.type == "seq2seq_whisper" and wave.size > WHISPER_HEARS
        timed = {"return_timestamps": True} if long else {}
        understood: Any = self.recognise(sound, **self.spoken, **timed)
        return understood["text"].strip()


class HubSpeaker(FromHub):
    """A speaker encoder with an x-vector head, such as microsoft/wavlm-base-plus-sv."""

    measures = "cosine of speaker embeddings"

    def load(self) -> None:
        from transformers import AutoFeatureExtractor, AutoModelForAudioXVector

        self.extract = AutoFeatureExtractor.from_pretrained(self.source)
        self.model = AutoModelForAudioXVector.from_pretrained(self.source).eval()

    @torch.inference_mode()
    def __call__(self, wave: np.ndarray) -> np.ndarray:
        inputs = self.extract(np.asarray(wave, np.float32), sampling_rate=16_000, return_tensors="pt")
        return self.model(**inputs).embeddings[0].numpy()


def _licence(source: str) -> str:
    """As the model's card says, where it can be had."""
    from huggingface_hub import ModelCard

    try:
        path = Path(source, "README.md")
        card = ModelCard.load(path if path.is_file() else source)
        return str(card.data.license or "its card names none")
    except Exception:  # no card, no network: each has a class of its own
        return "as its card says"
