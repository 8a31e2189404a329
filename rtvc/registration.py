"""What makes the Auto classes and `pipeline("voice-cloning")` know rtvc; importing rtvc does it.

It is apart from the pipeline because a published repository brings the pipeline's code, and there transformers itself
registers what it loads.
"""

from __future__ import annotations

import logging

from transformers import AutoConfig, AutoFeatureExtractor, AutoModel, AutoProcessor, AutoTokenizer
from transformers.pipelines import PIPELINE_REGISTRY

from .earspeech import EarSpeechConfig, EarSpeechFeatureExtractor, EarSpeechModel
from .pipeline import CHECKPOINT, TASK, VoiceCloningPipeline
from .processing import VoiceCloningProcessor
from .rtvc7 import RTVC7Config, RTVC7Model
from .sayen import SayENConfig, SayENModel
from .text import VoiceCloningTokenizer
from .tuned_ge2e import TunedGE2EConfig, TunedGE2EModel
from .voice_cloning import VoiceCloningConfig, VoiceCloningModel

MODELS = {
    VoiceCloningConfig: VoiceCloningModel,
    EarSpeechConfig: EarSpeechModel,
    TunedGE2EConfig: TunedGE2EModel,
    SayENConfig: SayENModel,
    RTVC7Config: RTVC7Model,
}


class _NoAdvice(logging.Filter):
    """Drops transformers' warning that no model was named: the bundled one is meant."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (str(record.msg).startswith("No model was supplied") and str(CHECKPOINT) in str(record.msg))


def register() -> None:
    """Make the Auto classes and the pipeline know rtvc. Doing it again changes nothing."""
    if TASK in PIPELINE_REGISTRY.supported_tasks:
        return
    for config, model in MODELS.items():
        AutoConfig.register(config.model_type, config, exist_ok=True)
        AutoModel.register(config, model, exist_ok=True)
    for config in (VoiceCloningConfig, EarSpeechConfig):
        AutoFeatureExtractor.register(config, EarSpeechFeatureExtractor, exist_ok=True)
    for config in (VoiceCloningConfig, RTVC7Config):
        AutoTokenizer.register(config, VoiceCloningTokenizer, exist_ok=True)
    AutoProcessor.register(VoiceCloningConfig, VoiceCloningProcessor, exist_ok=True)
    PIPELINE_REGISTRY.register_pipeline(
        TASK, VoiceCloningPipeline, pt_model=AutoModel, default={"model": (str(CHECKPOINT), None)}, type="audio"
    )
    logging.getLogger("transformers.pipelines").addFilter(_NoAdvice())
