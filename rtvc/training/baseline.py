"""What the components are compared with: log-mel bands in place of EarSpeech."""

# No `from __future__ import annotations` here: @strict checks no types that are strings.
import librosa
import torch
from huggingface_hub.dataclasses import strict
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel

from rtvc.earspeech import EarSpeechOutput
from rtvc.errors import refuse_unknown_keys


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

    def __post_init__(self, **kwargs):
        super().__post_init__(**kwargs)
        refuse_unknown_keys(self, kwargs)


class MelBandsModel(PreTrainedModel):
    """Waves (batch, samples) at 16 kHz → log-mel features (batch, frames, 64) in 0…1; nothing in it learns."""

    config_class = MelBandsConfig
    base_model_prefix = "mel_bands"
    main_input_name = "input_values"

    def __init__(self, config: MelBandsConfig):
        super().__init__(config)
        filters = librosa.filters.mel(sr=config.sampling_rate, n_fft=config.n_fft, n_mels=config.bands)
        self.filters = nn.Parameter(torch.from_numpy(filters).float().T, requires_grad=False)
        self.post_init()

    def forward(self, input_values: Tensor, **kwargs) -> EarSpeechOutput:
        """Frames stand where EarSpeech's stand."""
        config = self.config
        frames = -(-input_values.shape[1] // config.hop_length)
        side = (config.window_length - config.hop_length) // 2
        waves = torch.nn.functional.pad(
            input_values.float(), (side, frames * config.hop_length + side - input_values.shape[1])
        )
        slices = waves.unfold(1, config.window_length, config.hop_length) * torch.hann_window(config.window_length)
        power = torch.fft.rfft(slices, config.n_fft).abs().square() @ self.filters
        decibels = 10 * power.clamp(min=1e-12).log10()
        relative = decibels - decibels.amax((1, 2), keepdim=True)
        return EarSpeechOutput(features=(relative / config.dynamic_range_db + 1).clamp(0, 1))
