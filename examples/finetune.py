"""Fine-tune the decoder on recordings of one person: python examples/finetune.py OUTPUT RECORDING … [--steps 200]

RTVC-7's decoder learns how this voice sounds by speaking the recordings after themselves; it needs no texts. A minute
or more of clean speech is sensible. The last tenth is kept apart: only what makes that better is saved.
"""

from __future__ import annotations

import argparse
import copy

import numpy as np
import torch
from torch import Tensor

import rtvc
from rtvc import audio
from rtvc.training.data.measurements import pitch_curve
from rtvc.training.losses import bands_heard, spectral_loss
from rtvc.training.synthesis import compared

FRAMES, BATCH = 120, 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output")
    parser.add_argument("recordings", nargs="+")
    parser.add_argument("--model")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    options = parser.parse_args()
    clone = rtvc.load(options.model)
    model = clone.model.rtvc7
    voice = condition(clone.enroll(options.recordings), model)
    speech = np.concatenate([audio.speech_only(audio.read(one)) for one in options.recordings])
    wave = audio.resample(speech, audio.SAMPLING_RATE, model.config.sampling_rate)
    size = FRAMES * model.config.hop_length
    cut = max(size, int(0.9 * wave.size))
    if wave.size - cut < size:
        raise SystemExit("The recordings are too short; give at least twenty seconds of speech.")
    train, test = wave[:cut], crops(wave[cut:], model, [0, wave.size - cut - size])
    model.requires_grad_(False)
    model.decoder.requires_grad_(True)
    optimizer = torch.optim.AdamW(model.decoder.parameters(), options.learning_rate)
    rng = np.random.default_rng(0)
    first = best = loss_of(model, voice, test).item()
    kept = copy.deepcopy(model.decoder.state_dict())
    for step in range(1, options.steps + 1):
        loss = loss_of(model, voice, crops(train, model, rng.integers(0, cut - size + 1, BATCH)))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.decoder.parameters(), 1.0)
        optimizer.step()
        if step % 20 == 0 or step == options.steps:
            with torch.no_grad():
                now = loss_of(model, voice, test).item()
            print(f"step {step}: {now:.4f}", flush=True)
            if now < best:
                best, kept = now, copy.deepcopy(model.decoder.state_dict())
    model.decoder.load_state_dict(kept)
    clone.model.save_pretrained(options.output)
    clone.processor.save_pretrained(options.output)
    print(f"{options.output}: spectral loss on what was kept apart {first:.4f} → {best:.4f}")


def condition(voice: rtvc.Voice, model) -> Tensor:
    """The voice as the decoder takes it, (1, features)."""
    numbers = [torch.tensor([one]) for one in (voice.pitch_mean, voice.pitch_std, voice.tempo)]
    heard = [torch.tensor(one)[None] for one in (voice.speaker_embedding, voice.timbre)]
    return model.voice(*heard, *numbers, torch.tensor([model.config.recording_quality]))


def crops(wave: np.ndarray, model, starts) -> tuple[Tensor, Tensor]:
    """Waves (batch, samples) and their pitch (batch, frames)."""
    size = FRAMES * model.config.hop_length
    cut = [wave[start : start + size] for start in starts]
    curves = [torch.from_numpy(pitch_curve(audio.resample(one, model.config.sampling_rate))) for one in cut]
    return torch.from_numpy(np.stack(cut)), torch.stack(curves)


def loss_of(model, voice: Tensor, batch: tuple[Tensor, Tensor]) -> Tensor:
    """How unlike the recordings are what the decoder makes of their own latents."""
    waves, f0 = batch
    voice, mask = voice.expand(len(waves), -1), torch.ones(*f0.shape, 1)
    bandwidth = torch.full((len(waves),), audio.SAMPLING_RATE / 2)  # nothing is learned about what lies above it
    mel = model.normalized_mel(waves) * bands_heard(bandwidth, model.config)[:, None]
    latents, _ = model.posterior_encoder(mel, voice, mask)
    noise = torch.randn(waves.shape, generator=torch.Generator().manual_seed(0))
    spoken = model.decode(latents, f0, voice, mask, noise)
    return spectral_loss(*compared(spoken, waves, bandwidth, model.config), model.config)


if __name__ == "__main__":
    main()
