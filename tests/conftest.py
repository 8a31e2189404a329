"""Shared: example recordings, a tiny model of random weights, and the bundled one where it is there."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
if "PYTEST_XDIST_WORKER" in os.environ:  # several share the cores, which torch would take all of
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
import torch
from skips import pytest_addoption, pytest_configure  # noqa: F401  (hooks, which pytest finds here)

from rtvc import audio
from rtvc.earspeech import EarSpeechConfig, EarSpeechFeatureExtractor, EarSpeechModel
from rtvc.loading import CHECKPOINT, load
from rtvc.optimized import optimize
from rtvc.pipeline import VoiceCloningPipeline
from rtvc.processing import VoiceCloningProcessor
from rtvc.rtvc7 import RTVC7Config
from rtvc.sayen import SayENConfig
from rtvc.text import VoiceCloningTokenizer
from rtvc.tuned_ge2e import TunedGE2EConfig, TunedGE2EModel
from rtvc.voice_cloning import VoiceCloningConfig, VoiceCloningModel

WORKERS = 4  # at most, of `-n auto`: each holds a model
VOICES = Path(__file__).parents[1] / "examples" / "voices"
SIZE = 32  # of the tiny model's speaker embedding


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One for each processor that this process may use; xdist itself counts those of the machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(cores or 1, WORKERS)


@pytest.fixture(scope="session")
def woman() -> Path:
    return VOICES / "woman.flac"


@pytest.fixture(scope="session")
def man() -> Path:
    return VOICES / "man.flac"


@pytest.fixture(scope="session")
def speech(woman) -> np.ndarray:
    """float32 (samples,) at 16 kHz, 5 s of a clean recording."""
    return audio.read(woman)


@pytest.fixture(scope="session")
def tiny_config() -> VoiceCloningConfig:
    small = {"hidden_size": 16, "condition_size": 8, "expansion": 1, "flow_hidden_size": 8}
    layers = {"text_layers": 1, "prior_layers": 1, "flow_steps": 2, "decoder_blocks": 1, "posterior_layers": 1}
    return VoiceCloningConfig(
        earspeech_config=EarSpeechConfig(),
        tuned_ge2e_config=TunedGE2EConfig(
            speaker_size=SIZE, stem_channels=(4, 8), hidden_size=16, attention_size=8, dilations=[1]
        ),
        sayen_config=SayENConfig(speaker_size=SIZE, channels=4, hidden_size=4, blocks=1),
        rtvc7_config=RTVC7Config(
            speaker_size=SIZE, posterior_hidden_size=16, decoder_hidden_size=16, **small, **layers
        ),
    )


@pytest.fixture(scope="session")
def tiny_model(tiny_config) -> VoiceCloningModel:
    torch.manual_seed(0)
    model = VoiceCloningModel(tiny_config).eval()
    torch.nn.init.constant_(model.rtvc7.duration_predictor.head.bias, 1.8)  # about 5 frames a symbol: it says something
    return model


@pytest.fixture(scope="session")
def processor() -> VoiceCloningProcessor:
    return VoiceCloningProcessor(EarSpeechFeatureExtractor(), VoiceCloningTokenizer())


@pytest.fixture(scope="session")
def tiny_folder(tiny_model, processor, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    tiny_model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny(tiny_folder) -> VoiceCloningPipeline:
    return load(tiny_folder)


@pytest.fixture(scope="session")
def bundled() -> VoiceCloningPipeline:
    if not (CHECKPOINT / "config.json").exists():
        pytest.skip("the bundled checkpoint is not in this checkout")
    return load()


@pytest.fixture(scope="session")
def bundled_optimized(bundled, tmp_path_factory) -> Path:
    """A folder of its optimised variant, which takes long to make."""
    pytest.importorskip("onnx")
    folder = tmp_path_factory.mktemp("optimized")
    optimize(bundled.model).save_pretrained(folder)
    bundled.processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def earspeech() -> EarSpeechModel:
    return EarSpeechModel(EarSpeechConfig()).eval()


@pytest.fixture(scope="module")
def tuned_ge2e() -> TunedGE2EModel:
    torch.manual_seed(3)
    return TunedGE2EModel(TunedGE2EConfig()).eval()
