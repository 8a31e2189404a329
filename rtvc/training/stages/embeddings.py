"""Stage ``embeddings``: who speaks and how it sounds, a file a corpus into the cache: ``<name>.voices.npz``.

Of every utterance and, for the corpora in ``shifted``, of its slower and faster copies: the speaker embedding and the
timbre, by ``file`` plus the copy's suffix.
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
from rtvc.training.data.measurements import VOICES
from rtvc.training.disk import writing
from rtvc.training.models import component
from rtvc.tuned_ge2e import TunedGE2EModel


@torch.inference_mode()
def train(config: dict) -> None:
    """Run the stage."""
    torch.set_num_threads(1)
    encoders = [
        component(kind, config[name]).eval()
        for name, kind in (("earspeech", EarSpeechModel), ("tuned_ge2e", TunedGE2EModel))
    ]
    for name in config["corpora"]:
        corpus, keys, embeddings, timbres = store.load_corpus(name), [], [], []
        ranges = synthetic_voices.SPEEDS if name in config["shifted"] else {}
        for utterance in tqdm(corpus.utterances, desc=name, mininterval=10):
            for suffix, wave in synthetic_voices.copies(corpus.wave(utterance), utterance.speaker, ranges):
                clip = torch.from_numpy(wave[: config["longest"] * store.SAMPLING_RATE])
                embedding = encoders[1](encoders[0](clip[None]).features).speaker_embedding[0]
                keys.append(utterance.file + suffix)
                embeddings.append(embedding.half().numpy())
                timbres.append(long_term_average_spectrum(clip, RTVC7Config().timbre_size).half().numpy())
        with writing(folders.CACHE):
            np.savez(
                corpus.file(VOICES),
                keys=np.array(keys),
                embeddings=np.stack(embeddings),
                timbres=np.stack(timbres),
            )
