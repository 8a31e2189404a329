"""What the system is compared with: log-mel bands in place of EarSpeech, alone and in a whole model."""

# No `from __future__ import annotations` here: @strict checks no types that are strings.
from pathlib import Path
from typing import Any, ClassVar

import librosa
import numpy as np
import torch
from huggingface_hub.dataclasses import strict
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel

from rtvc import VoiceCloningConfig, VoiceCloningModel, VoiceCloningPipeline, VoiceCloningProcessor
from rtvc.earspeech import EarSpeechOutput
from rtvc.errors import refuse_unknown_keys
from rtvc.rtvc7 import RTVC7Model
from rtvc.rtvc7_networks import VoiceCondition
from rtvc.voice_cloning import TASK


@strict
class MelBandsConfig(PreTrainedConfig):
    """Sizes of the baseline's front end, those of EarSpeech; ``dynamic_range_db`` below the loudest band and frame."""

    model_type = "mel_bands"

    sampling_rate: int = 16_000
    bands: int = 64
    window_length: int = 400
    hop_length: int = 160
    n_fft: int = 512
    dynamic_range_db: float | int = 80.0

    def __post_init__(self, **kwargs: Any) -> None:
        super().__post_init__(**kwargs)
        refuse_unknown_keys(self, kwargs)


class MelBandsModel(PreTrainedModel):
    """Waves (batch, samples) at 16 kHz → log-mel features (batch, frames, 64) in 0…1; nothing in it learns."""

    config_class = MelBandsConfig
    base_model_prefix = "mel_bands"
    main_input_name = "input_values"

    def __init__(self, config: MelBandsConfig):
        super().__init__(config)
        filters = librosa.filters.mel(sr=config.sampling_rate, n_fft=config.n_fft, n_mels=config.bands)  # type: ignore[attr-defined]
        self.filters = nn.Parameter(torch.from_numpy(filters).float().T, requires_grad=False)
        self.post_init()

    def forward(self, input_values: Tensor, **kwargs: Any) -> EarSpeechOutput:
        """Frames stand where EarSpeech's stand."""
        config = self.config
        frames = -(-input_values.shape[1] // config.hop_length)
        side = (config.window_length - config.hop_length) // 2
        waves = torch.nn.functional.pad(
            input_values.float(), (side, frames * config.hop_length + side - input_values.shape[1])
        )
        window = torch.hann_window(config.window_length, device=waves.device)
        slices = waves.unfold(1, config.window_length, config.hop_length) * window
        power = torch.fft.rfft(slices, config.n_fft).abs().square() @ self.filters
        decibels = 10 * power.clamp(min=1e-12).log10()
        relative = decibels - decibels.amax((1, 2), keepdim=True)
        return EarSpeechOutput(features=(relative / config.dynamic_range_db + 1).clamp(0, 1))


@strict
class BaselineConfig(VoiceCloningConfig):
    """A whole model that hears through log-mel bands."""

    model_type = "voice_cloning_baseline"
    sub_configs_defaults: ClassVar[dict] = {
        **VoiceCloningConfig.sub_configs_defaults,
        "earspeech_config": MelBandsConfig,
    }


class BaselineModel(VoiceCloningModel):
    """The four components, EarSpeech replaced. Its folder is of a type of its own: `rtvc.load` refuses it."""

    config_class = BaselineConfig

    def __init__(self, config: BaselineConfig):
        super().__init__(config)
        self.earspeech: Any = MelBandsModel(config.earspeech_config)  # in the place of one of the same sizes


def load_baseline(folder: Path) -> VoiceCloningPipeline:
    """A baseline's folder as the system that `rtvc evaluate` measures.

    Raises:
        CheckpointError: its files are damaged or do not fit.
    """
    processor = VoiceCloningProcessor.from_pretrained(folder)
    return VoiceCloningPipeline(model=BaselineModel.from_pretrained(folder).eval(), processor=processor, task=TASK)


RIDGE = 0.02  # of the mean square of the embeddings' numbers; five times more or less costs .01 of cosine


def least_squares(inputs: np.ndarray, wanted: np.ndarray, ridge: float) -> np.ndarray:
    """(size, wanted size): the matrix for which ``inputs @ matrix`` is nearest to ``wanted``, both (count, …).

    ``ridge``: of the mean square of the inputs' numbers.
    """
    ridges = ridge * len(inputs) * np.square(inputs).mean() * np.eye(inputs.shape[1])
    return np.linalg.solve(inputs.T @ inputs + ridges, inputs.T @ wanted)


def linear_map(embeddings: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What takes one encoder's embeddings to another's by least squares: x → x @ matrix + shift, about unit length.

    Args:
        embeddings, known: (utterances, size) of the same utterances, of unit length.
    """
    centre, target = embeddings.mean(0), known.mean(0)
    inputs = embeddings - centre
    matrix = least_squares(inputs, known - target, RIDGE)
    scale = 1 / np.linalg.norm(inputs @ matrix + target, axis=1).mean()  # least squares shortens what it is unsure of
    return scale * matrix, scale * (target - centre @ matrix)


def refit(model: RTVC7Model, matrix: np.ndarray, shift: np.ndarray) -> None:
    """Let RTVC-7 take another encoder's embeddings for those that it was trained with, by :func:`linear_map`.

    The map goes into the layers that read an embedding; everything else stays as it is.
    """
    weight, bias = (torch.from_numpy(array).float() for array in (matrix.T, shift))
    with torch.no_grad():
        for part in model.modules():
            if isinstance(part, VoiceCondition):
                part.speaker.bias.add_(part.speaker.in_features**0.5 * part.speaker.weight @ bias)  # see its forward
                part.speaker.weight.copy_(part.speaker.weight @ weight)
