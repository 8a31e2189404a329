"""The model card, and the figures in it."""

from __future__ import annotations

import copy

import pytest
import yaml
from huggingface_hub import ModelCard, parse_eval_result_entries
from small_hub import EVALUATION

from rtvc.hub.card import card, fingerprint, write_card, write_evaluation
from rtvc.loading import CHECKPOINT


def test_the_card_is_valid_and_complete(repository):
    loaded = ModelCard.load(repository / "README.md")
    header = loaded.data.to_dict()
    assert (header["license"], header["pipeline_tag"], header["language"]) == ("apache-2.0", "text-to-speech", "en")
    assert loaded.data.model_name == "voice"
    (result,) = loaded.data.eval_results
    assert (result.metric_type, result.metric_value) == ("wer", 2.5)
    text = loaded.text
    for words in ("LibriSpeech", "CC BY 4.0", "Prohibited", "English only", "at least 3 s", "neither sings", "hours"):
        assert words in text
    assert "rtvc evaluate --cases CASES" in text
    assert "other weights" not in text
    (entry,) = parse_eval_result_entries(yaml.safe_load((repository / ".eval_results" / "rtvc.yaml").read_text()))
    assert (entry.value, entry.date) == (2.5, "2026-01-31")


def test_results_of_other_weights_are_said_to_be(tiny_model, tmp_path):
    tiny_model.save_pretrained(tmp_path)
    write_evaluation(tmp_path, "clone", **EVALUATION)
    before = fingerprint(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    copy.deepcopy(tiny_model).half().save_pretrained(tmp_path)
    assert fingerprint(tmp_path) != before
    write_card(tmp_path)
    assert "Measured with other weights than these" in (tmp_path / "README.md").read_text()
    bad = {**EVALUATION, "metrics": [{"type": "wer", "name": "Word error rate", "value": float("nan")}]}
    with pytest.raises(ValueError, match="finite"):
        write_evaluation(tmp_path, "clone", **bad)


def test_the_bundled_card_is_up_to_date(bundled):
    written = (CHECKPOINT / "README.md").read_text(encoding="utf-8")
    assert written == str(card(CHECKPOINT)), "run `python -m rtvc.hub rtvc/checkpoint`"
