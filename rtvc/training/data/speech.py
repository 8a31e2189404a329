"""Batches for RTVC-7: waves with their pitch, voice statistics, speaker embedding, timbre and aligned symbols.

Utterances of real speakers may come slower and faster too: other pitch, vocal tract and tempo are other people.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rtvc import audio, phonemes
from rtvc.errors import TrainingError
from rtvc.rtvc7 import RTVC7Config, RTVC7Model
from rtvc.rtvc7_signal import reference_frames
from rtvc.training.data import alignment, measurements, people, store, synthetic_voices
from rtvc.training.data.corpora import Corpora
from rtvc.training.data.measurements import FRAME_RATE

SPEAKER_SIZE = RTVC7Config().speaker_size
UNKNOWN_VOICE = np.zeros(SPEAKER_SIZE), np.zeros(RTVC7Config().timbre_size)  # a voice of which nothing is known
STATISTICS_NOISE = (0.02, 0.02, 0.25, 2.0)  # of the voice statistics: at use they come from another recording
REFERENCE_FRAMES = 128  # of a person's speech, 1.6 s in all, out of an utterance
HEARD_FRAMES = 400  # 5 s, of which they are drawn
NO_REFERENCE = 0.1  # share of pieces that are spoken without one
PIECE_SECONDS = (1.0, 6.0)  # of a training piece: the bound that a batch shares lies between these
LENGTHS_APART = 5  # groups of pieces by their length, of which a batch is one
SHORTEST_SECONDS = 0.5  # shorter pieces are left out


@dataclass
class Item:
    """One utterance: where its samples and pitch lie, how fast they are played, and what is known of the result."""

    key: str
    corpus: str
    speaker: str
    start: int
    frames: int
    f0: np.ndarray
    traits: tuple[float, float, float, float]
    symbols: list[str] | None
    durations: np.ndarray | None
    bandwidth: float
    speed: float = 1.0

    def played(self, suffix: str, speed: float) -> Item:
        """The utterance played ``speed`` times as fast, by another speaker therefore."""
        frames = int(self.frames / speed)
        places = np.minimum((np.arange(frames) * speed).round().astype(int), len(self.f0) - 1)
        pitch_mean, pitch_std, tempo, snr = self.traits
        durations = None
        if self.durations is not None:
            ends = np.minimum((np.cumsum(self.durations) / speed).round().astype(int), frames)
            durations = np.diff(ends, prepend=0)
        return replace(
            self,
            key=self.key + suffix,
            speaker=self.speaker + suffix,
            frames=frames,
            f0=np.asarray(self.f0)[places] * np.float32(speed),
            traits=(pitch_mean + float(np.log(speed)), pitch_std, tempo * speed, snr),
            durations=durations,
            bandwidth=self.bandwidth * speed,
            speed=speed,
        )


@dataclass
class Batch:
    """Padded rows of speech.

    wave: (batch, frames · hop) at the model's rate; f0 (Hz), mask: (batch, frames); pitch_mean, quality (dB over the
    noise), bandwidth (Hz, up to which the wave holds sound): (batch,); timbre: (batch, 80); voice: (batch, 340), see
    ``RTVC7Model.voice``; reference: (batch, REFERENCE_FRAMES, 80), frames of other speech of the person; input_ids,
    durations: (batch, tokens), of pieces only.
    """

    wave: Tensor
    f0: Tensor
    mask: Tensor
    pitch_mean: Tensor
    quality: Tensor
    bandwidth: Tensor
    timbre: Tensor
    voice: Tensor
    reference: Tensor | None = None
    input_ids: Tensor | None = None
    durations: Tensor | None = None

    def to(self, device: torch.device | str, **options: Any) -> Batch:
        """The batch on another device."""
        moved = {name: value.to(device, **options) for name, value in vars(self).items() if value is not None}
        return replace(self, **moved)


class SpeechCorpora:
    """Utterances of several corpora, drawn with the given weight a corpus (its share of all pieces)."""

    def __init__(
        self,
        weights: dict[str, float],
        kind: str = "train",
        aligned: bool = True,
        reject: float = 0.04,
        shifted: tuple[str, ...] | list[str] = (),
        only: Collection[str] | None = None,
        rate: int = store.SAMPLING_RATE,
    ):
        """``rate``: of the waves in Hz; ``reject``: the share of each corpus that is aligned worst and left out;
        ``only``: these files alone."""
        corpora = Corpora(weights)
        loaded = {name: corpora.load(name) for name in weights}
        self.rate, self.hop = rate, rate // int(FRAME_RATE)
        self._samples = {
            name: corpus.widest if rate > store.SAMPLING_RATE else (corpus.samples, store.SAMPLING_RATE)
            for name, corpus in loaded.items()
        }
        train, development = corpora.split(list(loaded.values()))
        chosen = {"train": train, "development": development, "all": train + development}[kind]
        tables = {name: alignment.aligned(corpus) for name, corpus in loaded.items()} if aligned else {}
        bars = {name: _bar(table, reject) for name, table in tables.items()}
        known = {f"{name}/{file}": entry for name, table in tables.items() for file, entry in table.items()}
        self.voices = dict(entry for corpus in loaded.values() for entry in measurements.voices(corpus).items())
        self.items: list[Item] = []
        for name in weights:
            traits, curves = measurements.measure(loaded[name])
            for utterance in chosen:
                if utterance.corpus == name and (only is None or utterance.file in only):
                    self._add(utterance, traits[utterance.file], curves, known if aligned else None, bars)
            if name in shifted:
                for item in [item for item in self.items if item.corpus == name]:
                    speeds = synthetic_voices.speeds(item.speaker, synthetic_voices.SPEEDS)
                    self.items += [item.played(suffix, speed) for suffix, speed in speeds.items()]
        if not self.items:
            what = "aligned recording" if aligned else "recording"
            raise TrainingError(f"The corpora {', '.join(weights)} hold no usable {what}; name others in “corpora”.")
        self.chances = self._chances(weights)
        self.by_speaker: dict[str, list[int]] = {}
        for index, item in enumerate(self.items):
            self.by_speaker.setdefault(item.speaker, []).append(index)
        places = enumerate(self.by_speaker)  # the same in all processes
        self.numbers = {name: -1 if people.is_run(name) else place for place, name in places}  # −1: maybe one person

    def _chances(self, weights: dict[str, float]) -> np.ndarray:
        """(items,) how likely each is drawn: a corpus has its share of all draws; within it long recordings are drawn a
        little more often, copies half as often."""
        within = np.array([item.frames**0.5 * (1.0 if item.speed == 1.0 else 0.5) for item in self.items])
        names = np.array([item.corpus for item in self.items])
        chances = np.zeros(len(names))
        for name, weight in weights.items():
            own = names == name
            chances[own] = weight * within[own] / within[own].sum()
        return chances / chances.sum()

    def _add(
        self, utterance: store.Utterance, traits: dict, curves: np.ndarray, aligned: dict | None, bars: dict
    ) -> None:
        key = f"{utterance.corpus}/{utterance.file}"
        known = {} if aligned is None else aligned.get(key)
        rejected = known is None or known.get("score", 0.0) < bars.get(utterance.corpus, -np.inf)
        if rejected or traits["frames"] < SHORTEST_SECONDS * FRAME_RATE:
            return
        statistics = (traits["pitch_mean"], traits["pitch_std"], traits["tempo"], min(max(traits["snr"], 15.0), 60.0))
        f0 = curves[traits["start"] : traits["start"] + traits["frames"]]
        symbols, durations = (known["symbols"], np.array(known["frames"])) if known else (None, None)
        whose, place = (key, utterance.corpus, utterance.speaker), (utterance.start, traits["frames"])
        self.items.append(Item(*whose, *place, f0, statistics, symbols, durations, utterance.bandwidth))

    def wave(self, item: Item, first: int = 0, frames: int | None = None) -> np.ndarray:
        """(frames · hop,) float32 from frame ``first`` on."""
        samples, rate = self._samples[item.corpus]
        step = rate / FRAME_RATE * item.speed  # samples of the recording a frame
        begin = item.start * rate // store.SAMPLING_RATE + round(first * step)
        count = item.frames if frames is None else frames
        wave = samples[begin : begin + round(count * step)].astype(np.float32) / store.FULL_SCALE
        if rate * item.speed == self.rate:
            return wave
        return synthetic_voices.played(wave, rate * item.speed / self.rate)[: count * self.hop]

    def crops(self, batch: int, frames: int, rng: np.random.Generator) -> Batch:
        """Windows of ``frames`` frames from anywhere; shorter utterances are padded with silence."""
        rows = []
        for index in rng.choice(len(self.items), batch, p=self.chances):
            item = self.items[index]
            first = int(rng.integers(max(1, item.frames - frames + 1)))
            rows.append((item, first, min(frames, item.frames), None))
        return self._collate(rows, rng, frames)

    def pieces(self, seconds: float, rng: np.random.Generator, longest: float = PIECE_SECONDS[1]) -> Batch:
        """Runs of whole words with their symbols, up to ``seconds`` of them together.

        The pieces of a batch share a bound between 1 s (one to three words) and ``longest``, and are about as long as
        each other, so that little is padding.
        """
        bound = rng.uniform(PIECE_SECONDS[0], longest)
        number = max(2, int(seconds / bound))
        chosen = rng.choice(len(self.items), LENGTHS_APART * number, p=self.chances)
        rows = [self._piece(self.items[index], rng, bound * FRAME_RATE) for index in chosen]
        rows.sort(key=lambda row: row[2])
        first = number * int(rng.integers(LENGTHS_APART))
        rows = rows[first : first + number]
        return self._collate([rows[index] for index in rng.permutation(number)], rng, rows[-1][2])

    def pieces_of(self, items: list[Item], rng: np.random.Generator, bound: float) -> Batch:
        """One run of whole words of each item, of at most ``bound`` seconds."""
        rows = [self._piece(item, rng, bound * FRAME_RATE) for item in items]
        return self._collate(rows, rng, max(row[2] for row in rows))

    def pairs(self, speakers: int, rng: np.random.Generator) -> list[Item]:
        """Two utterances of each of ``speakers`` different people behind one another; the same twice of one who has
        only one. Fewer where there are not so many people."""
        names = list(self.by_speaker)
        shares = np.array([self.chances[self.by_speaker[name]].sum() for name in names])
        chosen = rng.choice(len(names), min(speakers, len(names)), replace=False, p=shares / shares.sum())
        found = []
        for name in (names[index] for index in chosen):
            mine = self.by_speaker[name]
            found += [self.items[index] for index in rng.choice(mine, 2, replace=len(mine) < 2)]
        return found

    def _piece(self, item: Item, rng: np.random.Generator, bound: float) -> tuple[Item, int, int, tuple[int, int]]:
        """A run of words of at most ``bound`` frames → (item, first frame, frames, (first symbol, last symbol))."""
        assert item.symbols is not None  # of aligned speech
        assert item.durations is not None
        ends = np.cumsum(item.durations)
        if ends[-1] <= bound:
            return item, 0, int(ends[-1]), (0, len(ends))
        cuts = [i for i, s in enumerate(item.symbols) if s == phonemes.BOUNDARY or s in phonemes.PAUSES]
        starts = [0, *(i + 1 for i in cuts if ends[i] <= ends[-1] - 0.6 * bound)]
        first = int(rng.choice(starts))
        begin = int(ends[first - 1]) if first else 0
        stops = [
            i + 1 for i in cuts if i >= first and begin + SHORTEST_SECONDS * FRAME_RATE <= ends[i] <= begin + bound
        ]
        last = max(stops) if stops else min([i + 1 for i in cuts if i >= first and ends[i] > begin + 20] or [len(ends)])
        last = len(ends) if last >= len(ends) - 1 else last
        return item, begin, int(ends[last - 1]) - begin, (first, last)

    def _collate(self, rows: list, rng: np.random.Generator, frames: int) -> Batch:
        wave, f0 = np.zeros((len(rows), frames * self.hop), np.float32), np.zeros((len(rows), frames), np.float32)
        mask = np.zeros((len(rows), frames), np.float32)
        for row, (item, first, count, _) in enumerate(rows):
            piece = self.wave(item, first, count)
            wave[row, : len(piece)] = piece
            f0[row, :count] = item.f0[first : first + count]
            mask[row, :count] = 1.0
        statistics = torch.tensor([item.traits for item, *_ in rows])
        noise = torch.from_numpy(rng.normal(size=statistics.shape)).float() * torch.tensor(STATISTICS_NOISE)
        embeddings, timbres = self._voices_of(rows, rng)
        pitch_mean, pitch_std, tempo, snr = (statistics + noise).unbind(-1)
        voice = RTVC7Model.voice(embeddings, timbres, pitch_mean, pitch_std, tempo, snr)
        waves, curves, real = (torch.from_numpy(values) for values in (wave, f0, mask))
        bandwidth = torch.tensor([float(item.bandwidth) for item, *_ in rows])
        batch = Batch(waves, curves, real, pitch_mean, snr, bandwidth, timbres, voice)
        if rows[0][3] is not None:
            batch.input_ids, batch.durations = _symbols(rows)
            batch.reference = torch.stack([self._reference(item, first, count, rng) for item, first, count, _ in rows])
        return batch

    def _reference(self, item: Item, first: int, count: int, rng: np.random.Generator) -> Tensor:
        """(REFERENCE_FRAMES, 80): what the person sounds like elsewhere, frames in any order; zeros where nothing else
        is known of them, and now and then, so that a voice without a reference can be spoken in too."""
        frames = torch.zeros(REFERENCE_FRAMES, RTVC7Config().timbre_size)
        if rng.random() < NO_REFERENCE:
            return frames
        other = self.items[rng.choice(self.by_speaker[item.speaker])]
        spans = [(0, other.frames)]
        if other is item:  # no frame of what is to be said
            spans = [(0, max(0, first - 4)), (first + count + 4, other.frames)]
        waves = [self._part(other, *span, rng) for span in spans if span[1] - span[0] > SHORTEST_SECONDS * FRAME_RATE]
        if waves:
            found = torch.cat([reference_frames(wave, frames.shape[1]) for wave in waves])
            chosen = rng.permutation(len(found))[:REFERENCE_FRAMES]
            frames[: len(chosen)] = found[chosen]
        return frames

    def _part(self, item: Item, start: int, stop: int, rng: np.random.Generator) -> Tensor:
        """(samples,) at 16 kHz: up to ``HEARD_FRAMES`` of the frames from ``start`` to ``stop``."""
        begin = start + int(rng.integers(max(1, stop - start - HEARD_FRAMES)))
        wave = self.wave(item, begin, min(stop - begin, HEARD_FRAMES))
        return torch.from_numpy(audio.resample(wave, self.rate))

    def _voices_of(self, rows: list, rng: np.random.Generator) -> list[Tensor]:
        """Embeddings (batch, 256) and timbres (batch, 80), half of them of another utterance of the same voice.

        Zeros where the cache does not have them yet.
        """
        known = []
        for item, *_ in rows:
            own = rng.random() < 0.5
            key = item.key if own else self.items[rng.choice(self.by_speaker[item.speaker])].key
            known.append(self.voices.get(key, UNKNOWN_VOICE))
        return [torch.from_numpy(np.stack(some).astype(np.float32)) for some in zip(*known, strict=True)]


def held_out(corpora: dict[str, float], aligned: bool = True, rate: int = store.SAMPLING_RATE) -> SpeechCorpora | None:
    """The validating speakers' speech, if the corpora have any."""
    asked = Corpora(corpora)
    if not asked.split([asked.load(name) for name in asked])[1]:
        return None
    try:
        return SpeechCorpora(corpora, "development", aligned, rate=rate)
    except TrainingError:  # none of theirs is aligned
        return None


def _bar(table: dict[str, dict], reject: float) -> float:
    """Score below which an alignment of a corpus is not trusted."""
    return float(np.quantile([known["score"] for known in table.values()], reject)) if table else -np.inf


def _symbols(rows: list) -> tuple[Tensor, Tensor]:
    """input_ids and durations, both (batch, tokens), padded with 0."""
    size = max(last - first for *_, (first, last) in rows)
    ids, durations = torch.zeros(len(rows), size, dtype=torch.long), torch.zeros(len(rows), size, dtype=torch.long)
    for row, (item, _, _, (first, last)) in enumerate(rows):
        ids[row, : last - first] = torch.tensor([phonemes.IDS[symbol] for symbol in item.symbols[first:last]])
        durations[row, : last - first] = torch.from_numpy(item.durations[first:last])
    return ids, durations
