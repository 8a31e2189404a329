"""The tokenizer: from a line of English to the ids that RTVC-7 reads; and, in one place, what the text is made into.

`split_sentences` cuts a text into lines, `normalize` writes a line out as a person would say it, `phonemize` turns that
into symbols, and a symbol's place in `SYMBOLS` is its id.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizer

from .phonemes import (
    CONSONANTS,
    END,
    IDS,
    LONGEST_LINE,
    PAD,
    PAUSES,
    REDUCED,
    SOUNDS,
    START,
    STRESSES,
    SYMBOLS,
    VOWELS,
    normalize,
    phonemize,
    question_rise,
)
from .sentences import LONGEST_WORD, as_written, breaths, pause_seconds, split_sentences

__all__ = [
    "CONSONANTS",
    "END",
    "IDS",
    "LONGEST_LINE",
    "LONGEST_WORD",
    "PAD",
    "PAUSES",
    "REDUCED",
    "SOUNDS",
    "START",
    "STRESSES",
    "SYMBOLS",
    "VOWELS",
    "VoiceCloningTokenizer",
    "as_written",
    "breaths",
    "normalize",
    "pause_seconds",
    "phonemize",
    "question_rise",
    "split_sentences",
]

# The corpora hardly hold these, and the network gives them no pause; a comma's is 0.4 s and more.
UNHEARD = dict.fromkeys(";:—…", ",")


class VoiceCloningTokenizer(PreTrainedTokenizer):
    """English text → `input_ids` (batch, tokens) and `attention_mask`; a token is a symbol of `SYMBOLS`.

    `tokenize` gives the symbols with "^" and "$" around them, so no further special token is added.
    The pauses ; : — … inside a sentence have the comma's id.
    """

    vocab_files_names = {"vocab_file": "vocab.json"}
    model_input_names = ["input_ids", "attention_mask"]

    def __init__(self, vocab_file: str | None = None, **kwargs: Any) -> None:
        symbols = json.loads(Path(vocab_file).read_text(encoding="utf-8")) if vocab_file else IDS
        self._ids = dict(symbols)
        self._names = {index: symbol for symbol, index in self._ids.items()}
        kwargs["pad_token"] = PAD
        super().__init__(**kwargs)

    @property
    def vocab_size(self) -> int:
        return len(self._ids)

    def get_vocab(self) -> dict[str, int]:
        return dict(self._ids)

    def tokenize(self, text: str, **kwargs: Any) -> list[str]:  # type: ignore[override]
        """The symbols of a text (see `phonemize`)."""
        return phonemize(text)

    def _convert_token_to_id(self, token: str) -> int:
        return self._ids[UNHEARD.get(token, token)]

    def _convert_id_to_token(self, index: int) -> str:
        return self._names[index]

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        """The symbols in a row, without padding and edges."""
        return "".join(token for token in tokens if token not in (PAD, START, END))

    def save_vocabulary(self, save_directory: str, filename_prefix: str | None = None) -> tuple[str]:
        """Write vocab.json (symbol: id)."""
        path = Path(save_directory) / ((filename_prefix + "-" if filename_prefix else "") + "vocab.json")
        path.write_text(json.dumps(self._ids, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
        return (str(path),)
