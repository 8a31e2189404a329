"""Stage ``embeddings``: who speaks and how it sounds, a file a corpus into the cache: ``<name>.voices.npz``.

Of every utterance and, for the corpora in ``shifted``, of its slower and faster copies: the speaker embedding and the
timbre, by ``file`` plus the copy's suffix. What the same encoder has heard already, it does not hear again.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from rtvc.earspeech import EarSpeechModel
from rtvc.rtvc7_config import RTVC7Config
from rtvc.rtvc7_signal import long_term_average_spectrum
from rtvc.training import folders
from rtvc.training.data import store, synthetic_voices
from rtvc.training.data.corpora import Corpora
from rtvc.training.data.measurements import VOICES, stored_voices
from rtvc.training.disk import writing
from rtvc.training.models import component, fingerprint
from rtvc.tuned_ge2e import TunedGE2EModel


def train(config: dict) -> None:
    """Run the stage, on all processors."""
    folders_of = config["earspeech"], config["tuned_ge2e"]
    encoder, asked = fingerprint(*_encoders(*folders_of)), Corpora(config["corpora"])
    for name in asked:
        corpus = asked.load(name)
        heard_by, known = stored_voices(corpus)
        known = known if heard_by == encoder else {}
        ranges, waves, lacking = synthetic_voices.SPEEDS if name in config["shifted"] else {}, dict[str, int](), []
        for utterance in corpus.utterances:
            keys = [utterance.file + suffix for suffix in ("", *synthetic_voices.speeds(utterance.speaker, ranges))]
            waves |= dict.fromkeys(keys, utterance.start)
            if not all(key in known for key in keys):
                lacking.append(utterance)
        jobs = (Lacking(*folders_of, each, corpus.wave(each), ranges, config["longest"]) for each in lacking)
        for voices in tqdm(store.in_parallel(_voices, jobs), desc=name, total=len(lacking), mininterval=10):
            known |= voices
        embeddings, timbres = zip(*(known[key] for key in waves), strict=True)
        about: Any = {
            "keys": np.array(list(waves)),
            "waves": np.array(list(waves.values())),
            "encoder": np.array(encoder),
        }
        with writing(folders.CACHE):
            np.savez(corpus.file(VOICES), embeddings=np.stack(embeddings), timbres=np.stack(timbres), **about)


@dataclass(frozen=True)
class Lacking:
    """An utterance that the encoders in two folders have not heard, and its copies' speeds; ``longest`` in seconds."""

    earspeech: str
    tuned_ge2e: str
    utterance: store.Utterance
    wave: np.ndarray
    ranges: dict[str, tuple[float, float]]
    longest: float


@functools.cache
def _encoders(earspeech: str, tuned_ge2e: str) -> tuple[EarSpeechModel, TunedGE2EModel]:
    return component(EarSpeechModel, earspeech).eval(), component(TunedGE2EModel, tuned_ge2e).eval()


@torch.inference_mode()
def _voices(job: Lacking) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Speaker embedding (256,) and timbre (80,), float16, of an utterance and of its copies, by key."""
    earspeech, tuned_ge2e = _encoders(job.earspeech, job.tuned_ge2e)
    found = {}
    for suffix, wave in synthetic_voices.copies(job.wave, job.utterance.speaker, job.ranges):
        clip = torch.from_numpy(wave[: int(job.longest * store.SAMPLING_RATE)])
        embedding = tuned_ge2e(earspeech(clip[None]).features).speaker_embedding[0]
        spectrum = long_term_average_spectrum(clip, RTVC7Config().timbre_size)
        found[job.utterance.file + suffix] = embedding.half().numpy(), spectrum.half().numpy()
    return found
