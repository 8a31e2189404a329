"""Stage ``calibrate``: the numbers of ``VoiceCloningConfig`` that are measured on validating speakers, not learned.

They are written into the whole model's ``config.json``, after ``export`` or ``joint``.

``similarity_scale``, ``_offset``, ``_blur`` and ``_drift``: a logistic fit on pairs of recordings, half of them with
noise and each cut to several lengths, each class and each pair of lengths weighing the same;
``VoiceCloningModel.probability`` has the formula. ``same_voice_cosine``: all but one in a hundred short pieces of
speech, half of them with noise, are closer than this to their speaker's mean. ``enhance_below_snr``: the noise level
from which on cleaning brings the speaker embedding closer to that of another, clean recording of the same speaker.
``timbre_centre``: the mean timbre of people that RTVC-7 was trained on, a clip each.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import minimize

from rtvc import VoiceCloningModel, audio
from rtvc.evaluation.verification import Pairs
from rtvc.levels import LOUDER
from rtvc.loading import load
from rtvc.rtvc7_signal import AVERAGE_SPECTRUM
from rtvc.training.data import noise, store
from rtvc.training.data.corpora import Corpora
from rtvc.training.disk import write_text
from rtvc.training.models import whole_model
from rtvc.voice_cloning import CHECKED, LONGEST_PAUSE

SECONDS = (3.0, 8.0)  # of a recording
MOST_READERS = 200  # whose timbre is asked
NOISES_OF_A_KIND = 5  # that are made where none are recorded
RECORDINGS = 6  # of a speaker at most
LEVELS = np.arange(0, 36, 5)  # dB
SPEECH = (0.5, 1.0, 1.5, 3.0, 5.0, np.inf)  # seconds that recordings are cut to where similarity is calibrated
BOUNDS = (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98)  # between rows of the reliability table
TEXTS = (  # of usual lengths
    "Yes, I think so too.",
    "What time is it over there in London?",
    "I will be there at nine, and I will bring the book that you asked me for.",
)
UNMEASURED = (
    f"fewer than two people validate with two recordings of {SECONDS[0]:g} s, so likeness and noise stay as they are; "
    "--validation names or counts more of them."
)
WORTHWHILE = 0.01  # cosine: for less than that a recording is left as it is


def recordings(corpora: Corpora, rng: np.random.Generator) -> dict[str, list[np.ndarray]]:
    """Validating speakers and their recordings: utterances joined or cut to a few seconds; two or more of each."""
    loaded = {name: corpora.load(name) for name in corpora}
    _, validating = corpora.split(list(loaded.values()))
    found: dict[str, list[np.ndarray]] = {}
    for speaker in sorted({utterance.speaker for utterance in validating}):
        own = [loaded[utterance.corpus].wave(utterance) for utterance in validating if utterance.speaker == speaker]
        rng.shuffle(own)
        speech, cuts = np.concatenate(own[:12]), list[np.ndarray]()
        while len(cuts) < RECORDINGS and speech.size > SECONDS[0] * store.SAMPLING_RATE:
            size = int(rng.uniform(*SECONDS) * store.SAMPLING_RATE)
            cuts.append(speech[:size])
            speech = speech[size:]
        found[speaker] = [cut for cut in cuts if cut.size > SECONDS[0] * store.SAMPLING_RATE]
    return {speaker: cuts for speaker, cuts in found.items() if len(cuts) > 1}


def noises_of(corpora: Corpora, rng: np.random.Generator) -> Sequence[np.ndarray]:
    """Noises to measure among that nothing learns from: recorded ones, or else made ones."""
    recorded = noise.noises("development", corpora.recorded_noises())
    kinds = [] if recorded else noise.SYNTHETIC_NOISES * NOISES_OF_A_KIND
    return recorded or [np.asarray(kind(noise.PIECE, rng), np.float32) for kind in kinds]


def logits(cosines: np.ndarray, missing: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """As `VoiceCloningModel.probability` has it, before its sigmoid; ``missing``: sum of 1 / seconds of a pair."""
    scale, offset, blur, drift = numbers
    return scale / (1 + blur * missing) * (cosines - offset + drift * missing)


def fit(cosines: np.ndarray, missing: np.ndarray, same: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Scale, offset, blur and drift with the least cross-entropy."""

    def loss(numbers: np.ndarray) -> float:
        if numbers[2] < 0 or numbers[3] < 0:
            return np.inf
        return float(weights @ np.logaddexp(0, -np.where(same, 1, -1) * logits(cosines, missing, numbers)))

    return minimize(loss, [20.0, 0.5, 0.1, 0.02], method="Nelder-Mead", options={"maxiter": 2000}).x


def half_noisy(found: dict, noises: Sequence[np.ndarray], rng: np.random.Generator) -> dict[str, list[np.ndarray]]:
    """``found`` with noise 5–25 dB below every second recording."""

    def noisy(wave: np.ndarray) -> np.ndarray:
        return noise.mix(wave, noises[int(rng.integers(len(noises)))], rng.uniform(5, 25))

    return {
        speaker: [noisy(wave) if count % 2 else wave for count, wave in enumerate(cuts)]
        for speaker, cuts in found.items()
    }


def cuts_of_speech(model: VoiceCloningModel, found: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings, whose each is, which of ``SPEECH`` it was cut to, and how many seconds of speech that is."""
    rows = []
    for speaker, recordings in found.items():
        for wave in recordings:
            speech = audio.speech_only(wave, LONGEST_PAUSE)
            for place, seconds in enumerate(SPEECH):
                cut = speech[: int(min(seconds * audio.SAMPLING_RATE, speech.size))]
                if cut.size == speech.size and np.isfinite(seconds) or cut.size < 0.5 * audio.SAMPLING_RATE:
                    continue
                rows.append((model._embed(cut).numpy(), speaker, place, cut.size / audio.SAMPLING_RATE))
    embeddings, speakers, places, lengths = (np.array(column) for column in zip(*rows, strict=True))
    return embeddings, speakers, places, lengths


def paired(embeddings: np.ndarray, speakers: np.ndarray, places: np.ndarray, seconds: np.ndarray) -> tuple:
    """Of all pairs: cosine, sum of 1 / seconds, whether of one person, weight, and the lesser place in ``SPEECH``.

    Cuts of one recording stand together in the order of ``SPEECH`` and are no pair.
    """
    recording = np.cumsum(np.diff(places, prepend=places[:1]) < 0)
    first, second = np.triu_indices(len(speakers), 1)
    apart = recording[first] != recording[second]
    first, second = first[apart], second[apart]
    same = speakers[first] == speakers[second]
    kind = (
        np.minimum(places[first], places[second]) * len(SPEECH) + np.maximum(places[first], places[second])
    ) * 2 + same
    weights = 1.0 / np.bincount(kind)[kind]
    cosines = np.einsum("ij,ij->i", embeddings[first], embeddings[second])
    return (
        cosines,
        1 / seconds[first] + 1 / seconds[second],
        same,
        weights / weights.sum(),
        (places[first], places[second]),
    )


def reliability(probability: np.ndarray, same: np.ndarray, weights: np.ndarray, places: tuple) -> None:
    """For recordings of equal length: how often pairs are of one person, beside what was said; classes as likely."""
    print("both sides of: share of one person's pairs where P lies in a range (what P says), P < .01 of one person's")
    for place, seconds in enumerate(SPEECH):
        mine = (places[0] == place) & (places[1] == place)
        print(f"  {seconds:4.1f} s: {shares(probability[mine], same[mine], weights[mine])}")


def shares(said: np.ndarray, truth: np.ndarray, counts: np.ndarray) -> str:
    """A row of the reliability table, or what is missing for it."""
    if not truth.any():
        return "nobody who validates has two recordings with so much speech"
    rows = np.digitize(said, BOUNDS)
    found = [
        f"{counts[rows == row] @ truth[rows == row] / counts[rows == row].sum():.2f} "
        f"({counts[rows == row] @ said[rows == row] / counts[rows == row].sum():.2f})"
        for row in np.unique(rows)
    ]
    return f"{', '.join(found)}; {(said[truth] < 0.01).mean():.1%}"


def similarity(model: VoiceCloningModel, found: dict) -> dict:
    """What makes a probability of a cosine, printed with the equal error rate of the whole recordings."""
    embeddings, speakers, places, seconds = cuts_of_speech(model, found)
    whole = places == len(SPEECH) - 1
    cosines, missing, same, weights, both = paired(embeddings, speakers, places, seconds)
    numbers = fit(cosines, missing, same, weights)
    print(f"{len(found)} speakers, {same.sum()} pairs of one, {(~same).sum()} of two", end="; ")
    rate, _ = Pairs(speakers[whole]).trials(embeddings[whole]).equal_error_rate()
    print(f"equal error rate {rate:.1%}")
    reliability(1 / (1 + np.exp(-logits(cosines, missing, numbers))), same, weights, both)
    names = ("similarity_scale", "similarity_offset", "similarity_blur", "similarity_drift")
    return dict(zip(names, numbers.round(3).tolist(), strict=True))


def same_voice(model: VoiceCloningModel, found: dict) -> dict:
    """How near a short piece is to its own speaker's mean, with the share of other people's pieces that are not."""
    heard, whose = [], []
    for speaker, cuts in found.items():
        for wave in cuts:
            count = max(1, round(wave.size / (CHECKED * audio.SAMPLING_RATE)))
            heard += [
                model.embed_windows(piece, 2 * CHECKED, CHECKED)[0].numpy() for piece in np.array_split(wave, count)
            ]
            whose += [speaker] * count
    pieces, speakers = np.stack(heard), np.array(whose)
    names = np.unique(speakers)
    centres = np.stack([pieces[speakers == name].mean(0) for name in names])
    cosines = pieces @ (centres / np.linalg.norm(centres, axis=1, keepdims=True)).T
    own = speakers[:, None] == names
    bound = round(float(np.quantile(cosines[own], 0.01)), 3)
    print(f"pieces of {CHECKED} s: one in a hundred is further than {bound} from its own voice", end=", ")
    print(f"{(cosines[~own] < bound).mean():.1%} are from another's")
    return {"same_voice_cosine": bound}


def threshold(model: VoiceCloningModel, found: dict, noises: Sequence[np.ndarray], rng: np.random.Generator) -> dict:
    """The measured signal-to-noise ratio below which cleaning helps, at it and on average."""
    measured_ratios, cosines = [], []
    for cuts in found.values():
        target = model.embed(cuts[0])
        for decibels in LEVELS:
            noisy = noise.mix(cuts[1], noises[int(rng.integers(len(noises)))], float(decibels))
            measured_ratios.append(audio.snr(noisy))
            cosines.append(float(target @ (model.embed(model.enhance(noisy)) - model.embed(noisy))))
    ratios, gains = np.array(measured_ratios), np.array(cosines)
    edges = np.arange(-2.5, 40, 5)
    bins = np.digitize(ratios, edges)
    means = {low + 2.5: gains[bins == count].mean() for count, low in enumerate(edges, 1) if (bins == count).any()}
    for level, gain in means.items():
        print(f"  {level:4.0f} dB: cosine to the speaker's other recording {gain:+.3f} by cleaning")
    below = {level: np.mean([gain for other, gain in means.items() if other <= level]) for level in means}
    levels = sorted(means)
    first = next((level for level in levels[1:] if min(means[level], below[level]) < WORTHWHILE), levels[-1] + 5)
    limit = first - 2.5
    print(f"cleaning is worthwhile below {limit:.1f} dB")
    return {"enhance_below_snr": limit}


def speaking(folder: Path, found: dict) -> None:
    """How much louder `SENTENCE` is than `TEXTS`, voice by voice: the number `LOUDER` beside it."""
    model, processor = (clone := load(folder)).model, clone.processor
    apart = []
    for cuts in found.values():
        voice = model.enroll([np.concatenate(cuts)], False)
        said = [model.rtvc7.render(model._plan([processor(text=text)["input_ids"]], [voice], [None])) for text in TEXTS]
        apart.append(model.level(voice) + LOUDER - np.mean([audio.loudness(wave[0].cpu().numpy()) for wave in said]))
    print(f"speaking: the sentence is {np.mean(apart):+.1f} dB louder, {np.min(apart):+.1f} to {np.max(apart):+.1f}")


def centre(model: VoiceCloningModel, corpora: Corpora, readers: list[str]) -> dict:
    """The mean timbre of people that are learned from, a clip of each, at as many points as ``AVERAGE_SPECTRUM``;
    ``readers``: the corpora whose people these are, none: all."""
    loaded = {name: corpora.load(name) for name in readers or corpora}
    first: dict[str, store.Utterance] = {}
    for utterance in corpora.split(list(loaded.values()))[0]:
        first.setdefault(utterance.speaker, utterance)
    chosen = list(first.values())[:MOST_READERS]
    if not chosen:  # all of them validate
        return {}
    waves = (loaded[utterance.corpus].wave(utterance)[: 6 * store.SAMPLING_RATE] for utterance in chosen)
    mean = torch.stack([model._timbre(wave) for wave in waves]).mean(0)
    points = np.linspace(0, mean.numel() - 1, len(AVERAGE_SPECTRUM))
    return {"timbre_centre": np.interp(points, np.arange(mean.numel()), mean.numpy()).round(2).tolist()}


@torch.inference_mode()
def measured(model: VoiceCloningModel, corpora: Corpora, found: dict, rng: np.random.Generator) -> dict:
    """What needs validating speakers (``found``); nothing where there are fewer than two."""
    if len(found) < 2:
        print(f"calibrate: {UNMEASURED}", flush=True)
        return {}
    noises = noises_of(corpora, rng)
    mixed = half_noisy(found, noises, rng)
    return similarity(model, mixed) | same_voice(model, mixed) | threshold(model, found, noises, rng)


def train(config: dict) -> None:
    """Run the stage."""
    folder, corpora, rng = Path(config["rtvc_ckpt"]), Corpora(config["corpora"]), np.random.default_rng(config["seed"])
    model, found = whole_model(folder).eval(), recordings(corpora, rng)
    with torch.inference_mode():
        numbers = centre(model, corpora, config["readers"])
    numbers |= measured(model, corpora, found, rng)
    known = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    write_text(folder / "config.json", json.dumps(known | numbers, indent=2, sort_keys=True) + "\n")
    print(f"calibrate: {folder} {numbers}", flush=True)
    if found:
        speaking(folder, found)
