"""Stage ``embeddings``: who speaks and how it sounds, a file a corpus into the cache: ``<name>.voices.npz``.

Of every utterance and, for the corpora in ``shifted``, of its slower and faster copies: the speaker embedding and the
timbre, by ``file`` plus the copy's suffix. What the same encoder has heard already, it does not hear again.
"""

from __future__ import annotations

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


@torch.inference_mode()
def train(config: dict) -> None:
    """Run the stage."""
    torch.set_num_threads(1)
    encoders = [
        component(kind, config[name]).eval()
        for name, kind in (("earspeech", EarSpeechModel), ("tuned_ge2e", TunedGE2EModel))
    ]
    encoder, asked = fingerprint(*encoders), Corpora(config["corpora"])
    for name in asked:
        corpus = asked.load(name)
        heard_by, known = stored_voices(corpus)
        known = known if heard_by == encoder else {}
        ranges, waves = synthetic_voices.SPEEDS if name in config["shifted"] else {}, {}
        for utterance in tqdm(corpus.utterances, desc=name, mininterval=10):
            keys = [utterance.file + suffix for suffix in ("", *synthetic_voices.speeds(utterance.speaker, ranges))]
            waves |= dict.fromkeys(keys, utterance.start)
            if all(key in known for key in keys):
                continue
            for suffix, wave in synthetic_voices.copies(corpus.wave(utterance), utterance.speaker, ranges):
                known[utterance.file + suffix] = _voice(encoders, wave[: config["longest"] * store.SAMPLING_RATE])
        embeddings, timbres = zip(*(known[key] for key in waves), strict=True)
        about = {"keys": np.array(list(waves)), "waves": np.array(list(waves.values())), "encoder": np.array(encoder)}
        with writing(folders.CACHE):
            np.savez(corpus.file(VOICES), embeddings=np.stack(embeddings), timbres=np.stack(timbres), **about)


def _voice(encoders: list, wave: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Speaker embedding (256,) and timbre (80,) of a wave (samples,) at 16 kHz, float16."""
    clip = torch.from_numpy(wave)
    embedding = encoders[1](encoders[0](clip[None]).features).speaker_embedding[0]
    spectrum = long_term_average_spectrum(clip, RTVC7Config().timbre_size)
    return embedding.half().numpy(), spectrum.half().numpy()
