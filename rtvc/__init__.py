"""rtvc: five seconds of a voice and a line of text in, that line in that voice out.

Importing it registers the transformers task "voice-cloning".
"""

from .errors import CheckpointError, RTVCError, TextError, VoiceError
from .pipeline import VoiceCloningPipeline, embed, enhance, load, similarity
from .processing import VoiceCloningProcessor
from .registration import register
from .voice import EnrolmentReport, Voice
from .voice_cloning import VoiceCloningConfig, VoiceCloningModel

__version__ = "0.1.0"

__all__ = [
    "CheckpointError",
    "EnrolmentReport",
    "RTVCError",
    "TextError",
    "Voice",
    "VoiceCloningConfig",
    "VoiceCloningModel",
    "VoiceCloningPipeline",
    "VoiceCloningProcessor",
    "VoiceError",
    "embed",
    "enhance",
    "load",
    "similarity",
]

register()
