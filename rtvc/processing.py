"""VoiceCloningProcessor: recordings through EarSpeech's feature extractor, text through the tokenizer."""

from __future__ import annotations

from typing import Any

from transformers import BatchFeature, ProcessorMixin

from .earspeech import EarSpeechFeatureExtractor
from .text import VoiceCloningTokenizer


class VoiceCloningProcessor(ProcessorMixin):
    """Text → ``input_ids`` and ``attention_mask`` (batch, tokens); recordings → ``input_values`` (batch, samples).

    Where both are given, the recordings' mask is called ``input_values_mask``.
    """

    def __init__(self, feature_extractor: EarSpeechFeatureExtractor, tokenizer: VoiceCloningTokenizer):
        super().__init__(feature_extractor, tokenizer)

    def __call__(
        self, text: str | list[str] | None = None, audio: Any = None, return_tensors: str = "pt", **kwargs: Any
    ) -> BatchFeature:
        """Prepare lines of text, recordings (see :class:`EarSpeechFeatureExtractor`), or both."""
        if text is None and audio is None:
            raise ValueError("Give the processor text, audio or both.")
        if kwargs:
            raise TypeError(f"The processor does not know {sorted(kwargs)}; it takes text, audio and return_tensors.")
        prepared = {}
        if audio is not None:
            prepared = dict(self.feature_extractor(audio, return_tensors=return_tensors))
            if text is not None:
                prepared["input_values_mask"] = prepared.pop("attention_mask")
        if text is not None:
            prepared |= dict(self.tokenizer(text, return_tensors=return_tensors, padding=isinstance(text, list)))
        return BatchFeature(prepared)
