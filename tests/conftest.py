"""Shared: example recordings, a tiny model of random weights, and the bundled one where it is there."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import pytest
import torch

from rtvc import audio
from rtvc.earspeech import EarSpeechConfig, EarSpeechFeatureExtractor
from rtvc.pipeline import CHECKPOINT, VoiceCloningPipeline, load
from rtvc.processing import VoiceCloningProcessor
from rtvc.rtvc7 import RTVC7Config
from rtvc.sayen import SayENConfig
from rtvc.text import VoiceCloningTokenizer
from rtvc.tuned_ge2e import TunedGE2EConfig
from rtvc.voice_cloning import VoiceCloningConfig, VoiceCloningModel

VOICES = Path(__file__).parents[1] / "examples" / "voices"
SIZE = 32  # of the tiny model's speaker embedding


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


# ---------------------------------------------------------------------------------------------- nothing skipped silently


def pytest_addoption(parser):
    text = "fail where a test is skipped for a reason that no line of this file begins with"
    parser.addoption("--skips", type=Path, metavar="FILE", help=text)


def pytest_configure(config):
    if file := config.getoption("--skips"):
        listed = [line.split("|")[0].strip() for line in file.read_text(encoding="utf-8").splitlines()]
        config.pluginmanager.register(NoSilentSkips([one for one in listed if one and one[0] != "#"]))


class NoSilentSkips:
    """Fails a run in which a test was skipped for a reason that is not among ``allowed`` beginnings."""

    def __init__(self, allowed: list[str]):
        self.allowed, self.unlisted = tuple(allowed), []

    def pytest_runtest_logreport(self, report):
        self.note(report)

    def pytest_collectreport(self, report):
        self.note(report)

    def note(self, report):
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2].removeprefix("Skipped: ")
            if not reason.startswith(self.allowed):
                self.unlisted.append(f"{report.nodeid}: {reason}")

    def pytest_sessionfinish(self, session):
        if self.unlisted and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter):
        if self.unlisted:
            terminalreporter.section("skipped, and not in the list of what may be")
            for line in self.unlisted:
                terminalreporter.line(line)
