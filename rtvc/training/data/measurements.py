"""What is known of each utterance beside its wave, computed once: pitch curve, voice statistics, speaker embedding."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from tqdm import tqdm

from rtvc import audio
from rtvc.rtvc7 import RTVC7Config
from rtvc.training import folders
from rtvc.training.data import store
from rtvc.training.disk import write_text, writing

HOP_LENGTH = RTVC7Config().hop_length  # at 16 kHz, as everything here is
FRAME_RATE = store.SAMPLING_RATE / HOP_LENGTH
FLOAT = np.dtype(np.float32).itemsize
VOICES = ".voices.npz"  # of a corpus, in the cache: keys, embeddings, timbres, starts of their waves, whose they are


def pitch_curve(wave: np.ndarray) -> np.ndarray:
    """(samples,) at 16 kHz → (samples // hop,) float32 Hz, 0 where unvoiced; log-linear between tracked frames."""
    times, f0 = audio.pitch_track(wave)
    frames = np.arange(len(wave) // HOP_LENGTH) * HOP_LENGTH / store.SAMPLING_RATE
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
    table = json.loads(traits.read_text(encoding="utf-8")) if traits.exists() else {}
    if lacking := [utterance for utterance in corpus.utterances if not utterance.is_of(table.get(utterance.file))]:
        jobs = [(corpus.file(store.WAVES), utterance.start, utterance.samples) for utterance in lacking]
        found = store.in_parallel(_measured, jobs, processes)
        with writing(folders.CACHE), open(curves, "ab") as out:
            start = -(-out.tell() // FLOAT)  # a process that was killed may have left a part
            out.truncate(start * FLOAT)
            shown = tqdm(found, desc=f"pitch of {corpus.name}", total=len(jobs), unit="clip", mininterval=2)
            for utterance, (f0, about) in zip(lacking, shown, strict=True):
                out.write(f0.tobytes())
                table[utterance.file] = about | {"start": start, "frames": len(f0), "wave": utterance.start}
                start += len(f0)
        write_text(traits, json.dumps(table))
    return table, np.memmap(curves, np.float32, "r")


def voices(corpus: store.Corpus) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Speaker embedding and timbre of a corpus's utterances, by key; empty until the stage ``embeddings`` has run."""
    return {f"{corpus.name}/{key}": known for key, known in stored_voices(corpus)[1].items()}


def stored_voices(corpus: store.Corpus) -> tuple[str | None, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Which encoder heard the corpus, where that is known, and embedding and timbre by file and a copy's suffix, of the
    recordings as they are now."""
    path = corpus.file(VOICES)
    if not path.exists():
        return None, {}
    starts = {utterance.start for utterance in corpus.utterances}
    with np.load(path) as stored:
        encoder = str(stored["encoder"]) if "encoder" in stored else None
        pairs = zip(stored["embeddings"], stored["timbres"], strict=True)
        known = dict(zip(stored["keys"].tolist(), pairs, strict=True))
        of = dict(zip(stored["keys"].tolist(), stored["waves"].tolist(), strict=True)) if "waves" in stored else {}
    return encoder, {key: voice for key, voice in known.items() if key not in of or of[key] in starts}
