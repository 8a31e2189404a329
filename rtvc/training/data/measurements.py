"""What RTVC-7 learns from, computed once: pitch curves, voice statistics and speaker embeddings."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from rtvc import audio
from rtvc.earspeech import EarSpeechModel
from rtvc.rtvc7 import RTVC7Config, timbre
from rtvc.training.data import speakers, store
from rtvc.training.disk import writing
from rtvc.training.models import component
from rtvc.tuned_ge2e import TunedGE2EModel

HOP = RTVC7Config().hop_length


def pitch_curve(wave: np.ndarray) -> np.ndarray:
    """(samples,) at 16 kHz → (samples // hop,) float32 Hz, 0 where unvoiced; log-linear between tracked frames."""
    times, f0 = audio.pitch_track(wave)
    frames = np.arange(len(wave) // HOP) * HOP / store.SAMPLING_RATE
    voiced = f0 > 0
    if voiced.sum() < 2:
        return np.zeros(len(frames), np.float32)
    curve = np.exp(np.interp(frames, times[voiced], np.log(f0[voiced])))
    nearest = np.clip(np.round(np.interp(frames, times, np.arange(len(times)))).astype(int), 0, len(times) - 1)
    return np.where(voiced[nearest], curve, 0.0).astype(np.float32)


def _measured(job: tuple[Path, int, int]) -> tuple[np.ndarray, dict[str, float]]:
    path, start, samples = job
    wave = np.memmap(path, np.int16, "r")[start : start + samples].astype(np.float32) / store.FULL_SCALE
    f0 = pitch_curve(wave)
    logs = np.log(f0[f0 > 0]) if (f0 > 0).any() else np.array([5.0])
    traits = {"pitch_mean": float(np.median(logs)), "pitch_std": float(logs.std())}
    return f0, traits | {"tempo": audio.tempo(wave), "snr": audio.snr(wave)}


def measure(corpus: store.Corpus, processes: int | None = None) -> tuple[dict[str, dict], np.ndarray]:
    """Traits by file, and all pitch curves (frames,) float32 behind one another; from the cache where it has them."""
    curves, traits = corpus.file(".f0"), corpus.file(".traits.json")
    if not traits.exists():
        jobs = [(corpus.file(store.WAVES), one.start, one.samples) for one in corpus.utterances]
        found = store.in_parallel(_measured, jobs, processes)
        table, start = {}, 0
        with writing(store.CACHE), open(curves, "wb") as out:
            shown = tqdm(found, desc=f"pitch of {corpus.name}", total=len(jobs), unit="clip", mininterval=2)
            for one, (f0, about) in zip(corpus.utterances, shown, strict=True):
                out.write(f0.tobytes())
                table[one.file] = about | {"start": start, "frames": len(f0)}
                start += len(f0)
        store.write_text(traits, json.dumps(table))
    return json.loads(traits.read_text(encoding="utf-8")), np.memmap(curves, np.float32, "r")


def train(config: dict) -> None:
    """Stage ``data``: decode every corpus, then measure those that RTVC-7 learns from."""
    for name in config["corpora"]:
        store.load_corpus(name, config["processes"])
    for name in config["measured"]:
        measure(store.load_corpus(name, config["processes"]), config["processes"])


@torch.inference_mode()
def embed(config: dict) -> None:
    """Stage ``embeddings``: who speaks and how it sounds, a file a corpus into the cache: ``<name>.voices.npz``.

    Of every utterance and, for the corpora in ``shifted``, of its slower and faster copies: the speaker embedding and
    the timbre, by ``file`` plus the copy's suffix.
    """
    torch.set_num_threads(1)
    encoders = [
        component(kind, config[name]).eval()
        for name, kind in (("earspeech", EarSpeechModel), ("tuned_ge2e", TunedGE2EModel))
    ]
    for name in config["corpora"]:
        corpus, keys, embeddings, timbres = store.load_corpus(name), [], [], []
        ranges = speakers.SPEEDS if name in config["shifted"] else {}
        for one in tqdm(corpus.utterances, desc=name, mininterval=10):
            for suffix, wave in speakers.copies(corpus.wave(one), one.speaker, ranges):
                heard = torch.from_numpy(wave[: config["longest"] * store.SAMPLING_RATE])
                embedding = encoders[1](encoders[0](heard[None]).features).speaker_embedding[0]
                keys.append(one.file + suffix)
                embeddings.append(embedding.half().numpy())
                timbres.append(timbre(heard, RTVC7Config()).half().numpy())
        stored = {"keys": np.array(keys), "embeddings": np.stack(embeddings), "timbres": np.stack(timbres)}
        with writing(store.CACHE):
            np.savez(corpus.file(".voices.npz"), **stored)
