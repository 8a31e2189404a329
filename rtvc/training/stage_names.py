"""The stages by name: what a config may ask for, without the stages themselves, which import the rest of training."""

from __future__ import annotations

FUNCTIONS = (
    "teacher",
    "kokoro",
    "data",
    "alignment",
    "people",
    "embeddings",
    "export",
    "calibrate",
)  # stages that are one function of the config
LOOPED = {  # stages that run in rtvc.training.loop
    "earspeech": "EarSpeechStage",
    "ge2e": "GE2EStage",
    "sayen": "SayENStage",
    "decoder": "DecoderStage",
    "prior": "PriorStage",
    "polish": "PolishStage",
    "joint": "JointStage",
    "finetune": "FinetuneStage",
}
FAMILY = "rtvc7"  # its config holds other stages by name, which run one after another
RECIPE = "all"  # likewise, any of the others, in the order in which the config names them
NAMES = sorted([*FUNCTIONS, *LOOPED, FAMILY, RECIPE])
