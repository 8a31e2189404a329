"""The configs of the four components, and what was calibrated on the whole."""

# No `from __future__ import annotations` here: @strict checks no types that are strings.
from typing import TYPE_CHECKING, Any, ClassVar

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig

from .audio import LOUDNESS
from .earspeech import EarSpeechConfig
from .errors import refuse_unknown_keys
from .rtvc7_config import RTVC7Config
from .sayen import SayENConfig
from .tuned_ge2e import TunedGE2EConfig

if TYPE_CHECKING:
    Part = Any  # a config, once they were put together
else:
    Part = dict | PreTrainedConfig | None


@strict
class VoiceCloningConfig(PreTrainedConfig):
    """The configs of the four components, and what was calibrated on the whole.

    ``similarity_scale``, ``_offset``, ``_blur`` and ``_drift``: what makes a probability of a cosine, see
    :meth:`VoiceCloningModel.probability`; configs without the last two take the seconds of speech for enough.
    ``same_voice_cosine``: a short window of speech further than this from the whole is not this voice.
    ``enhance_below_snr``: recordings noisier than this, in dB as :func:`rtvc.audio.snr` measures it, are cleaned.
    ``speaking_lufs``: of older models, without use since every voice's own level is measured.
    ``timbre_centre``: most people's timbre, evenly over the mel bands. The stage ``calibrate`` measures all
    of them. ``timbre_emphasis``: how much further from the centre than it was heard a voice's timbre is when it speaks,
    as RTVC-7 draws every voice towards it. ``weights_sha256``: of the weights' file, written when the model is saved
    and checked when it is loaded; empty for files that were made otherwise.
    """

    model_type = "voice_cloning"
    sub_configs_defaults: ClassVar[dict] = {
        "earspeech_config": EarSpeechConfig,
        "tuned_ge2e_config": TunedGE2EConfig,
        "sayen_config": SayENConfig,
        "rtvc7_config": RTVC7Config,
    }

    earspeech_config: Part = None
    tuned_ge2e_config: Part = None
    sayen_config: Part = None
    rtvc7_config: Part = None
    similarity_scale: float | int = 18.22
    similarity_offset: float | int = 0.538
    similarity_blur: float | int = 0.0
    similarity_drift: float | int = 0.0
    same_voice_cosine: float | int = 0.4
    enhance_below_snr: float | int = 12.5
    speaking_lufs: float | int = LOUDNESS
    timbre_centre: list[float | int] | tuple[float | int, ...] = (0.0, 0.0)
    timbre_emphasis: float | int = 0.0
    weights_sha256: str = ""

    def __post_init__(self, **kwargs: Any) -> None:
        super().__post_init__(**kwargs)
        refuse_unknown_keys(self, kwargs)

    def to_dict(self) -> dict[str, Any]:
        """As in transformers, without private keys of the components: they hold paths of where each was trained."""
        stored = super().to_dict()
        for name in self.sub_configs_defaults:
            stored[name] = {key: value for key, value in stored[name].items() if not key.startswith("_")}
        return stored

    @property
    def sampling_rate(self) -> int:
        """Of the speech that comes out, Hz."""
        return self.rtvc7_config.sampling_rate

    def validate_sizes(self) -> None:
        parts = (self.tuned_ge2e_config, self.sayen_config, self.rtvc7_config)
        sizes = {part.speaker_size for part in parts if isinstance(part, PreTrainedConfig)}
        if len(sizes) > 1:
            raise ValueError(f"All components must have one speaker_size, not {sorted(sizes)}.")
