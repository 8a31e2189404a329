"""Leave one thing out at a time, train each variant for the same few steps and judge it on unseen speakers.

Usage: python experiments/ablations.py [decoder prior sayen …] [--steps N]

``decoder``: copy synthesis with everything, without the harmonic source (the network draws magnitudes and phases
itself), without discriminators, without slower and faster copies of the speakers. ``prior``: latents from text with the
flow, and by plain regression, spoken by the trained decoder; both go on from the shipped model. ``sayen``: without each
of its objectives, with as much of the others. Needs the training data's cache (stage ``data``, …), for the first two
the finished stages ``decoder`` and ``polish``, and the judges of ``../shared``. What a run of exactly the same config
left is not trained again, one that was stopped goes on, one of another config is refused.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
from transformers import PreTrainedModel

from rtvc import phonemes, rtvc7, rtvc7_signal
from rtvc.earspeech import EarSpeechModel
from rtvc.loading import CHECKPOINT
from rtvc.rtvc7 import RTVC7Model
from rtvc.rtvc7_networks import Flow
from rtvc.sayen import SayENModel
from rtvc.training import command, folders
from rtvc.training.config import load_config
from rtvc.training.data import sources
from rtvc.training.data.speech import SpeechCorpora
from rtvc.training.machine import keep_memory
from rtvc.training.models import component, part
from rtvc.training.stages import sayen
from rtvc.training.stages.prior import PriorStage
from rtvc.training.synthesis import targets
from rtvc.tuned_ge2e import TunedGE2EModel

ROOT = Path(__file__).parents[1]
DECODE, FLOW = RTVC7Model.decode, (Flow.forward, Flow.inverse)
# What stands for them in plain regression: the prior's mean is the latents. A flow of no steps is no config.
NO_FLOW = (lambda self, latents, *about: (latents, 0.0)), (lambda self, latents, *about: latents)
UNSEEN = {"librispeech-train-clean-5": 1.0, "librispeech-train-clean-3": 1.0, "librispeech-one-clip": 1.0}


def decode_without_source(self, latents, f0, voice, mask, noise, source=None):
    """`RTVC7Model.decode` where magnitudes and phases are the network's alone (Vocos, Siuzdak 2023)."""
    config = self.config
    voiced = (f0 > 0).float()
    pitch = torch.stack([voiced * (f0.clamp(min=40.0).log() - 5.0), voiced], -1)
    harmonic, phase, aperiodic = self.decoder(latents, pitch, voice, mask)
    envelope = latents.float() * self.mel_deviation + self.mel_mean
    sizes = config.sampling_rate, config.n_fft, config.latent_size, config.mel_top
    base = envelope @ rtvc7_signal.mel_to_bins(*sizes)
    middle = torch.pi * torch.arange(config.n_fft // 2 + 1)  # a phase of 0 is a pulse in the middle of the window
    drawn = torch.polar(rtvc7._gain(base + harmonic), phase + middle)
    noise_part = rtvc7_signal.stft(rtvc7_signal.white_noise(noise, config), config) * rtvc7._gain(base + aperiodic)
    return rtvc7_signal.istft((drawn + noise_part) * mask, config)


def _usual(stage: str) -> dict:
    """A stage's own config."""
    return load_config(ROOT / "configs" / f"{stage}.yaml", [])


def encoders() -> dict[str, str]:
    """What SayEN's variants hear through: what the stage ``ge2e`` left, or else the bundled model."""
    left = folders.RUNS / "ge2e" / "model"
    return {name: str(part(left if left.is_dir() else CHECKPOINT, name)) for name in ("earspeech", "tuned_ge2e")}


def decoder_variants(steps: int) -> dict[str, dict]:
    """Configs of the stage ``decoder`` by name."""
    config = _usual("decoder")
    config |= {"steps": steps, "adversarial_from": steps // 2, "warm_up": steps // 8, "posterior_steps": steps // 2}
    return {
        "everything": config,
        "no harmonic source": config,
        "no discriminators": config | {"adversarial_from": steps},
        "no slower and faster copies": config | {"shifted": []},
    }


def prior_variants(steps: int) -> dict[str, dict]:
    """Configs of the stage ``prior`` by name: on from the shipped model, as from nothing no such few steps speak."""
    config = _usual("prior") | {"steps": steps, "evaluate_every": steps}
    config |= {"init": str(folders.RUNS / "polish" / "model"), "learning_rate": 3e-4}
    return {"flow of 7 steps": config, "plain regression": config}


def sayen_variants(steps: int) -> dict[str, dict]:
    """Configs of the stage ``sayen`` by name."""
    config = _usual("sayen") | {"steps": steps, "minutes": None, "evaluate_every": steps} | encoders()
    variants = {"all objectives": config} | {
        f"without {key}": config | {"model": (config["model"] or {}) | {f"{key}_weight": 0.0}}
        for key in ("spectral", "clarity", "speaker")
    }
    variants["without speaker"]["teacher_weight"] = 0.0  # the teacher hears the speaker too
    return variants


def train(kind: str, name: str, config: dict) -> PreTrainedModel:
    """Train one variant, or load what an earlier run of this very config left."""
    config = config | {"name": f"ablation_{kind}_{name.replace(' ', '_')}_{config['steps']}"}
    return (SayENModel if kind == "sayen" else RTVC7Model).from_pretrained(command.result(config)).eval()


@torch.inference_mode()
def judge_copies(model: RTVC7Model, judges) -> dict[str, float]:
    """Copy synthesis of eight windows of 6 s of unseen speakers: mean scores."""
    speech, random, scores = SpeechCorpora(UNSEEN, "development", aligned=False), np.random.default_rng(0), []
    torch.manual_seed(0)
    for _ in range(8):
        batch = speech.crops(1, 480, random)
        mean, _, _ = targets(model, batch)
        noise = torch.randn_like(batch.wave)
        made = model.decode(mean, batch.f0, batch.voice, batch.mask[..., None], noise)[0].numpy()
        wave = batch.wave[0].numpy()
        likeness = judges.cosine(judges.resemblyzer_embed(wave), judges.resemblyzer_embed(made))
        scores.append((judges.mos(made), judges.pesq_wb(wave, made), likeness))
    return dict(zip(("distill-mos", "pesq", "cosine"), np.mean(scores, 0).round(3).tolist(), strict=True))


@torch.inference_mode()
def judge_readings(model: RTVC7Model, judges) -> dict[str, float]:
    """Twelve sentences in the voices of unseen speakers: mean scores, and the word error rate."""
    speech = SpeechCorpora(UNSEEN, "development", aligned=False)
    references = {item.speaker: item for item in speech.items if item.frames > 720}
    texts = [row["text"] for row in sources.read_table(folders.DATA / "vctk-p239.tsv")][40:400:9]
    texts = [one for one in texts if 5 < len(one.split()) < 16][:12]
    scores, heard = [], []
    for line, item in zip(texts, references.values(), strict=False):
        ids = torch.tensor([[phonemes.IDS[symbol] for symbol in phonemes.phonemize(line)]])
        known = [torch.from_numpy(one.astype(np.float32))[None] for one in speech.voices[item.key]]
        traits = [torch.tensor([one]) for one in item.traits[:3]]
        made = model.synthesize(ids, torch.ones_like(ids), *known, *traits).waveform[0].numpy()
        likeness = judges.cosine(judges.resemblyzer_embed(speech.wave(item)), judges.resemblyzer_embed(made))
        scores.append((judges.mos(made), likeness))
        heard.append(judges.transcribe(made))
    means = dict(zip(("distill-mos", "cosine"), np.mean(scores, 0).round(3).tolist(), strict=True))
    return {"word error rate": round(float(judges.wer(texts[: len(heard)], heard)), 3)} | means


@torch.inference_mode()
def judge_cleaned(model: SayENModel, judges) -> dict[str, float]:
    """24 noisy pieces of 4 s of unseen speakers: mean scores."""
    config, scores, heard = _usual("sayen"), [], encoders()
    enhancing = sayen.Enhancement(
        model, *(component(kind, heard[kind.base_model_prefix]) for kind in (EarSpeechModel, TunedGE2EModel))
    )
    pairs = [pair for some in sayen.development_pairs(config) for pair in zip(*some, strict=True)]
    for noisy, clean in pairs:
        out = model(noisy[None], *enhancing.conditions(noisy[None])).enhanced[0].numpy()
        clean = clean.numpy()
        gain = judges.si_sdr(clean, out) - judges.si_sdr(clean, noisy.numpy())
        kept = [judges.cosine(embed(out), embed(clean)) for embed in (judges.resemblyzer_embed, judges.second_embed)]
        scores.append((judges.pesq_wb(clean, out), judges.estoi(clean, out), gain, *kept))
    names = ("pesq", "estoi", "gain", "resemblyzer kept", "second kept")
    return dict(zip(names, np.mean(scores, 0).round(3).tolist(), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", default=["decoder", "prior", "sayen"])
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    options = parser.parse_args()
    sys.path.insert(0, str(options.shared / "tools"))
    from floors import judges  # noqa: PLC0415  (the judges of ../shared)

    torch.set_num_threads(1)
    keep_memory()
    PriorStage.decay = 0.95  # the usual average would be the weights that so few steps began with
    for kind in options.kinds:
        variants, judge = {
            "decoder": (decoder_variants, judge_copies),
            "prior": (prior_variants, judge_readings),
            "sayen": (sayen_variants, judge_cleaned),
        }[kind]
        for name, config in variants(options.steps).items():
            RTVC7Model.decode = decode_without_source if name == "no harmonic source" else DECODE
            Flow.forward, Flow.inverse = NO_FLOW if name == "plain regression" else FLOW
            print(json.dumps({"stage": kind, "variant": name, **judge(train(kind, name, config), judges)}), flush=True)


if __name__ == "__main__":
    main()
