"""The specification's table: the system with its tuned parts taken away, the system, and the shipped weights.

Usage: python experiments/baseline.py --cases FOLDER [--judges FOLDER] [--steps ge2e=700 sayen=1000] [--limit N]
                                     [--output runs/comparison]

baseline: log-mel bands, Tuned-GE2E by plain GE2E without a teacher, SayEN by its spectral loss alone. system:
EarSpeech, Tuned-GE2E in all its stages, SayEN by all objectives. Both learn anew from the same data for as many steps
as --steps says, in the stages of rtvc.training, and go on where they stopped; a run of another config is refused.
RTVC-7 is the shipped one in all three: training it twice is out of reach here. Where the encoder is a new one, a linear
map of least squares over some of the training utterances takes its embeddings to those that RTVC-7 knows
(rtvc.evaluation.baseline.refit), the same for both.

Writes into --output: a folder for each of the two that `rtvc evaluate --model` measures too, their results, and
baseline.json, which `python -m rtvc.evaluation.card --baseline` keeps. Needs the training data and its cache (stage
`data`).
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from rtvc import VoiceCloningModel
from rtvc.cli import hush
from rtvc.evaluation import run
from rtvc.evaluation.baseline import BaselineModel, linear_map, refit
from rtvc.evaluation.cases import Cases, read_cases
from rtvc.evaluation.judges import SPEAKERS
from rtvc.evaluation.statistics import cosine
from rtvc.evaluation.tables import Measure, Results, cloning_measures, kept
from rtvc.hub.card import fingerprint, settings
from rtvc.loading import CHECKPOINT
from rtvc.sayen import SayENModel
from rtvc.training import command, folders
from rtvc.training.config import load_config
from rtvc.training.data import corpora as corpora_of
from rtvc.training.data import store
from rtvc.training.machine import keep_memory
from rtvc.training.models import component, front_end, save_whole, whole_model
from rtvc.training.stages import calibrate
from rtvc.tuned_ge2e import TunedGE2EModel

SYSTEMS = ("baseline", "system")
STEPS = {"ge2e": 700, "sayen": 1000}
SHARES = (0.41, 0.27, 0.16, 0.12, 0.04)  # of the encoder's steps: plain, margin, teacher, hard examples twice
UTTERANCES = 1200  # that RTVC-7's map is fitted on: twice as few gave the same to .01 of cosine on unseen speakers
HELD_OUT = 120  # that the map is checked on
SECONDS = 6  # of each
KEPT = ("enhance_below_snr", "timbre_centre", "timbre_emphasis")  # of what was calibrated
SPECIFICATION = {"naturalness": "3.82 → 4.31", "error": "18.7 → 12.3 %", "gain": "5.2 → 8.7 dB", "rtf": "1.8 → 0.6"}
NOTES = [
    "Baseline: log-mel bands, plain GE2E without a teacher, SayEN by its spectral loss alone; system: EarSpeech, all "
    "stages of Tuned-GE2E, SayEN by all its objectives. Both trained anew on the same data: {steps}.",
    "RTVC-7 is the shipped one in all columns, so naturalness and computing time hardly differ: a linear map fitted on "
    "{utterances} training utterances takes the new encoders' embeddings to those it knows (their cosine on speakers "
    "that nothing was fitted on: {baseline:.2f} for the baseline, {system:.2f} for the system). The specification's "
    "figures are of other models on other recordings.",
]


# ---------------------------------------------------------------------------------------------- training
def configs(name: str, steps: dict[str, int]) -> list[dict]:
    """Of the stages that a system goes through, one after another."""
    usual = {stage: load_config(folders.CONFIGS / f"{stage}.yaml", []) for stage in STEPS}
    ge2e = {**usual["ge2e"], "name": f"{name}_ge2e_{steps['ge2e']}", "evaluate_every": steps["ge2e"]}
    encoder = folders.RUNS / ge2e["name"] / "model"
    sayen = {**usual["sayen"], "steps": steps["sayen"], "minutes": None, "evaluate_every": steps["sayen"]}
    sayen |= {"name": f"{name}_sayen_{steps['sayen']}_after_{steps['ge2e']}"}
    sayen |= {part: str(encoder / part) for part in ("earspeech", "tuned_ge2e")}
    phases = [one | {"minutes": None} for one in ge2e["phases"]]
    if name == "baseline":
        ge2e |= {"front": "mel_bands", "teacher_weight": 0.0}
        first, last = phases[0]["learning_rate"][0], phases[1]["learning_rate"][1]
        ge2e["phases"] = [phases[0] | {"steps": steps["ge2e"], "learning_rate": [first, last]}]
        sayen["model"] = sayen["model"] | {"clarity_weight": 0.0, "speaker_weight": 0.0}
        sayen["teacher_weight"] = 0.0
    else:
        counts = [max(1, round(share * steps["ge2e"])) for share in SHARES[1:]]
        counts.insert(0, max(1, steps["ge2e"] - sum(counts)))
        ge2e["phases"] = [phase | {"steps": count} for phase, count in zip(phases, counts, strict=True)]
    return [ge2e, sayen]


def trained(name: str, steps: dict[str, int]) -> dict[str, nn.Module]:
    """The components of a system, trained first where they are not yet."""
    encoder, sayen = (command.result(config) for config in configs(name, steps))
    return {
        "earspeech": front_end(encoder / "earspeech"),
        "tuned_ge2e": component(TunedGE2EModel, encoder / "tuned_ge2e"),
        "sayen": component(SayENModel, sayen),
    }


# ---------------------------------------------------------------------------------------------- the whole
def utterances() -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Waves of training and of development speakers, about as many of each one."""
    names = load_config(folders.CONFIGS / "embeddings.yaml", [])["corpora"]
    corpora = {name: store.load_corpus(name) for name in names if name != store.SYNTHETIC_SPEECH}
    train, development = (_spread(some) for some in corpora_of.split(list(corpora.values())))
    waves = [
        [corpora[one.corpus].wave(one)[: SECONDS * store.SAMPLING_RATE] for one in some]
        for some in (train[:UTTERANCES], development[:HELD_OUT])
    ]
    return waves[0], waves[1]


def _spread(some: list[store.Utterance]) -> list[store.Utterance]:
    """One of each speaker, then another of each, and so on."""
    random, mine = np.random.default_rng(0), {}
    for one in some:
        mine.setdefault(one.speaker, []).append(one)
    for own in mine.values():
        random.shuffle(own)
    return [one for turn in zip_longest(*mine.values()) for one in turn if one]


@torch.inference_mode()
def embeddings(front: nn.Module, encoder: nn.Module, waves: list[np.ndarray]) -> np.ndarray:
    """(waves, size)"""
    heard = [torch.from_numpy(np.ascontiguousarray(wave))[None] for wave in waves]
    return np.stack([encoder.eval()(front.eval()(one).features).speaker_embedding[0].numpy() for one in heard])


def assemble(name: str, parts: dict[str, nn.Module], folder: Path) -> float:
    """Write the whole model's folder; the cosine of what RTVC-7 is given to what it knows, of unseen speakers."""
    shipped = whole_model(CHECKPOINT)
    learned, unseen = utterances()
    heard = embeddings(parts["earspeech"], parts["tuned_ge2e"], learned + unseen)
    known = embeddings(shipped.earspeech, shipped.tuned_ge2e, learned + unseen)
    matrix, shift = linear_map(heard[: len(learned)], known[: len(learned)])
    refit(shipped.rtvc7, matrix, shift)
    kept = {key: getattr(shipped.config, key) for key in KEPT}
    kind = BaselineModel if name == "baseline" else VoiceCloningModel
    model = kind.from_components(**parts, rtvc7=shipped.rtvc7, **kept)
    model.config.update(calibrated(model))
    save_whole(model, folder)
    pairs = zip(heard[len(learned) :] @ matrix + shift, known[len(learned) :], strict=True)
    return float(np.mean([cosine(one, other) for one, other in pairs]))


@torch.inference_mode()
def calibrated(model: VoiceCloningModel) -> dict[str, float]:
    """How alike voices are in the new encoder's space, by which enrolment finds the main voice."""
    config, random = load_config(Path("configs/calibrate.yaml"), []), np.random.default_rng(0)
    corpora = corpora_of.Corpora.of(config)
    mixed = calibrate.half_noisy(calibrate.recordings(corpora, random), calibrate.noises_of(corpora, random), random)
    return calibrate.similarity(model, mixed) | calibrate.same_voice(model, mixed)


# ---------------------------------------------------------------------------------------------- the table
def measured(folder: Path, cases: Cases, others: run.Company, file: Path) -> Results:
    """What `rtvc evaluate` finds of cloning and enhancement; of a model and cases that are known it is kept."""
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
    if known and _is_of(known["model"], folder) and known["cases"] == run.rounded(run.counts(cases)):
        return known
    judges = run.Company(others.judges, missing=others.missing)
    found = run.evaluate(run.open_model(folder), folder, cases, judges, ("cloning", "enhancement"))
    file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return found


def _is_of(model: dict[str, Any], folder: Path) -> bool:
    """Whether results are of a folder's weights and calibration."""
    return model["weights"] == fingerprint(folder) and model.get("settings") in (None, settings(folder))


def metrics(found: dict[str, Results]) -> list[dict[str, Any]]:
    """The rows: the shipped model's figure, and those of the others beside it."""
    by_key = {measure.key: measure for measure in cloning_measures(found["shipped"])}
    gain = Measure("gain", "si_sdr_gain", "Noise robustness: SI-SDR gain of enhancement", "dB")
    rows = [(by_key["naturalness"], "naturalness"), *((by_key[f"{role}_error"], "error") for role in SPEAKERS)]
    rows += [*((by_key[f"{role}_cosine"], "") for role in SPEAKERS), (gain, "gain"), (by_key["rtf"], "rtf")]
    made = []
    for measure, asked in rows:
        part = "enhancement" if measure is gain else "cloning"
        figures = {name: one[part]["systems"]["rtvc"]["figures"].get(measure.key) for name, one in found.items()}
        shown = {name: measure.shown(figure) for name, figure in figures.items() if figure}
        if "shipped" in shown:
            others = {f"{name}, same steps": kept(shown[name]) for name in SYSTEMS if name in shown}
            asked = {"specification: baseline → system": SPECIFICATION[asked]} if asked else {}
            named = {"type": measure.kind, "name": measure.label, "unit": measure.unit}
            made.append({**named, **shown["shipped"], "compared": others | asked})
    return made


def evaluation(
    found: dict[str, Results], steps: dict[str, int], fits: dict[str, float], limit: int | None
) -> dict[str, Any]:
    """What the card keeps of it, see :class:`rtvc.hub.card.Evaluation`."""
    counts, machine = found["shipped"]["cases"], found["shipped"]["machine"]
    budget = ", ".join(f"{count:,} steps of {stage}" for stage, count in steps.items())
    name = f"{counts['clone']['cases']} sentences of {counts['clone']['speakers']} speakers"
    return {
        "task": "text-to-speech",
        "title": "The specification's table",
        "dataset": {
            "name": f"{name}, {counts['enhance']['cases']} noisy recordings",
            "hub": ["mythicinfinity/libritts", "CSTR-Edinburgh/vctk"],
        },
        "metrics": metrics(found),
        "command": f"python experiments/baseline.py --steps {' '.join(f'{k}={v}' for k, v in steps.items())}"
        + (f" --limit {limit}" if limit else ""),
        "machine": f"{machine['cpu']}, {machine['threads']} thread(s)",
        "date": time.strftime("%Y-%m-%d"),
        "column": "shipped",
        "notes": [note.format(steps=budget, utterances=UTTERANCES, **fits) for note in NOTES],
        "weights": found["shipped"]["model"]["weights"],
        "settings": found["shipped"]["model"].get("settings", ""),
        "left_out": run.missed(found["shipped"]),
    }


def budget(written: list[str]) -> dict[str, int]:
    """["ge2e=700"] → the budget."""
    given = dict(one.split("=") for one in written)
    if unknown := set(given) - set(STEPS):
        raise SystemExit(f"baseline.py: there are no steps of {', '.join(unknown)}; give them for {', '.join(STEPS)}.")
    return STEPS | {stage: int(count) for stage, count in given.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=Path, required=True)
    parser.add_argument("--judges", type=Path, help="folder of the second judge")
    parser.add_argument("--steps", nargs="+", default=[], metavar="STAGE=COUNT")
    parser.add_argument("--limit", type=int, help="only about so many cases")
    parser.add_argument("--output", type=Path, default=folders.RUNS / "comparison")
    options = parser.parse_args()
    hush()
    keep_memory()
    steps, cases = budget(options.steps), read_cases(options.cases, options.limit)
    parts = {name: trained(name, steps) for name in SYSTEMS}
    options.output.mkdir(parents=True, exist_ok=True)
    fits = {name: assemble(name, parts[name], options.output / name) for name in SYSTEMS}
    others, models = run.company(options.judges), {name: options.output / name for name in SYSTEMS}
    found = {
        name: measured(folder, cases, others, options.output / f"results-{name}.json")
        for name, folder in (models | {"shipped": CHECKPOINT}).items()
    }
    table = evaluation(found, steps, fits, options.limit)
    (options.output / "baseline.json").write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n")
    for row in table["metrics"]:
        print(row["name"], f"{row['value']:g} {row['unit']}", row["compared"], sep="; ")


if __name__ == "__main__":
    main()
